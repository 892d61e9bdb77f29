"""One writer at a time in a run folder, on every platform, with a lock that dies with its process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kdnet.errors import RunFolderError


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold the run folder's lock; the operating system releases it even when the process is killed.

    Raises:
        RunFolderError: when another process holds it.
    """
    with (folder / "lock").open("a+b") as stream:
        try:
            _lock(stream)
        except OSError as error:
            raise RunFolderError(
                f"{folder} is being written by another process: wait for it to end, or stop it first."
            ) from error
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(stream: IO[bytes]) -> None:
        stream.seek(0)
        msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(stream: IO[bytes]) -> None:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
