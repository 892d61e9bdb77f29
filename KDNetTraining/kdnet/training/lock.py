"""One writer at a time in a run folder, on every platform, with a lock that dies with its process."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kdnet.errors import RunFolderError

PATIENCE_SECONDS = 1.0  # whoever asks is_held() holds the lock for an instant, which must not turn a writer away
FILE = "lock"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the run folder's lock; the operating system releases it even when the process is killed.

    Raises:
        RunFolderError: when another process holds it.
    """
    with (folder / FILE).open("a+b") as stream:
        _acquire(stream, folder)
        yield


def is_held(folder: Path) -> bool:
    """Whether a process holds the lock of ``folder``, as far as can be read here."""
    try:
        stream = (folder / FILE).open("rb")
    except OSError:  # nobody ever wrote here, or the folder is not ours to ask
        return False
    with stream:
        try:
            _probe(stream)
        except OSError:
            return True
    return False


def _acquire(stream: IO[bytes], folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return _lock(stream)
        except OSError as error:
            if time.monotonic() >= deadline:
                raise RunFolderError(
                    f"{folder} is being written by another process: wait for it to end, or stop it first."
                ) from error
        time.sleep(0.02)


if sys.platform == "win32":
    import msvcrt

    def _lock(stream: IO[bytes]) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

    def _probe(stream: IO[bytes]) -> None:
        _lock(stream)
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _probe(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
