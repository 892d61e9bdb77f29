"""Temporary folders that are found and removed by the next Slicer if this one ends before it has removed them."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from pathlib import Path

from kdnet.runs.process_record import process_exists
from kdnet.temporary_names import owner_of, temporary_prefix


def make_temporary_folder() -> Path:
    """Make a temporary folder that belongs to this process."""
    return Path(tempfile.mkdtemp(prefix=temporary_prefix()))


def abandoned_folders() -> list[Path]:
    """Return the temporary folders of processes of this machine that have ended."""
    owners = {path: owner_of(path.name) for path in Path(tempfile.gettempdir()).glob("kdnet-*")}
    return [path for path, pid in owners.items() if pid not in (None, os.getpid()) and not process_exists(pid or 0)]


def sweep_temporary_folders() -> threading.Thread:
    """Remove abandoned folders in a thread, which is returned; those of other users stay."""

    def sweep() -> None:
        for path in abandoned_folders():
            shutil.rmtree(path, ignore_errors=True)

    thread = threading.Thread(target=sweep, name="kdnet sweep", daemon=True)
    thread.start()
    return thread
