"""Validate headers of MetaImage files (.mha, .mhd) before ITK reads them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kdnet.data.volumes.geometry import UNPLACED
from kdnet.data.volumes.integrity import Payload
from kdnet.data.volumes.text_header import (
    add_field,
    detached,
    header_lines,
    integers,
    numbers,
    odd_field,
    require_fields,
    require_millimeters,
)
from kdnet.errors import DataError

LAST = "ElementDataFile"

ELEMENTS = {
    "MET_CHAR": 1,
    "MET_UCHAR": 1,
    "MET_SHORT": 2,
    "MET_USHORT": 2,
    "MET_INT": 4,
    "MET_UINT": 4,
    "MET_LONG": 4,
    "MET_ULONG": 4,
    "MET_LONG_LONG": 8,
    "MET_ULONG_LONG": 8,
    "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}

MATRICES = ("TransformMatrix", "Rotation", "Orientation")  # three names for the same field

ORDERS = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")

PLACES = ("Offset", "Position", "Origin")

WORDS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}


@dataclass(frozen=True)
class CheckedHeader:
    """A header that is safe for ITK.

    Attributes:
        payload: location of the voxel data.
        doubts: ambiguities about the location of the volume.
    """

    payload: Payload
    doubts: tuple[str, ...]


def check_metaimage(path: Path) -> CheckedHeader:
    """Read and validate the header of a MetaImage file.

    Raises:
        DataError: naming the file and what is wrong with its header.
    """
    lines, end = header_lines(path, lambda line: _field(line)[0] == LAST)
    fields: dict[str, str] = {}
    for line in lines:
        name, value = _field(line)
        if name:
            add_field(fields, name, value, path)
    require_fields(fields, ("NDims", "DimSize", "ElementType", LAST), path)
    shape = _shape(fields, path)
    _check_place(fields, len(shape), path)
    require_millimeters([fields.get("DistanceUnits", "")], path)
    channels = integers(fields, "ElementNumberOfChannels", 1, 1, path) if "ElementNumberOfChannels" in fields else (1,)
    if fields["ElementType"] not in ELEMENTS:
        raise odd_field(fields, "ElementType", path)
    payload = _payload(fields, (*shape, *channels), end, path)
    unplaced = () if any(name in fields for name in MATRICES) else (UNPLACED.format(missing="no TransformMatrix"),)
    return CheckedHeader(payload, unplaced)


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition("=")
    return name.strip(), value.strip()


def _shape(fields: dict[str, str], path: Path) -> tuple[int, ...]:
    (dimensions,) = integers(fields, "NDims", 1, 1, path)
    if dimensions < 3:
        raise DataError(f"{path} is a 2D image: choose a 3D volume.")
    if dimensions > 5:
        raise odd_field(fields, "NDims", path)
    return integers(fields, "DimSize", dimensions, 1, path)


def _check_place(fields: dict[str, str], dimensions: int, path: Path) -> None:
    for names, count in ((MATRICES, dimensions**2), ((*PLACES, "CenterOfRotation"), dimensions)):
        for name in names:
            if name in fields:
                numbers(fields, name, count, path)
    for names in (MATRICES, PLACES):
        given = {fields[name] for name in names if name in fields}
        if len(given) > 1:
            raise DataError(f"{path} specifies contradictory positions ({' and '.join(names)}): correct its header.")
    steps = [name for name in ("ElementSpacing", "ElementSize") if name in fields]
    if "ElementSpacing" not in steps:
        raise DataError(f"{path} does not specify its spacing (no ElementSpacing in its header): export it again.")
    if min(numbers(fields, "ElementSpacing", dimensions, path)) <= 0:
        raise odd_field(fields, "ElementSpacing", path)
    if "ElementSize" in steps:
        numbers(fields, "ElementSize", dimensions, path)


def _payload(fields: dict[str, str], shape: tuple[int, ...], end: int, path: Path) -> Payload:
    name = fields[LAST]
    if name.upper().startswith("LIST") or "%" in name or not name:
        raise DataError(f"{path} stores its voxels in several files: save it as one .mha or .nii.gz file.")
    local = name.upper() == "LOCAL"
    voxels = path if local else detached(path, name)
    itemsize = ELEMENTS[fields["ElementType"]]
    packed = _packed(fields, path)
    orders = [_flag(fields, name, False, path) for name in ORDERS if name in fields] or [False]
    if len(set(orders)) > 1:
        raise DataError(f"{path} specifies contradictory byte orders: export it again.")
    big = orders[0]
    skip = integers(fields, "HeaderSize", 1, -1, path)[0] if "HeaderSize" in fields else 0
    if not _flag(fields, "BinaryData", True, path):
        raise DataError(f"{path} stores its voxels as text, which is not supported: save it as a binary file.")
    if _flag(fields, "CompressedData", False, path):
        if skip:
            raise odd_field(fields, "HeaderSize", path)
        return Payload(voxels, end if local else 0, shape, itemsize, "deflate", packed, big)
    if packed is not None:
        raise odd_field(fields, "CompressedDataSize", path)
    if local and 0 < skip < end:
        raise odd_field(fields, "HeaderSize", path)
    return Payload(voxels, skip or (end if local else 0), shape, itemsize, big_endian=big)


def _packed(fields: dict[str, str], path: Path) -> int | None:
    if "CompressedDataSize" not in fields:
        return None
    (size,) = integers(fields, "CompressedDataSize", 1, 0, path)
    return size or None


def _flag(fields: dict[str, str], name: str, default: bool, path: Path) -> bool:
    if name not in fields:
        return default
    if fields[name].lower() not in WORDS:
        raise odd_field(fields, name, path)
    return WORDS[fields[name].lower()]
