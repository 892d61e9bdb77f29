"""Starting a Python process alongside Slicer, and killing it with all its children.

In Slicer, ``sys.executable`` is ``PythonSlicer``, a launcher that starts Python as its child: killing only the launcher
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

from kdnet.shared_files import BACKEND

DISTRIBUTED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")
KILL_SECONDS = 1.0


def start_python(arguments: Sequence[str], *, stdin: bool = False, merged: bool = False) -> subprocess.Popen[str]:
    """Start Python with ``arguments`` in its own process group, with ``kdnet`` on its path and streams as pipes.

    Args:
        arguments: arguments of Python.
        stdin: whether stdin is a pipe too; otherwise it is empty.
        merged: whether stderr is redirected to stdout.
    """
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if merged else subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=process_environment(),
        creationflags=_creation_flags(),
        start_new_session=True,
    )


def start_detached(arguments: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start Python with ``arguments`` so that it outlives this process; its output is appended to the file ``log``.

    The caller must poll the result periodically while it runs: an exited child that is never polled keeps its
    process ID and appears alive.
    """
    with log.open("ab") as stream:
        return subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=process_environment(),
            creationflags=_creation_flags(ownGroup=True),
            start_new_session=True,
        )


def process_environment() -> dict[str, str]:
    """Return the environment of a process that runs alongside Slicer.

    - ``kdnet`` is on its path, and the working folder is not: a ``random.py`` among the user's data must not be run.
    - It does not join a distributed training that Slicer itself was started in.
    - Its threads sleep while they wait, so that Slicer stays responsive on a busy machine.
    """
    theirs = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    paths = [str(BACKEND), *(path for path in theirs if Path(path).is_absolute())]
    inherited = {name: value for name, value in os.environ.items() if name not in DISTRIBUTED}
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        **inherited,
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONIOENCODING": "utf-8:replace",
    }


def kill_tree(process: subprocess.Popen[str]) -> None:
    """Kill ``process`` and its children; do nothing if they have already ended."""
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


def reaped(process: subprocess.Popen[str], seconds: float = KILL_SECONDS) -> int:
    """Return the exit code of a killed process, or -9 if the system cannot end it within ``seconds``.

    A process that waits for a device or a network drive cannot be killed immediately, and Slicer must not wait for it.
    """
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return -9


def _creation_flags(*, ownGroup: bool = False) -> int:
    """Return the flags that hide the console window of a process on Windows, and shield it from Ctrl+C if ``ownGroup``."""
    if sys.platform != "win32":
        return 0
    return subprocess.CREATE_NO_WINDOW | (subprocess.CREATE_NEW_PROCESS_GROUP if ownGroup else 0)
