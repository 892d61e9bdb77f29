"""Asking a running study to pause or to stop, from any process and on every platform: a small file in its run folder."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path

from kdnet.errors import RunFolderError
from kdnet.files import partial_path, write_json
from kdnet.foreign import parse_message

FILE = "control.json"


class StopMode(StrEnum):
    """What whoever asks means to do afterwards; the process does the same for both."""

    PAUSE = "pause"  # go on later
    STOP = "stop"  # not go on; a resume is still possible

    @property
    def done(self) -> str:
        """``"paused"`` or ``"stopped"``."""
        return "paused" if self is StopMode.PAUSE else "stopped"


class Interrupted(Exception):  # noqa: N818 - not an error: the run can be resumed
    """A study ended on request after it had saved its state.

    Attributes:
        intent: of the request.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.intent = StopMode.STOP if reason.startswith(StopMode.STOP.done) else StopMode.PAUSE


def request_stop(root: Path, intent: StopMode) -> None:
    """Ask the process that writes the run folder ``root`` to save its state and end.

    It notices within about half a second, or when the training step or case in hand is done. Asking a run that is not
    going on does nothing: the next start drops what was asked before it.

    Raises:
        RunFolderError: when there is no such folder.
        KDNetError: when the folder cannot be written to.
    """
    if not root.is_dir():
        raise RunFolderError(f"{root} is no run folder (it is not there): choose another one.")
    write_json(root / FILE, {"intent": intent.value, "time": time.time()})


def requested(root: Path) -> StopMode | None:
    """What was asked of the run in ``root``, if anything; a damaged file asks for a pause."""
    content = _read(root)
    if content is None:
        return None
    return StopMode.STOP if content.get("intent") == StopMode.STOP.value else StopMode.PAUSE


def clear_stop_request(root: Path, before: float) -> None:
    """Drop a request made before the time ``before`` (seconds since 1970): it was meant for an earlier process.

    A later one was made while this process was starting, and is kept. What counts is the time that the file system gave
    the request, compared with the time that it gives a new file: the request may come from a machine whose clock differs.
    """
    content = _read(root)
    if content is None:
        return
    try:
        late = (root / FILE).stat().st_mtime - _clock_of(root) >= before - time.time()
    except OSError:
        late = False
    if not late or not content:
        (root / FILE).unlink(missing_ok=True)


def _read(root: Path) -> dict[str, object] | None:
    try:
        return dict(parse_message((root / FILE).read_text(encoding="utf-8")) or {})
    except (FileNotFoundError, IsADirectoryError):  # what nobody of kdnet made asks for nothing
        return None
    except (OSError, ValueError):
        return {}


def _clock_of(root: Path) -> float:
    """The present time (seconds since 1970) by the clock of the file system that holds ``root``."""
    probe = partial_path(root / "clock")
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
