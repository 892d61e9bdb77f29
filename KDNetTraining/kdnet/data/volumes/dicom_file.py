"""Bounds-checked parsing of a DICOM file's header before GDCM opens the file.

GDCM makes up what a header lacks and fills truncated pixel data with zeros, and SimpleITK does not expose the length of
the pixel data. So the elements that define a volume are read here; pixels are left to GDCM, which knows all encodings.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from kdnet.data.volumes.dicom_groups import AGENT, MACROS, PER_FRAME, SHARED, WANTED, renamed
from kdnet.data.volumes.integrity import require_regular, truncated
from kdnet.errors import DataError

PREAMBLE, MAGIC = 128, b"DICM"

IMPLICIT, BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"

PIXELS = 0x7FE00010

TRANSFER_SYNTAX = 0x00020010

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD

UNDEFINED = 0xFFFFFFFF

LONG_KINDS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")

LONGEST_VALUE = 1 << 12  # maximum length in bytes of a stored value

MOST_ELEMENTS = 1_000_000  # the functional groups of a long multi-frame file have hundreds of thousands

DEEPEST = 16  # maximum nesting of sequences

MOST_DEFLATED = 1 << 28  # maximum bytes of an inflated data set


@dataclass(frozen=True)
class DicomHeader:
    """The content of a DICOM file before its pixels.

    Attributes:
        path: path of the file.
        values: short values of the top-level data set by tag, as stored; those that a multi-frame file has in functional
            groups instead are added, from its first frame.
        big_endian: byte order of binary values.
        pixel_bytes: length of the pixel data, -1 if it is encapsulated (compressed), None if there is none.
        fragments: offset and length in bytes of each fragment of encapsulated pixel data, starting with the offset table.
        pixel_start: offset of pixel data that is not encapsulated; -1 if it is, or if the file is deflated.
        frames: values of each frame of a multi-frame file, from its functional groups.
        frame: index of the frame that this header describes; None for a whole file.
    """

    path: Path
    values: Mapping[int, bytes]
    big_endian: bool
    pixel_bytes: int | None
    fragments: tuple[tuple[int, int], ...] = ()
    pixel_start: int = -1
    frames: tuple[Mapping[int, bytes], ...] = ()
    frame: int | None = None

    def text(self, tag: int) -> str:
        """Return a value as text, empty if there is none."""
        return self.values.get(tag, b"").decode("latin-1").strip(" \0\r\n\t")

    def numbers(self, tag: int, count: int) -> tuple[float, ...] | None:
        """Return ``count`` decimal numbers; None if the element is missing, empty, or holds anything else."""
        try:
            values = tuple(float(part) for part in self.text(tag).split("\\"))
        except ValueError:
            return None
        return values if len(values) == count and np.isfinite(values).all() else None

    def integer(self, tag: int, default: int = -1) -> int:
        """Return an unsigned 16-bit number, ``default`` if the element is missing or of another length."""
        value = self.values.get(tag, b"")
        return int.from_bytes(value, "big" if self.big_endian else "little") if len(value) == 2 else default


@dataclass(frozen=True)
class _Encoding:
    explicit: bool
    big_endian: bool

    def number(self, content: bytes) -> int:
        return int.from_bytes(content, "big" if self.big_endian else "little")


@dataclass(frozen=True)
class _Element:
    tag: int
    kind: bytes
    length: int


class _DamagedError(Exception):
    """The bytes are not a DICOM data set, or end too early."""


LITTLE = _Encoding(explicit=True, big_endian=False)

UNTYPED = _Encoding(explicit=False, big_endian=False)


def read_dicom_header(path: Path) -> DicomHeader | None:
    """Read the header of a DICOM file.

    Returns:
        The header, None if the file is of another kind.

    Raises:
        DataError: if the file is DICOM but damaged or truncated.
    """
    size = require_regular(path)
    with path.open("rb") as stream:
        start = stream.read(PREAMBLE + len(MAGIC))
        if start[PREAMBLE:] == MAGIC:
            first = PREAMBLE + len(MAGIC)
        elif start[:4] in (b"\x08\0\0\0", b"\x08\0\x05\0", b"\x08\0\x08\0", b"\x02\0\0\0", b"\x02\0\x10\0"):
            first = 0  # pre-1993 format, without preamble
        else:
            return None
        stream.seek(first)
        try:
            return _Walk(stream, size, path).header()
        except _DamagedError as error:
            raise truncated(path) from error


class _Walk:
    """One pass over the elements of a file."""

    def __init__(self, stream: BinaryIO, size: int, path: Path) -> None:
        self.stream, self.size, self.path = stream, size, path
        self.elements = 0
        self.fragments: list[tuple[int, int]] = []
        self.groups: dict[int, list[dict[int, bytes]]] = {}

    def header(self) -> DicomHeader:
        values = self._meta()
        syntax = values.get(TRANSFER_SYNTAX, b"").decode("latin-1").strip(" \0")
        encoding = self._encoding(syntax)
        if syntax == DEFLATED:
            self._inflate()
        while self.stream.tell() < self.size:
            element = self._next(encoding)
            if element.tag == PIXELS:
                start = -1 if isinstance(self.stream, BytesIO) or element.length == UNDEFINED else self.stream.tell()
                length = self._pixels(element, encoding)
                pieces = tuple(self.fragments) if length < 0 else ()
                self._require_end(encoding)
                frames = self._frames(values)
                return DicomHeader(self.path, values, encoding.big_endian, length, pieces, start, frames)
            self._take(element, encoding, values)
        return DicomHeader(self.path, values, encoding.big_endian, None)

    def _frames(self, values: dict[int, bytes]) -> tuple[Mapping[int, bytes], ...]:
        """Return the values of each frame, and add to ``values`` what only functional groups say, of the first frame."""
        shared = next(iter(self.groups.get(SHARED, [])), {})
        frames = tuple({**shared, **frame} for frame in self.groups.get(PER_FRAME, []))
        for found in (next(iter(frames), shared), next(iter(self.groups.get(AGENT, [])), {})):
            for tag, value in found.items():
                values.setdefault(tag, value)
        return frames

    def _meta(self) -> dict[int, bytes]:
        """Return the elements of group 2, which are always explicit VR little endian."""
        values: dict[int, bytes] = {}
        while self._peek(2) == b"\x02\0":
            self._take(self._next(LITTLE), LITTLE, values)
        return values

    def _encoding(self, syntax: str) -> _Encoding:
        if syntax == BIG_ENDIAN:
            return _Encoding(explicit=True, big_endian=True)
        if syntax:
            return UNTYPED if syntax == IMPLICIT else LITTLE
        return LITTLE if self._peek(6)[4:].isalpha() else UNTYPED

    def _inflate(self) -> None:
        decompressor = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            content = decompressor.decompress(self.stream.read(), MOST_DEFLATED)
        except zlib.error as error:
            raise _DamagedError from error
        if not decompressor.eof:
            raise _DamagedError
        self.stream, self.size = BytesIO(content), len(content)

    def _take(self, element: _Element, encoding: _Encoding, values: dict[int, bytes]) -> None:
        """Store a short value or functional groups, skip everything else."""
        if element.tag in (SHARED, PER_FRAME, AGENT):
            self.groups[element.tag] = self._items(element.length, encoding)
        elif element.length == UNDEFINED:
            self._pass_items(encoding if element.kind != b"UN" else UNTYPED, 0)
        elif element.length <= LONGEST_VALUE and element.kind != b"SQ":
            if element.tag in values:
                raise _DamagedError
            values[element.tag] = self._read(element.length)
        else:
            self._pass(element.length)

    def _items(self, length: int, encoding: _Encoding, nested: bool = False) -> list[dict[int, bytes]]:
        """Return the values of each item of a sequence that is known to be one."""
        end = self._end(length)
        items: list[dict[int, bytes]] = []
        while end is None or self.stream.tell() < end:
            tag, size = self._tag(encoding), encoding.number(self._read(4))
            self._count()
            if tag == SEQUENCE_END and end is None:
                return items
            if tag != ITEM:
                raise _DamagedError
            items.append(self._item(size, encoding, nested))
        return items

    def _item(self, length: int, encoding: _Encoding, nested: bool) -> dict[int, bytes]:
        """Return what is wanted of an item, and of the first item of each macro in it."""
        end = self._end(length)
        values: dict[int, bytes] = {}
        while end is None or self.stream.tell() < end:
            element = self._next(encoding)
            if element.tag == ITEM_END and end is None:
                return values
            if element.tag in MACROS and not nested:
                found = self._items(element.length, encoding, nested=True)
                values |= found[0] if found else {}
            elif element.length == UNDEFINED:
                self._pass_items(encoding if element.kind != b"UN" else UNTYPED, 0)
            elif element.tag in WANTED and element.length <= LONGEST_VALUE:
                tag, value = renamed(element.tag, self._read(element.length), big_endian=encoding.big_endian)
                values[tag] = value
            else:
                self._pass(element.length)
        return values

    def _end(self, length: int) -> int | None:
        """Return where a sequence or item of known length ends; None if a delimiter ends it."""
        end = self.stream.tell() + length
        if length != UNDEFINED and end > self.size:
            raise _DamagedError
        return None if length == UNDEFINED else end

    def _pixels(self, element: _Element, encoding: _Encoding) -> int:
        if element.length != UNDEFINED:
            self._pass(element.length)
            return element.length
        self.fragments.clear()
        self._pass_items(encoding, 0)
        return -1

    def _require_end(self, encoding: _Encoding) -> None:
        """Refuse anything after the pixels except elements or zero padding: GDCM would search there for minutes."""
        while self._peek(1):
            if not any(self._peek(8)):
                while part := self.stream.read(1 << 16):
                    if any(part):
                        raise _DamagedError
                return
            element = self._next(encoding)
            if element.tag <= PIXELS:
                raise _DamagedError
            if element.length == UNDEFINED:
                self._pass_items(encoding if element.kind != b"UN" else UNTYPED, 0)
            else:
                self._pass(element.length)

    def _pass_items(self, encoding: _Encoding, depth: int) -> None:
        """Skip the items or fragments of a sequence of undefined length."""
        if depth > DEEPEST:
            raise _DamagedError
        while True:
            tag, length = self._tag(encoding), encoding.number(self._read(4))
            self._count()
            if tag == SEQUENCE_END:
                return
            if tag != ITEM:
                raise _DamagedError
            if length != UNDEFINED:
                self.fragments.append((self.stream.tell(), length))
                self._pass(length)
                continue
            while (element := self._next(encoding)).tag != ITEM_END:
                if element.length == UNDEFINED:
                    self._pass_items(encoding if element.kind != b"UN" else UNTYPED, depth + 1)
                else:
                    self._pass(element.length)

    def _next(self, encoding: _Encoding) -> _Element:
        self._count()
        tag = self._tag(encoding)
        if not encoding.explicit or tag >> 16 == 0xFFFE:
            return _Element(tag, b"", encoding.number(self._read(4)))
        kind = self._read(2)
        if kind in LONG_KINDS:
            self._read(2)
            return _Element(tag, kind, encoding.number(self._read(4)))
        if not kind.isalpha() or not kind.isupper():
            raise _DamagedError
        return _Element(tag, kind, encoding.number(self._read(2)))

    def _tag(self, encoding: _Encoding) -> int:
        return encoding.number(self._read(2)) << 16 | encoding.number(self._read(2))

    def _peek(self, count: int) -> bytes:
        place = self.stream.tell()
        content = self.stream.read(count)
        self.stream.seek(place)
        return content

    def _read(self, count: int) -> bytes:
        content = self.stream.read(count)
        if len(content) < count:
            raise _DamagedError
        return content

    def _pass(self, count: int) -> None:
        if self.stream.tell() + count > self.size:
            raise _DamagedError
        self.stream.seek(count, 1)

    def _count(self) -> None:
        self.elements += 1
        if self.elements > MOST_ELEMENTS:
            raise DataError(f"{self.path} has more data elements than any image: export the DICOM series again.")
