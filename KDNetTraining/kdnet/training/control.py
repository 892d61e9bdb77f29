"""Asking a running study to pause or to stop, from any process and on every platform: a small file in its run folder."""

from __future__ import annotations

import json
import time
from enum import StrEnum
from pathlib import Path

from kdnet.errors import RunFolderError
from kdnet.files import write_json

FILE = "control.json"


class Intent(StrEnum):
    """What whoever asks means to do afterwards; the process does the same for both."""

    PAUSE = "pause"  # go on later
    STOP = "stop"  # not go on; a resume is still possible

    @property
    def done(self) -> str:
        """``"paused"`` or ``"stopped"``."""
        return "paused" if self is Intent.PAUSE else "stopped"


def request_stop(root: Path, intent: Intent) -> None:
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


def requested(root: Path) -> Intent | None:
    """What was asked of the run in ``root``, if anything; a damaged file asks for a pause."""
    content = _read(root)
    if content is None:
        return None
    return Intent.STOP if content.get("intent") == Intent.STOP.value else Intent.PAUSE


def forget_request(root: Path, before: float) -> None:
    """Drop a request made before the time ``before`` (seconds since 1970): it was meant for an earlier process.

    A later one was made while this process was starting, and is kept.
    """
    content = _read(root)
    if content is None:
        return
    made = content.get("time")
    if not isinstance(made, int | float) or made < before:
        (root / FILE).unlink(missing_ok=True)


def _read(root: Path) -> dict[str, object] | None:
    try:
        content = json.loads((root / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
