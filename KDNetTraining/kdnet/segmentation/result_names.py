"""Name results uniquely across patients and sessions, with names allowed on every platform."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

LONGEST_NAME = 255  # bytes of a file name on Linux; Windows and macOS count characters, which are never more
LONGEST_WINDOWS_PATH = 259
FORBIDDEN = re.compile(r'[<>:"/\\|?*]')  # on Windows
RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)  # on Windows, with any suffix


def absolute(path: Path) -> Path:
    """Return ``path`` as absolute, without ``..``; links stay, because their names may be all that identifies patients."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links


class Named(Protocol):
    """Something to name: an input, rejected or not."""

    @property
    def name(self) -> str:
        """Its own name."""

    @property
    def path(self) -> Path:
        """Its first file, or its folder."""


def different_names(items: Sequence[Named], taken: Mapping[str, Path] | None = None) -> list[str]:
    """Give each of ``items`` a unique name, also on file systems that ignore case.

    An item keeps its own name if it is unique. Otherwise the names of its parent folders are prepended, as many as
    needed: two files ``scan.nii`` in the folders ``P1`` and ``P2`` become ``P1_scan`` and ``P2_scan``.

    Args:
        items: items to name.
        taken: names already in use, with the file or folder of each.
    """
    used = {_key(name): path for name, path in (taken or {}).items()}
    places = Counter((_key(safe_name(item.name)), item.path.parent) for item in items)
    alike = [places[_key(safe_name(item.name)), item.path.parent] > 1 for item in items]
    candidates = [_candidates(item, used, same_folder=same) for item, same in zip(items, alike, strict=True)]
    names = [next(candidate) for candidate in candidates]
    while True:
        counts = Counter(map(_key, names))
        ambiguous = [index for index, name in enumerate(names) if counts[_key(name)] > 1 or _key(name) in used]
        if not ambiguous:
            return names
        for index in ambiguous:
            names[index] = next(candidates[index])


def safe_name(name: str) -> str:
    """Return ``name`` with an underscore for everything that any platform forbids in file names.

    Example:
        >>> safe_name("12:30 axial."), safe_name("con.1")
        ('12_30 axial_', '_con.1')
    """
    kept = "".join("_" if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") else character for character in name)
    kept = FORBIDDEN.sub("_", kept)
    kept = re.sub(r"[. ]+$", "_", kept) or "_"
    return f"_{kept}" if RESERVED.fullmatch(kept) else kept


def result_path(folder: Path, name: str, ending: str, longest: int = LONGEST_NAME) -> Path:
    """Return the path of ``name`` + ``ending`` in ``folder``; a long name is cut and ends in a digest of the full name.

    Args:
        folder: results folder.
        name: case name, as returned by :func:`safe_name`.
        ending: including the suffix of the format.
        longest: maximum length of the name in bytes.
    """
    room = longest - len(os.fsencode(ending))
    if sys.platform == "win32":
        room = min(room, LONGEST_WINDOWS_PATH - len(str(folder)) - 1 - len(ending))
    if len(os.fsencode(name)) > room:
        short = os.fsencode(name)[: max(room - 9, 1)].decode(errors="ignore").rstrip(". ")
        name = f"{short}-{_digest(name)}"
    return folder / f"{name}{ending}"


def file_parts(names: Iterable[str]) -> dict[str, str]:
    """Return each of ``names`` (regions, labels) as part of a file name, unique even where case is ignored.

    Example:
        >>> file_parts(["core/necrotic", "core necrotic"])
        {'core/necrotic': 'core-necrotic', 'core necrotic': 'core-necrotic-2'}
    """
    parts: dict[str, str] = {}
    used: set[str] = set()
    for name in names:
        plain = re.sub(r"[^\w.+-]+", "-", name)
        numbered = (plain if number == 1 else f"{plain}-{number}" for number in range(1, len(parts) + 3))
        parts[name] = _first(numbered, lambda part: _key(part) not in used)
        used.add(_key(parts[name]))
    return parts


def _candidates(item: Named, used: Mapping[str, Path], *, same_folder: bool) -> Iterator[str]:
    """Yield names for an item, the plainest first; the last ones differ for different paths.

    Args:
        item: item to name.
        used: names already in use.
        same_folder: whether another item with this name is in the same folder.
    """
    path = absolute(item.path)
    name = safe_name(item.name)
    yield name
    other = used.get(_key(name))
    if same_folder or (other is not None and other.parent == path.parent):
        if _stem(path) != item.name:
            yield safe_name(_stem(path))  # another file of the same case
        yield safe_name(path.name)  # another format
    longer = name
    for parent in path.parents:
        part = safe_name(parent.name)
        if not parent.name or _begins(name, part):
            continue
        longer = f"{part}_{longer}"
        yield longer
    number = 0
    while True:
        yield f"{name}-{_digest(f'{path}{number or str()}')}"
        number += 1


def _begins(name: str, part: str) -> bool:
    """Check whether ``name`` already starts with ``part``."""
    return name.casefold() == part.casefold() or name.casefold().startswith((f"{part}_".casefold(), f"{part}-".casefold()))


def _stem(path: Path) -> str:
    return path.name[: -len("".join(path.suffixes[-2:]))] if path.name.lower().endswith(".nii.gz") else path.stem


def _key(name: str) -> str:
    """Return a key that is equal for names that some file system treats as the same."""
    return unicodedata.normalize("NFC", name).casefold()


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:8]


def _first(candidates: Iterable[str], fits: Callable[[str], bool]) -> str:
    return next(candidate for candidate in candidates if fits(candidate))
