"""Take the frames of a multi-frame DICOM file (Enhanced MR and the like) apart, so that they are read like single slices.

GDCM gives all frames of a file the rescale slope of the first and assumes that they lie in order. So each frame is handed
to it as a file of one slice, which also decodes frames of every compression.
"""

from __future__ import annotations

import struct
from collections import ChainMap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from kdnet.data.volumes.dicom_file import ITEM, MAGIC, PREAMBLE, SEQUENCE_END, UNDEFINED, DicomHeader
from kdnet.errors import DataError

FRAMES = 0x00280008

ROWS, COLUMNS, ALLOCATED, PHOTOMETRIC = 0x00280010, 0x00280011, 0x00280100, 0x00280004

SYNTAX, EXPLICIT = 0x00020010, b"1.2.840.10008.1.2.1"

MR_IMAGE = b"1.2.840.10008.5.1.4.1.1.4"

NUMBERS = (0x00280002, PHOTOMETRIC, ROWS, COLUMNS, ALLOCATED, 0x00280101, 0x00280102, 0x00280103)  # in the order of tags

RESCALE = (0x00281052, 0x00281053)

Fragments = tuple[tuple[int, int], ...]


def frames_of(header: DicomHeader) -> tuple[DicomHeader, ...]:
    """Return a header for each frame of a multi-frame file, like those of single slices, in the order of the file.

    Args:
        header: header of a file.

    Returns:
        The headers. Anything but a multi-frame file that describes each of its frames is returned as it is.

    Raises:
        DataError: if the pixels of the frames cannot be told apart.
    """
    count = len(header.frames)
    if header.frame is not None or not count or header.numbers(FRAMES, 1) != (count,):
        return (header,)
    size = header.integer(ROWS) * header.integer(COLUMNS) * header.integer(ALLOCATED) // 8
    compressed = header.pixel_bytes is not None and header.pixel_bytes < 0
    if not compressed and header.pixel_start < 0:
        raise DataError(
            f"{header.path} is a deflated multi-frame file: convert it to NIfTI first, for example with dcm2niix."
        )
    pieces = _fragments(header, count) if compressed else ()
    return tuple(
        replace(
            header,
            values=_values(header, values),
            pixel_bytes=-1 if compressed else min(size, max(0, (header.pixel_bytes or 0) - k * size)),
            pixel_start=-1 if compressed else header.pixel_start + k * size,
            fragments=pieces[k] if compressed else (),
            frames=(),
            frame=k,
        )
        for k, values in enumerate(header.frames)
    )


def _values(header: DicomHeader, frame: Mapping[int, bytes]) -> Mapping[int, bytes]:
    """Return the values of a frame over those of the file, which are not copied: a file may have thousands of frames."""
    return ChainMap({FRAMES: b"1"}, cast("dict[int, bytes]", frame), cast("dict[int, bytes]", header.values))


def _fragments(header: DicomHeader, count: int) -> tuple[Fragments, ...]:
    """Return the offset table and the fragments of each compressed frame."""
    table, *pieces = header.fragments or ((0, 0),)
    if len(pieces) == count:
        return tuple((table, piece) for piece in pieces)
    with header.path.open("rb") as stream:
        stream.seek(table[0])
        content = stream.read(table[1])
    starts = [number for (number,) in struct.iter_unpack("<I", content)] if table[1] == 4 * count else []
    if not starts or not pieces:
        raise DataError(
            f"{header.path} holds frames that cannot be told apart: convert it to NIfTI first, for example with dcm2niix."
        )
    places = [place - pieces[0][0] for place, _ in pieces]
    stops = [*starts[1:], places[-1] + 1]
    return tuple(
        (table, *(piece for piece, place in zip(pieces, places, strict=True) if start <= place < stop))
        for start, stop in zip(starts, stops, strict=True)
    )


@contextmanager
def single_file(header: DicomHeader) -> Iterator[Path]:
    """Yield a file that GDCM can read: that of the header, or one with its frame alone, which is temporary."""
    if header.frame is None:
        yield header.path
        return
    with TemporaryDirectory(prefix="kdnet-frame-") as folder:
        path = Path(folder) / "frame.dcm"
        path.write_bytes(_single(header))
        yield path


def _single(header: DicomHeader) -> bytes:
    """Return a DICOM file with one frame, explicit VR little endian but for what compression demands."""
    native = header.pixel_start >= 0
    syntax = EXPLICIT if native else header.values.get(SYNTAX, b"").strip(b" \0")
    meta = _element(0x00020002, b"UI", MR_IMAGE) + _element(0x00020003, b"UI", b"1.2.3") + _element(SYNTAX, b"UI", syntax)
    content = [bytes(PREAMBLE), MAGIC, _element(0x00020000, b"UL", struct.pack("<I", len(meta))), meta]
    content += [_element(0x00080016, b"UI", MR_IMAGE), _element(0x00080018, b"UI", b"1.2.3")]
    for tag in NUMBERS:
        if tag == PHOTOMETRIC:
            content.append(_element(tag, b"CS", header.values.get(tag, b"MONOCHROME2")))
        elif tag in header.values:
            content.append(_element(tag, b"US", struct.pack("<H", header.integer(tag, 0))))
    content += [_element(tag, b"DS", header.values[tag]) for tag in RESCALE if header.text(tag)]
    content.append(_native(header) if native else _encapsulated(header))
    return b"".join(content)


def _native(header: DicomHeader) -> bytes:
    with header.path.open("rb") as stream:
        stream.seek(header.pixel_start)
        pixels = stream.read(header.pixel_bytes or 0)
    if header.big_endian:
        step = header.integer(ALLOCATED) // 8
        pixels = b"".join(pixels[k : k + step][::-1] for k in range(0, len(pixels), step))
    return b"\xe0\x7f\x10\0OW\0\0" + struct.pack("<I", len(pixels) + len(pixels) % 2) + pixels + bytes(len(pixels) % 2)


def _encapsulated(header: DicomHeader) -> bytes:
    parts = [b"\xe0\x7f\x10\0OB\0\0" + struct.pack("<I", UNDEFINED), _item(ITEM, b"")]
    with header.path.open("rb") as stream:
        for place, length in header.fragments[1:]:
            stream.seek(place)
            parts.append(_item(ITEM, stream.read(length)))
    return b"".join([*parts, _item(SEQUENCE_END, b"")])


def _item(tag: int, content: bytes) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(content)) + content


def _element(tag: int, kind: bytes, value: bytes) -> bytes:
    """Return a short element; texts are padded to an even length."""
    value += b"\0" * (len(value) % 2) if kind == b"UI" else b" " * (len(value) % 2)
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF) + kind + struct.pack("<H", len(value)) + value
