"""Windows' rules for files, applied on Linux, so that tests of files find here what would fail there.

- What was opened for reading cannot be flushed.
- An open or mapped file can be neither replaced, renamed nor removed; nor can a folder that holds one.
- Names differ by more than their case; ``: ? * < > | "``, control characters, a dot or space at the end, and the names of
  devices are refused.

The rules hold below one folder and for functions of Python's :mod:`os` and :mod:`io`; libraries that call the system directly
are seen by their open and mapped files (``/proc/self``), not by the names that they use.
"""

from __future__ import annotations

import errno
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FORBIDDEN = re.compile(r'[\x00-\x1f<>:"|?*]|[. ]$')
DEVICES = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)


class WindowsRules:
    """Replaces functions of Python while a test runs.

    Args:
        root: folder below which the rules hold.
        patch: undoes everything at the end of the test.
    """

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root.resolve()
        self._patch = patch

    def apply(self) -> None:
        """From now on the rules hold."""
        self._guard(os, "open", self._name)
        self._guard(io, "open", self._name)
        self._patch.setattr("builtins.open", io.open)
        self._guard(os, "mkdir", self._name)
        for name in ("unlink", "remove", "rmdir"):
            self._guard(os, name, self._not_in_use)
        for name in ("rename", "replace"):
            self._guard(os, name, self._not_in_use, self._name_and_not_in_use)
        fsync = os.fsync

        def writable(number: int) -> None:
            import fcntl

            if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                raise OSError(errno.EBADF, "Bad file descriptor")
            fsync(number)

        self._patch.setattr(os, "fsync", writable)

    def in_use(self, path: Path) -> bool:
        """Whether this process has ``path``, or something below it, open or mapped."""
        held = set()
        for link in Path("/proc/self/fd").iterdir():
            try:
                held.add(str(link.readlink()))
            except OSError:
                continue  # the descriptor of this listing
        for line in Path("/proc/self/maps").read_bytes().splitlines():
            parts = line.split(None, 5)
            if len(parts) == 6:
                held.add(os.fsdecode(parts[5]))
        own = str(path)
        return any(item == own or item.startswith(own + os.sep) for item in held)

    def _guard(self, owner: Any, name: str, *checks: Callable[[Path], None]) -> None:
        original = getattr(owner, name)

        def guarded(*arguments: Any, **options: Any) -> Any:
            if options.get("dir_fd") is None:
                given = list(arguments)
                for index, check in enumerate(checks):
                    path = self._below(given[index]) if index < len(given) else None
                    if path is not None:
                        given[index] = self._as_stored(path)
                        check(given[index])
                arguments = tuple(given)
            return original(*arguments, **options)

        self._patch.setattr(owner, name, guarded)

    def _below(self, given: Any) -> Path | None:
        if not isinstance(given, str | bytes | os.PathLike):
            return None
        path = Path(os.path.abspath(os.fsdecode(given)))  # noqa: PTH100 - without following links
        return path if self.root in path.parents else None

    def _name(self, path: Path) -> None:
        for part in path.relative_to(self.root).parts:
            if FORBIDDEN.search(part) or DEVICES.fullmatch(part):
                raise OSError(errno.EINVAL, "The filename, directory name, or volume label syntax is incorrect", str(path))

    def _as_stored(self, path: Path) -> Path:
        """The file that Windows takes for ``path``: names that differ by their case alone are one."""
        stored = self.root
        for part in path.relative_to(self.root).parts:
            try:
                names = os.listdir(stored)  # noqa: PTH208 - what is patched here
            except OSError:
                names = []
            same = [name for name in names if name.casefold() == part.casefold()]
            stored = stored / (part if part in same or not same else same[0])
        return stored

    def _not_in_use(self, path: Path) -> None:
        if self.in_use(path):
            raise PermissionError(errno.EACCES, "The process cannot access the file because it is being used", str(path))

    def _name_and_not_in_use(self, path: Path) -> None:
        self._name(path)
        self._not_in_use(path)
