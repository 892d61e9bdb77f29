"""Where a run keeps everything: one folder that can be moved, resumed, and read while it is being written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kdnet.errors import RunFolderError
from kdnet.files import PARTIAL, atomic_write, writable_folder, write_json
from kdnet.foreign import parse_json
from kdnet.runs import control, lock, process_record
from kdnet.runs.lock import exclusive
from kdnet.runs.process_record import record_process

SCHEMA = 1

NOT_COMPARED = frozenset({"command", "device", "threads"})  # may differ when a run is resumed

TRACES = frozenset({control.FILE, lock.FILE, process_record.FILE, "reserve", "log.txt"})  # before a run has begun

RESERVE_BYTES = 1 << 16


@dataclass(frozen=True)
class RunFolder:
    """The files of a run.

    Attributes:
        root: the folder. It holds ``study.json`` (what was asked for), ``splits.json``, ``events.jsonl``, ``cache/``,
            ``report/`` and one folder per network, such as ``fold0/seed0/student-t1ce/``.
    """

    root: Path

    @property
    def study(self) -> Path:
        """What was asked for."""
        return self.root / "study.json"

    @property
    def splits(self) -> Path:
        """Training, validation and test cases per fold."""
        return self.root / "splits.json"

    @property
    def events(self) -> Path:
        """The progress channel."""
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
        """The recipe of all networks, with its number of steps settled."""
        return self.root / "recipe.json"

    @property
    def inspection(self) -> Path:
        """What the inspection of the cases found."""
        return self.root / "inspection.json"

    @property
    def teacher(self) -> Path:
        """The model file of a teacher that was brought along, if there is one."""
        return self.root / "teacher.safetensors"

    @property
    def reserve(self) -> Path:
        """Space held back, so that a run can still tell in its events that the disk is full."""
        return self.root / "reserve"

    def network(self, name: str) -> NetworkFolder:
        """The folder of one network, made if needed."""
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return NetworkFolder(folder, name)

    def begin(self, request: dict[str, Any]) -> bool:
        """Record what is asked for, or find that it was begun before; return whether it was.

        Raises:
            RunFolderError: when the folder belongs to another request, a newer version, or something else.
        """
        content = {"schema": SCHEMA, **json.loads(json.dumps(request))}
        if not self.study.exists():
            if any(item.name not in TRACES for item in self.root.iterdir()):
                raise RunFolderError(f"{self.root} holds files but no run: choose an empty or new folder.")
            write_json(self.study, content)
            return False
        # what an older version did not know of is missing there, and empty here
        content, known = _filled(content), _filled(read_study(self.root))
        keys = (content.keys() | known.keys()) - NOT_COMPARED
        differing = sorted(key for key in keys if content.get(key) != known.get(key))
        if differing:
            names = ", ".join(differing)
            raise RunFolderError(f"{self.root} holds a run with other settings ({names}): choose another folder.")
        return True

    def move_data(self, data: Path) -> None:
        """Record that the data folder is now ``data``.

        Raises:
            RunFolderError: when no run was begun here.
        """
        write_json(self.study, {**read_study(self.root), "data": str(data.resolve())})


def _filled(record: Mapping[str, Any]) -> dict[str, Any]:
    """Without values that are empty, 0 or off, also in records within it."""
    plain = {key: _filled(value) if isinstance(value, Mapping) else value for key, value in record.items()}
    return {key: value for key, value in plain.items() if value}


@dataclass(frozen=True)
class NetworkFolder:
    """The files of one network of a run."""

    root: Path
    name: str

    @property
    def recipe(self) -> Path:
        """The recipe as it was trained."""
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
    """The request that the run folder ``root`` was begun with.

    Raises:
        RunFolderError: when there is none, or one of a newer version.
    """
    path = root / "study.json"
    try:
        content: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
        schema = int(content["schema"])
    except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise RunFolderError(f"{root} is no run folder (study.json is missing or damaged): choose another one.") from error
    if schema > SCHEMA:
        raise RunFolderError(f"{root} was written by a newer version of kdnet: update kdnet to open it.")
    return content


@contextmanager
def open_run(root: Path) -> Iterator[RunFolder]:
    """Open a run folder for writing, alone.

    Raises:
        KDNetError: when the folder cannot be written, or another process writes it.
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
    """Remove half-written files that killed processes left anywhere in the run; a state or a case may be gigabytes."""
    for name in (f"{PARTIAL}*", ".tmp*"):  # ours, safetensors'
        for path in root.rglob(name):
            with suppress(OSError):
                path.unlink()
