"""Starting a Python process beside Slicer, and ending it with everything that it started.

In Slicer ``sys.executable`` is ``PythonSlicer``, a launcher that starts Python as its child: ending the launcher alone
would leave Python running.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from KDNetLib.Folders import BACKEND


def start_python(arguments: Sequence[str], *, stdin: bool = False, merged: bool = False) -> subprocess.Popen[str]:
    """Start Python with ``arguments`` in a process group of its own, ``kdnet`` on its path, streams as pipes.

    Args:
        arguments: of Python.
        stdin: whether its stdin is a pipe too; otherwise it is empty.
        merged: whether stderr goes to stdout.
    """
    flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=_environment(),
        creationflags=flags,
        start_new_session=True,
    )


def start_detached(arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start Python with ``arguments`` so that it outlives this process; what it says is added to the file ``log``.

    The caller polls the result now and then while it lives itself: an ended child that nobody asks about still has a
    process number, and looks alive.
    """
    flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP if sys.platform == "win32" else 0
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=_environment(),
            creationflags=flags,
            start_new_session=True,
        )


def _environment() -> dict[str, str]:
    paths = [str(BACKEND), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}


def kill_tree(process: subprocess.Popen[str]) -> None:
    """End ``process`` and its children at once; nothing happens when they have ended."""
    if sys.platform == "win32":
        command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(command, check=False, capture_output=True, creationflags=subprocess.CREATE_NO_WINDOW)
    else:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(OSError):
        process.kill()
    if process.stdin is not None:
        with contextlib.suppress(OSError):
            process.stdin.close()
