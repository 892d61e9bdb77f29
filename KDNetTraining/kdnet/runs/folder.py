"""The run folder, which can be moved, resumed, and read while it is being written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdnet.errors import KDNetError, RunFolderError
from kdnet.files import PARTIAL, atomic_write, writable_folder, write_json
from kdnet.foreign import parse_json
from kdnet.runs import control, lock, process_record
from kdnet.runs.lock import exclusive
from kdnet.runs.process_record import record_process
from kdnet.schema.former_names import current_study
from kdnet.schema.network_id import NetworkId

SCHEMA = 2

NOT_COMPARED = frozenset({"command", "device", "threads", "out", "force"})  # may change when a run is resumed

TRACES = frozenset({control.FILE, lock.FILE, process_record.FILE, "reserve", "log.txt"})  # present before a run has started

RESERVE_BYTES = 1 << 16


@dataclass(frozen=True)
class RunFolder:
    """The files of a run.

    Attributes:
        root: the folder. It holds ``study.json`` (the request), ``splits.json``, ``events.jsonl``, ``cache/``,
            ``report/`` and one folder per network, such as ``fold0/seed0/student-t1ce/``.
    """

    root: Path

    @property
    def study(self) -> Path:
        """The recorded request."""
        return self.root / "study.json"

    @property
    def splits(self) -> Path:
        """Training, validation and test cases per fold."""
        return self.root / "splits.json"

    @property
    def events(self) -> Path:
        """The event record, which reports progress."""
        return self.root / "events.jsonl"

    @property
    def cache(self) -> Path:
        """Preprocessed cases."""
        return self.root / "cache"

    @property
    def contents(self) -> Path:
        """Digests of the files of each case."""
        return self.root / "contents.json"

    @property
    def report(self) -> Path:
        """Tables, pictures and the HTML file."""
        return self.root / "report"

    @property
    def recipe(self) -> Path:
        """The recipe of all networks, with its number of steps."""
        return self.root / "recipe.json"

    @property
    def steps(self) -> Path:
        """Times of the trial steps, and the steps that were settled after them; only with a time budget."""
        return self.root / "steps.json"

    @property
    def inspection(self) -> Path:
        """Results of the inspection of the cases."""
        return self.root / "inspection.json"

    @property
    def teacher(self) -> Path:
        """The model file of a pretrained teacher, if there is one."""
        return self.root / "teacher.safetensors"

    @property
    def start(self) -> Path:
        """The model file that networks start from, if there is one."""
        return self.root / "start.safetensors"

    @property
    def adaptation(self) -> Path:
        """Whether an adapted model is better than before."""
        return self.root / "adaptation.json"

    @property
    def reserve(self) -> Path:
        """Reserved disk space, so that a run can still record in its events that the disk is full."""
        return self.root / "reserve"

    def network(self, network: NetworkId) -> NetworkFolder:
        """Return the folder of one network, whether or not it exists."""
        return NetworkFolder(self.root / network.key, network.key)

    def begin(self, request: dict[str, Any]) -> bool:
        """Record the request, or check it against the one recorded before; return whether the run existed.

        A run that ended before its cases were split has nothing to lose, so it takes the new request: a mistake in an
        option does not use up the folder.

        Raises:
            RunFolderError: if the folder belongs to another request, a newer version, or something else.
        """
        content = {"schema": SCHEMA, **json.loads(json.dumps(request))}
        if not self.study.exists():
            if any(item.name not in TRACES for item in self.root.iterdir()):
                raise RunFolderError(f"{self.root} contains other files: choose an empty or new folder.")
            write_json(self.study, content)
            return False
        if differing := self.differing(request):
            if not self.splits.exists():
                write_json(self.study, content)
                return False
            names = ", ".join(differing)
            raise RunFolderError(f"{self.root} holds a run with other settings ({names}): choose another folder.")
        return True

    def differing(self, request: Mapping[str, Any]) -> list[str]:
        """Return the names of the settings in which ``request`` differs from the one recorded here.

        Raises:
            RunFolderError: if there is none, or it is from a newer version.
        """
        # settings unknown to an older version are missing there, and empty or at their defaults here
        content = _filled({"schema": SCHEMA, **json.loads(json.dumps(request))})
        known = _filled(_with_defaults(read_study(self.root)))
        keys = (content.keys() | known.keys()) - NOT_COMPARED
        return sorted(key for key in keys if content.get(key) != known.get(key))

    def move_data(self, data: Path) -> None:
        """Record that the data folder is now ``data``.

        Raises:
            RunFolderError: if no run was started here.
        """
        write_json(self.study, {**read_study(self.root), "data": str(data.resolve())})


def _with_defaults(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record with the defaults of settings that it lacks; as it is if it is not a request."""
    from kdnet.schema.study_request import StudyRequest  # noqa: PLC0415 - panels read the status of runs without numpy

    try:
        return {"schema": record["schema"], **json.loads(json.dumps(StudyRequest.from_json(record).to_json()))}
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError, KDNetError):
        return record


def _filled(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record without values that are empty, 0 or off, including in nested records."""
    plain = {key: _filled(value) if isinstance(value, Mapping) else value for key, value in record.items()}
    return {key: value for key, value in plain.items() if value}


@dataclass(frozen=True)
class NetworkFolder:
    """The files of one network of a run."""

    root: Path
    name: str

    @property
    def recipe(self) -> Path:
        """The recipe used for training."""
        return self.root / "recipe.json"

    @property
    def checkpoint(self) -> Path:
        """State for resuming; removed when the model file is written."""
        return self.root / "checkpoint.safetensors"

    @property
    def model(self) -> Path:
        """The finished model file."""
        return self.root / "model.safetensors"

    @property
    def scores(self) -> Path:
        """Dice and HD95 per test case and region."""
        return self.root / "scores.json"

    @property
    def predictions(self) -> Path:
        """Labelmaps of the test cases on their original grids."""
        return self.root / "predictions"


def read_study(root: Path) -> dict[str, Any]:
    """Read the request that the run in ``root`` was started with, with the current names of its settings.

    Raises:
        RunFolderError: if there is none, or it is from a newer version.
    """
    path = root / "study.json"
    try:
        content: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
        schema = int(content["schema"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise RunFolderError(
            f"{root} is not a run folder (study.json is missing or damaged): choose another one."
        ) from error
    if schema > SCHEMA:
        raise RunFolderError(f"{root} was written by a newer version of kdnet: update kdnet to open it.")
    return {**current_study(content), "schema": SCHEMA}


@contextmanager
def open_run(root: Path) -> Iterator[RunFolder]:
    """Open a run folder for exclusive writing.

    Raises:
        KDNetError: if the folder cannot be written, or another process is writing it.
    """
    writable_folder(root)
    with exclusive(root):
        record_process(root)
        run = RunFolder(root)
        _sweep(root)
        with atomic_write(run.reserve) as temporary:
            temporary.write_bytes(b"0" * RESERVE_BYTES)
        try:
            yield run
        finally:
            run.reserve.unlink(missing_ok=True)


def _sweep(root: Path) -> None:
    """Remove partial files left by killed processes anywhere in the run; a state or a case may take gigabytes."""
    for name in (f"{PARTIAL}*", ".tmp*"):  # kdnet's, safetensors'
        for path in root.rglob(name):
            with suppress(OSError):
                path.unlink()
