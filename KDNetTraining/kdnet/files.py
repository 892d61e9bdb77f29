"""Writing files so that a reader, at any instant, sees the old file or the new one and never half of one."""

from __future__ import annotations

import json
import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kdnet.errors import KDNetError

PATIENCE_SECONDS = 5.0
PARTIAL = ".partial-"  # how the names of unfinished files begin


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` when the block ends, remove it when it fails.

    The temporary name keeps all suffixes of ``path``, because image writers choose the format by them.

    Example:
        >>> from pathlib import Path; import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with replacing(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'

    Raises:
        KDNetError: when the folder is missing, full or may not be written to.
    """
    temporary = partial_path(path)
    try:
        yield temporary
        with temporary.open("r+b") as stream:  # Windows flushes through handles that may write alone
            os.fsync(stream.fileno())
        rename_over(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise KDNetError(f"{path} cannot be written ({reason}): choose another folder or free some space.") from error
    finally:
        with suppress(OSError):  # the folder may be a file, or gone
            temporary.unlink(missing_ok=True)


def partial_path(path: Path) -> Path:
    """A short name beside ``path`` for what is being written, with its image or data suffix in lower case, as image
    writers expect it, and of no other process.

    It begins with ``PARTIAL``, which readers of folders pass over and owners of folders sweep away. It does not repeat the
    name of ``path``, which may be as long as the file system allows.
    """
    suffix = "".join(path.suffixes[-2:]) if path.suffix.lower() == ".gz" else path.suffix
    return path.with_name(f"{PARTIAL}{os.getpid()}-{secrets.token_hex(4)}{suffix[:16].lower()}")


def rename_over(temporary: Path, path: Path) -> None:
    """Rename ``temporary`` to ``path``.

    Windows does not let a file be replaced while another process is reading it, so this waits a little there.

    Raises:
        OSError: when it cannot be done.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            temporary.replace(path)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() >= deadline:
                raise
        time.sleep(0.05)


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def writable_folder(path: Path) -> Path:
    """Make the folder ``path`` if needed and prove that a file can be written there.

    Raises:
        KDNetError: naming the folder, when it cannot be made or written to.
    """
    probe = partial_path(path / "probe")
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe.touch()
    except OSError as error:
        reason = error.strerror or str(error)
        raise KDNetError(f"{path} cannot be used as output folder ({reason}): choose another one.") from error
    finally:
        with suppress(OSError):
            probe.unlink(missing_ok=True)
    return path
