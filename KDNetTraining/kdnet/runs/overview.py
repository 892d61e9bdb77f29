"""What a list of runs shows of each besides its state: when it started, its data, and how good its students are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kdnet.errors import KDNetError, RunFolderError
from kdnet.foreign import parse_message, read_json, reading
from kdnet.runs.folder import RunFolder, read_study
from kdnet.schema.network_id import Role
from kdnet.schema.results import MEAN


@dataclass(frozen=True)
class RunOverview:
    """An overview of a run.

    Attributes:
        started: when its first process started, in seconds since 1970; None before.
        data: its data folder; None while unknown.
        dice: mean Dice of each student over regions and test patients, in the order of the study; empty before the report.
    """

    started: float | None = None
    data: Path | None = None
    dice: tuple[float, ...] = ()


def read_overview(root: Path) -> RunOverview:
    """Read the overview of the run in ``root``; what is missing or damaged is left out."""
    try:
        data: Path | None = Path(str(read_study(root)["data"]))
    except (KDNetError, KeyError):
        data = None
    return RunOverview(_started(root), data, _dice(root))


def _started(root: Path) -> float | None:
    try:
        with RunFolder(root).events.open(encoding="utf-8", errors="replace") as stream:
            event = parse_message(stream.readline()) or {}
    except OSError:
        return None
    time = event.get("time")
    return float(time) if isinstance(time, int | float) else None


def _dice(root: Path) -> tuple[float, ...]:
    path, remedy = RunFolder(root).report / "results.json", "resume the run to write it again"
    if not path.exists():
        return ()
    try:
        with reading(path, remedy, RunFolderError):
            rows = read_json(path, remedy, RunFolderError)["summary"]["networks"]
            return tuple(float(row["dice"]) for row in rows if (row["role"], row["region"]) == (Role.STUDENT, MEAN))
    except KDNetError:
        return ()
