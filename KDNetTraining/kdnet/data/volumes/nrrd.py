"""Validate headers of NRRD files (.nrrd, .nhdr) before ITK reads them."""

from __future__ import annotations

import math
import re
from pathlib import Path

from kdnet.data.volumes.geometry import UNPLACED
from kdnet.data.volumes.integrity import Payload
from kdnet.data.volumes.metaimage import CheckedHeader
from kdnet.data.volumes.text_header import (
    add_field,
    after_lines,
    detached,
    header_lines,
    integers,
    odd_field,
    require_fields,
    require_millimeters,
)
from kdnet.errors import DataError

MAGIC = re.compile(r"NRRD000[1-5]$")

TYPES = {
    1: "signed char, int8, int8_t, uchar, unsigned char, uint8, uint8_t",
    2: "short, short int, signed short, signed short int, int16, int16_t, "
    "ushort, unsigned short, unsigned short int, uint16, uint16_t",
    4: "int, signed int, int32, int32_t, uint, unsigned int, uint32, uint32_t, float",
    8: "longlong, long long, long long int, signed long long, signed long long int, int64, int64_t, "
    "ulonglong, unsigned long long, unsigned long long int, uint64, uint64_t, double",
}

SIZES = {name: size for size, names in TYPES.items() for name in names.split(", ")}

SPATIAL_KINDS = ("domain", "space", "???", "none")

ANATOMICAL = re.compile(r"(right|left)-(anterior|posterior)-superior|ras|las|lps")  # spaces whose left side ITK knows

QUOTED = re.compile(r'"([^"]*)"')

VECTOR = re.compile(r"\(([^()]*)\)|(none)", re.IGNORECASE)


def check_nrrd(path: Path) -> CheckedHeader:
    """Read and validate the header of an NRRD file.

    Raises:
        DataError: naming the file and what is wrong with its header.
    """
    lines, end = header_lines(path, lambda line: not line)
    if not lines or not MAGIC.match(lines[0]):
        raise DataError(f"{path} is not an NRRD file: export it again or choose another.")
    fields: dict[str, str] = {}
    for line in lines[1:]:
        name, separator, value = line.partition(":")
        if line and not line.startswith("#") and separator and not value.startswith("="):
            add_field(fields, name.strip().lower().replace(" ", ""), value.strip(), path)
    require_fields(fields, ("dimension", "sizes", "type", "encoding"), path)
    (dimension,) = integers(fields, "dimension", 1, 1, path)
    if dimension < 3:
        raise DataError(f"{path} is a 2D image: choose a 3D volume.")
    if dimension > 5:
        raise odd_field(fields, "dimension", path)
    shape = integers(fields, "sizes", dimension, 1, path)
    _check_place(fields, dimension, path)
    require_millimeters([unit for name in ("spaceunits", "units") for unit in QUOTED.findall(fields.get(name, ""))], path)
    if fields["type"].lower() not in SIZES:
        raise odd_field(fields, "type", path)
    return CheckedHeader(_payload(fields, shape, end, path), _doubts(fields))


def _check_place(fields: dict[str, str], dimension: int, path: Path) -> None:
    """Refuse a header with a missing or invalid spacing."""
    if "spacedirections" in fields:
        placed = [_is_vector(text, path) for text in _vectors(fields, "spacedirections", path)]
    elif "spacings" in fields:
        placed = _spaced(fields, dimension, path)
    else:
        raise DataError(f"{path} does not specify its spacing (no space directions, no spacings): export it again.")
    if len(placed) != dimension:
        raise odd_field(fields, "spacedirections" if "spacedirections" in fields else "spacings", path)
    if sum(placed) < 3:
        raise DataError(f"{path} does not specify the spacing of an axis (none or nan in its header): export it again.")
    if "spaceorigin" in fields and not all(_is_vector(text, path) for text in _vectors(fields, "spaceorigin", path)):
        raise odd_field(fields, "spaceorigin", path)


def _spaced(fields: dict[str, str], dimension: int, path: Path) -> list[bool]:
    """Return which axes have a spacing; lists, colors and vectors need none."""
    try:
        steps = [float(word) for word in fields["spacings"].split()]
    except ValueError:
        raise odd_field(fields, "spacings", path) from None
    if any(not math.isnan(step) and not (0 < step < math.inf) for step in steps):
        raise odd_field(fields, "spacings", path)
    kinds = fields.get("kinds", " ".join(["domain"] * dimension)).lower().split()
    return [not math.isnan(step) and kind in SPATIAL_KINDS for step, kind in zip(steps, kinds, strict=False)]


def _vectors(fields: dict[str, str], name: str, path: Path) -> list[str]:
    if VECTOR.sub("", fields[name]).strip():
        raise odd_field(fields, name, path)
    return [match.group(1) or "" for match in VECTOR.finditer(fields[name])]


def _is_vector(text: str, path: Path) -> bool:
    """Check whether ``text`` is a vector of finite numbers; False for none, which may be written as NaN."""
    try:
        values = [float(word) for word in text.split(",")] if text else []
    except ValueError:
        values = [math.inf]
    if any(math.isinf(value) for value in values) or len({math.isnan(value) for value in values}) > 1:
        raise DataError(f"{path} has an invalid direction or origin in its header ({text[:60]}): correct it.")
    return bool(values) and not math.isnan(values[0])


def _payload(fields: dict[str, str], shape: tuple[int, ...], end: int, path: Path) -> Payload:
    name = fields.get("datafile", "")
    if name.upper().startswith("LIST") or "%" in name:
        raise DataError(f"{path} stores its voxels in several files: save it as one .nrrd or .nii.gz file.")
    voxels = detached(path, name) if name else path
    begin = 0 if name else end
    itemsize = SIZES[fields["type"].lower()]
    lines = integers(fields, "lineskip", 1, 0, path)[0] if "lineskip" in fields else 0
    skip = integers(fields, "byteskip", 1, -1, path)[0] if "byteskip" in fields else 0
    encoding = fields["encoding"].lower()
    big = fields.get("endian", "").lower() == "big"
    if encoding == "raw":
        offset = after_lines(voxels, begin, lines) + skip if skip >= 0 else -1
        return Payload(voxels, offset, shape, itemsize, big_endian=big)
    if encoding in ("gz", "gzip"):
        if lines or skip:
            raise odd_field(fields, "lineskip" if lines else "byteskip", path)
        return Payload(voxels, begin, shape, itemsize, "deflate", big_endian=big)
    if encoding in ("txt", "text", "ascii"):
        return Payload(voxels, begin, shape, itemsize, "text")
    raise DataError(f"{path} is encoded as {encoding[:20]}, which is not supported: save it with gzip or raw encoding.")


def _doubts(fields: dict[str, str]) -> tuple[str, ...]:
    space = fields.get("space", "").lower()
    if "spacedirections" in fields and ANATOMICAL.match(space):
        return ()
    return (UNPLACED.format(missing=f"space: {space[:40]}" if space else "no space and directions"),)
