"""Bounds-checked reading of untrusted text headers, as in MetaImage and NRRD."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kdnet.data.volumes.integrity import require_regular
from kdnet.errors import DataError

MOST_LINE, MOST_LINES = 1 << 12, 4096

OTHER_UNITS = frozenset(
    f"{prefix}{unit}"
    for prefix, units in {
        "": ("m", "in", "inch", "inches", "meter", "meters", "metre", "metres", "micron", "microns", "km"),
        "c": ("m",),
        "n": ("m",),
        "u": ("m",),
        "µ": ("m",),
        "μ": ("m",),
        "centi": ("meter", "meters", "metre", "metres"),
        "micro": ("meter", "meters", "metre", "metres"),
    }.items()
    for unit in units
)


def header_lines(path: Path, is_last: Callable[[str], bool]) -> tuple[list[str], int]:
    """Read the lines of a header, including its last one.

    Args:
        path: path of a regular file.
        is_last: predicate for the line that ends the header.

    Returns:
        The lines without line endings, and the offset in bytes of what follows them.

    Raises:
        DataError: if the header is too long to be valid.
    """
    require_regular(path)
    lines: list[str] = []
    with path.open("rb") as stream:
        while line := stream.readline(MOST_LINE):
            if len(line) == MOST_LINE or len(lines) == MOST_LINES or b"\0" in line:
                raise DataError(f"{path} does not have a text header: export it again or choose another.")
            lines.append(line.decode("latin-1").rstrip("\r\n"))
            if is_last(lines[-1]):
                break
        return lines, stream.tell()


def require_millimeters(units: Sequence[str], path: Path) -> None:
    """Refuse lengths in another unit, which ITK would take for millimeters.

    Raises:
        DataError: naming the unit.
    """
    for unit in units:
        if unit.strip().lower() in OTHER_UNITS:
            raise DataError(f"{path} specifies lengths in {unit}, which is not supported: export it again in mm.")


def after_lines(path: Path, offset: int, count: int) -> int:
    """Return the offset in bytes after ``count`` lines of a file that begin at ``offset``.

    Raises:
        DataError: if there are too few lines.
    """
    with path.open("rb") as stream:
        stream.seek(offset)
        if count > MOST_LINES or not all(stream.readline(MOST_LINE).endswith(b"\n") for _ in range(count)):
            raise DataError(f"{path} does not have the {count} lines that its header skips: export it again.")
        return stream.tell()


def add_field(fields: dict[str, str], name: str, value: str, path: Path) -> None:
    """Add a field to ``fields``.

    Raises:
        DataError: if it is already present, because it is unclear which of the two a reader takes.
    """
    if name in fields:
        raise DataError(f"{path} specifies {name} twice in its header: export it again.")
    fields[name] = value


def numbers(fields: Mapping[str, str], name: str, count: int, path: Path) -> list[float]:
    """Return a field of ``count`` finite numbers.

    Raises:
        DataError: for anything else.
    """
    try:
        values = [float(word) for word in fields[name].split()]
    except ValueError:
        values = []
    if len(values) != count or not all(math.isfinite(value) for value in values):
        raise odd_field(fields, name, path)
    return values


def integers(fields: Mapping[str, str], name: str, count: int, least: int, path: Path) -> tuple[int, ...]:
    """Return a field of ``count`` integers that are at least ``least``.

    Raises:
        DataError: for anything else.
    """
    try:
        values = tuple(int(word) for word in fields[name].split())
    except ValueError:
        values = ()
    if len(values) != count or min(values, default=0) < least:
        raise odd_field(fields, name, path)
    return values


def require_fields(fields: Mapping[str, str], names: Sequence[str], path: Path) -> None:
    """Refuse a header that lacks one of ``names``."""
    for name in names:
        if name not in fields:
            raise DataError(f"{path} has no {name} in its header: export it again or choose another.")


def odd_field(fields: Mapping[str, str], name: str, path: Path) -> DataError:
    """Return the error for an invalid field."""
    return DataError(f"{path} has an invalid {name} in its header ({fields[name][:60]}): correct it or export it again.")


def detached(path: Path, name: str) -> Path:
    """Return the voxel data file named in the header ``path``.

    Raises:
        DataError: if it is not a regular file in the folder of the header or below it.
    """
    voxels = Path(name)
    if voxels.is_absolute() or ".." in voxels.parts or "\\" in name or ":" in name:
        raise DataError(f"{path} stores its voxels in another folder ({name[:60]}): put both files in the same folder.")
    voxels = path.parent / voxels
    if not voxels.exists():
        raise DataError(f"{path} stores its voxels in {voxels.name[:60]}, which does not exist: copy that file too.")
    if not voxels.is_file():
        raise DataError(f"{path} stores its voxels in {name[:60]}, which is not a regular file: export it again.")
    return voxels
