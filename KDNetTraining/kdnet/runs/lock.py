"""A lock that allows one writer per run folder, on every platform, and is released when its process ends."""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kdnet.errors import RunFolderError
from kdnet.messages import message_line
from kdnet.runs.process_record import recorded_process_lives

NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP)  # of file systems: some NFS, some containers

PATIENCE_SECONDS = 1.0  # is_locked() briefly holds the lock, which must not turn a writer away

FILE = "lock"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the run folder's lock; the operating system releases it even when the process is killed.

    On file systems without locks, the last recorded process is checked instead, if it ran on this machine.

    Raises:
        RunFolderError: if another process holds it.
    """
    try:
        stream = (folder / FILE).open("a+b")
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunFolderError(f"{folder / FILE} cannot be written ({reason}): choose another folder.") from error
    with stream:
        _acquire(stream, folder)
        yield


def is_locked(folder: Path) -> bool:
    """Check whether a process holds the lock of ``folder``, as far as this machine can determine."""
    try:
        stream = (folder / FILE).open("rb")
    except OSError:  # never written to, or not accessible
        return False
    with stream:
        try:
            _probe(stream)
        except OSError as error:
            return recorded_process_lives(folder) if error.errno in NO_LOCKS else True
    return False


def _acquire(stream: IO[bytes], folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return _lock(stream)
        except OSError as error:
            lockless = error.errno in NO_LOCKS
            if lockless and not recorded_process_lives(folder):
                warning = f"{folder} is on a file system without locks: use it in one process at a time."
                print(message_line(warning), file=sys.stderr)
                return None
            if lockless or time.monotonic() >= deadline:
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
