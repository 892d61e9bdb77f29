"""Names of results: different for different patients and sessions, and allowed on every platform."""

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
    """``path`` from the root on, without ``..``; links stay, because their names may be all that tells patients apart."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() follows links


class Named(Protocol):
    """What is given a name: an input, refused or not."""

    @property
    def name(self) -> str:
        """As it is called by itself."""

    @property
    def path(self) -> Path:
        """Its first file, or its folder."""


def different_names(items: Sequence[Named], taken: Mapping[str, Path] | None = None) -> list[str]:
    """Give a name to each of ``items`` that no other has, on a file system that ignores case too.

    An item keeps its own name where that is different. Otherwise the names of folders above it are put before it, as many
    as it takes: two files ``scan.nii`` of the folders ``P1`` and ``P2`` become ``P1_scan`` and ``P2_scan``.

    Args:
        items: to be named.
        taken: names that others have, with the file or folder that has each.
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
    """``name`` with an underscore for whatever some platform refuses in the name of a file.

    Example:
        >>> safe_name("12:30 axial."), safe_name("con.1")
        ('12_30 axial_', '_con.1')
    """
    kept = "".join("_" if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") else character for character in name)
    kept = FORBIDDEN.sub("_", kept)
    kept = re.sub(r"[. ]+$", "_", kept) or "_"
    return f"_{kept}" if RESERVED.fullmatch(kept) else kept


def result_path(folder: Path, name: str, ending: str, longest: int = LONGEST_NAME) -> Path:
    """The file ``name`` + ``ending`` in ``folder``; a name that is too long is cut, and ends in a digest of the whole.

    Args:
        folder: of results.
        name: of the case, as :func:`safe_name` gives it.
        ending: with the suffix of the format.
        longest: bytes that the name may have.
    """
    room = longest - len(os.fsencode(ending))
    if sys.platform == "win32":
        room = min(room, LONGEST_WINDOWS_PATH - len(str(folder)) - 1 - len(ending))
    if len(os.fsencode(name)) > room:
        short = os.fsencode(name)[: max(room - 9, 1)].decode(errors="ignore").rstrip(". ")
        name = f"{short}-{_digest(name)}"
    return folder / f"{name}{ending}"


def file_parts(names: Iterable[str]) -> dict[str, str]:
    """Each of ``names`` (regions, labels) as part of a file name, all different where case is ignored.

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
    """Names for an item, the plainest first; the last ones are different for different paths.

    Args:
        item: to be named.
        used: names that others have.
        same_folder: whether another item of this name lies in the same folder.
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
    """Whether ``name`` says ``part`` already."""
    return name.casefold() == part.casefold() or name.casefold().startswith((f"{part}_".casefold(), f"{part}-".casefold()))


def _stem(path: Path) -> str:
    return path.name[: -len("".join(path.suffixes[-2:]))] if path.name.lower().endswith(".nii.gz") else path.stem


def _key(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFC", name).casefold()


def _digest(text: str) -> str:
    return hashlib.sha256(os.fsencode(text)).hexdigest()[:8]


def _first(candidates: Iterable[str], fits: Callable[[str], bool]) -> str:
    return next(candidate for candidate in candidates if fits(candidate))
