"""File digests of each case at the start of a run, which must not continue with other images or labels.

Otherwise a teacher could be trained and scored on different references than its student.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kdnet.data.dataset import Case
from kdnet.data.preprocessing.case_cache import case_digests
from kdnet.errors import RunFolderError
from kdnet.files import write_json
from kdnet.foreign import read_json
from kdnet.text import one_line
from kdnet.training.distributed import DistributedContext

REMEDY = "restore it, or delete it if the data is as it was, then resume the run"

Contents = Mapping[str, Mapping[str, str]]
"""Case to the digest of each of its files by modality, with ``"reference"``."""


def read_contents(
    cases: Sequence[Case],
    processes: DistributedContext,
    check: Callable[[], None] = lambda: None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> dict[str, dict[str, str]]:
    """Compute digests of the files of ``cases``, distributed over the processes.

    Args:
        cases: whose files are read.
        processes: all call this.
        check: called before each case; may raise to stop.
        progress: called after each round with the number of cases done and the total.

    Raises:
        DataError: naming a file that cannot be read.
    """
    found: dict[str, dict[str, str]] = {}

    def digest(round_: Sequence[Case]) -> dict[str, dict[str, str]]:
        check()
        return {case.name: case_digests(case) for case in round_[processes.rank :][:1]}

    for index in range(0, len(cases), processes.count):
        round_ = cases[index : index + processes.count]
        for part in processes.together(lambda round_=round_: digest(round_)):  # type: ignore[misc]
            found |= part
        progress(len(found), len(cases))
    return found


def keep_contents(path: Path, contents: Contents) -> None:
    """Write ``contents`` to ``path``, or check them against those recorded there for known cases.

    Raises:
        RunFolderError: naming the case and the file that changed since the run started.
    """
    known = read_kept(path) if path.exists() else {}
    for name, files in contents.items():
        before = known.get(name, files)
        changed = sorted(kind for kind in before.keys() | files.keys() if before.get(kind) != files.get(kind))
        if changed:
            raise RunFolderError(
                f"case {name} has changed since {path.parent} was started (different content: "
                f"{', '.join(changed)}): restore its "
                "files, or start a new run."
            )
    if contents.keys() - known.keys():
        write_json(path, {**known, **contents})


def read_kept(path: Path) -> Contents:
    """Read a file from :func:`keep_contents`.

    Raises:
        RunFolderError: when the file is damaged.
    """
    known = read_json(path, REMEDY, RunFolderError)
    for name, files in known.items():
        if not isinstance(files, dict) or not all(isinstance(digest, str) for digest in files.values()):
            raise RunFolderError(f"{path} is damaged (it gives no digests for case {one_line(name, 60)}): {REMEDY}.")
    return known
