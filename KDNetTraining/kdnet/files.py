"""Atomic file writing: at any time, a reader sees either the old file or the new one, never a partial one."""

from __future__ import annotations

import csv
import json
import os
import secrets
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from kdnet.errors import KDNetError

PATIENCE_SECONDS = 5.0
PARTIAL = ".partial-"  # prefix of the names of unfinished files


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to ``path``; rename it to ``path`` at the end of the block, or remove it on failure.

    The temporary name keeps all suffixes of ``path``, because image writers choose the format from them.

    Example:
        >>> from pathlib import Path; import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with atomic_write(target) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> target.read_text()
        'whole'

    Raises:
        KDNetError: if the folder is missing, full or not writable.
    """
    temporary = partial_path(path)
    try:
        yield temporary
        with temporary.open("r+b") as stream:  # Windows flushes only through writable handles
            os.fsync(stream.fileno())
        rename_over(temporary, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise KDNetError(f"{path} cannot be written ({reason}): choose another folder or free some space.") from error
    finally:
        with suppress(OSError):  # the folder may be a file, or gone
            temporary.unlink(missing_ok=True)


def partial_path(path: Path) -> Path:
    """Return a short temporary name next to ``path``, unique to this process, that keeps its suffix in lower case.

    Image writers expect that suffix. The name starts with ``PARTIAL``, which folder readers
    skip and folder owners clean up, and omits the name of ``path``, which may be as long as the file system allows.
    """
    suffix = "".join(path.suffixes[-2:]) if path.suffix.lower() == ".gz" else path.suffix
    return path.with_name(f"{PARTIAL}{os.getpid()}-{secrets.token_hex(4)}{suffix[:16].lower()}")


def rename_over(temporary: Path, path: Path) -> None:
    """Rename ``temporary`` to ``path``.

    Windows does not allow replacing a file while another process is reading it, so this retries briefly there.

    Raises:
        OSError: if it fails.
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


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> None:
    """Write rows of cells as a UTF-8 table, atomically; text from files must have passed :func:`kdnet.text.table_cell`."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8", errors="replace") as stream:
        csv.writer(stream, lineterminator="\n").writerows(rows)


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` as indented JSON, atomically."""
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def writable_folder(path: Path) -> Path:
    """Create the folder ``path`` if needed and check that a file can be written there.

    Raises:
        KDNetError: naming the folder if it cannot be created or written to.
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
