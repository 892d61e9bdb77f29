"""Requests to pause or stop a running study, from any process on any platform, as a small file in its run folder."""

from __future__ import annotations

import time
from pathlib import Path

from kdnet.errors import RunFolderError
from kdnet.files import partial_path, write_json
from kdnet.foreign import parse_message
from kdnet.schema.interruption import StopMode

FILE = "control.json"


def request_stop(root: Path, mode: StopMode) -> None:
    """Request that the process writing the run folder ``root`` save its state and exit.

    It responds within about half a second, or after the current training step or case. A request to a run that is not
    in progress has no effect: the next start discards earlier requests.

    Raises:
        RunFolderError: if the folder does not exist.
        KDNetError: if the folder cannot be written to.
    """
    if not root.is_dir():
        raise RunFolderError(f"{root} does not exist: choose another run folder.")
    write_json(root / FILE, {"intent": mode.value, "time": time.time()})


def pending_stop(root: Path) -> StopMode | None:
    """Return the pending request for the run in ``root``, if any; a damaged file counts as a pause."""
    content = _read(root)
    if content is None:
        return None
    return StopMode.STOP if content.get("intent") == StopMode.STOP.value else StopMode.PAUSE


def clear_stop_request(root: Path, before: float) -> None:
    """Discard a request made before the time ``before`` (seconds since 1970), meant for an earlier process.

    A later one was made while this process was starting, and is kept. The file system's timestamp of the request is
    compared with that of a new file, because the request may come from a machine whose clock differs.
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
    except (FileNotFoundError, IsADirectoryError):  # not written by kdnet, so not a request
        return None
    except (OSError, ValueError):
        return {}


def _clock_of(root: Path) -> float:
    """Return the current time (seconds since 1970) by the clock of the file system that holds ``root``."""
    probe = partial_path(root / "clock")
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)
