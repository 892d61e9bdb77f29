"""How tests wait: for a condition, with one deadline for all of them, which a slow and busy machine meets too."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

PATIENCE = 240.0
"""Seconds that any piece of work may take; below the time limit of a test."""


def wait_until(
    condition: Callable[[], object],
    process: subprocess.Popen[str] | subprocess.Popen[bytes] | None = None,
    *,
    pause: Callable[[], object] = lambda: time.sleep(0.02),
    seconds: float = PATIENCE,
) -> None:
    """Wait until ``condition`` holds.

    Args:
        condition: checked between pauses.
        process: that must be alive until then.
        pause: what to do between checks.
        seconds: until this fails.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if process is not None and process.poll() is not None and not condition():
            raise AssertionError(f"the process ended with exit code {process.returncode}")
        assert time.monotonic() < deadline, f"nothing happens in {seconds:.0f} s"
        pause()


def is_alive(pid: int) -> bool:
    """Check whether a process of this number runs; one that has ended and was not waited for does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # ended meanwhile, or a system without /proc
        return Path("/proc").is_dir() is False
