"""The record of the process that writes a run folder, so that another process can show or end it."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdnet.files import write_json
from kdnet.foreign import parse_message

FILE = "process.json"

CLOCK_SECONDS = 10.0  # tolerance between the times of a process and of its record


def record_process(root: Path) -> None:
    """Record this process in the run folder ``root``, whose lock it holds."""
    write_json(root / FILE, {"pid": os.getpid(), "host": platform.node(), "started": time.time()})


def recorded_pid(root: Path) -> int | None:
    """Return the last recorded process, None if absent or from another machine; the lock shows whether it is alive."""
    return _local_pid(_read(root))


def recorded_process_lives(root: Path) -> bool:
    """Check, without a lock, whether the last recorded process is a different one running on this machine."""
    record = _read(root)
    pid = _local_pid(record)
    if pid is None or pid == os.getpid() or not process_exists(pid):
        return False
    began, recorded = _start_time(pid), record.get("started")
    # a process that started after the record was written merely reuses the number
    return began is None or not isinstance(recorded, int | float) or began <= recorded + CLOCK_SECONDS


def _read(root: Path) -> Mapping[str, Any]:
    try:
        return parse_message((root / FILE).read_text(encoding="utf-8")) or {}
    except (OSError, ValueError):
        return {}


def _local_pid(record: Mapping[str, Any]) -> int | None:
    pid = record.get("pid")
    return pid if isinstance(pid, int) and pid > 0 and record.get("host") == platform.node() else None


def _start_time(pid: int) -> float | None:
    """Return the start time of a process in seconds since 1970, where the system provides it in a file."""
    try:
        return Path(f"/proc/{pid}").stat().st_ctime
    except OSError:
        return None


if sys.platform == "win32":
    import ctypes

    STILL_ACTIVE = 259
    QUERY = 0x1000  # PROCESS_QUERY_LIMITED_INFORMATION

    def process_exists(pid: int) -> bool:
        """Check whether a process with this ID runs on this machine."""
        kernel = ctypes.WinDLL("kernel32")
        handle = kernel.OpenProcess(QUERY, False, pid)
        if not handle:
            return False
        code = ctypes.c_ulong()
        known = kernel.GetExitCodeProcess(handle, ctypes.byref(code))
        kernel.CloseHandle(handle)
        return bool(known) and code.value == STILL_ACTIVE

else:

    def process_exists(pid: int) -> bool:
        """Check whether a process with this ID runs on this machine."""
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
