"""Limits on the size of a file and checks of its header's promises, before memory is allocated.

ITK fills the missing part of a truncated file with uninitialized memory, reads compressed formats without verifying
checksums, and opens pipes as readily as files. So headers are checked first, and length and checksum are verified here.
"""

from __future__ import annotations

import stat
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from kdnet.errors import DataError

MOST_VOXELS = 1 << 29  # about 800 along each axis, more than any head scan has

MOST_INFLATION = 1032  # maximum expansion ratio of deflate

MOST_TRAILING = 1 << 20  # bytes after the promised ones that are still read to reach the checksum

CHUNK, PIECE = 1 << 16, 1 << 20  # compressed and decompressed bytes processed at a time

ANY_DEFLATE = zlib.MAX_WBITS | 32  # gzip or zlib

GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class Payload:
    """The voxel data of a file as described by its header.

    Attributes:
        path: path of the file that holds them.
        offset: start in bytes; -1 for the end of the file minus their size.
        shape: number of values along each axis, channels included.
        itemsize: bytes of a value.
        encoding: storage encoding.
        packed: number of compressed bytes, None if the header does not say.
        big_endian: byte order of values.
    """

    path: Path
    offset: int
    shape: tuple[int, ...]
    itemsize: int
    encoding: Literal["raw", "deflate", "text"] = "raw"
    packed: int | None = None
    big_endian: bool = False

    @property
    def size(self) -> int:
        """Size in memory in bytes."""
        return prod(self.shape) * self.itemsize


def require_regular(path: Path) -> int:
    """Return the size of a regular file in bytes.

    Raises:
        DataError: if the file is missing, or is a pipe, device or socket, on which a reader could block forever.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist: correct its name.") from error
    except (OSError, ValueError) as error:  # a null character is a ValueError
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{path} cannot be read ({reason}): check the file.") from error
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"{path} is not a regular file: choose an image file.")
    return status.st_size


def require_reasonable(shape: Sequence[int], path: Path) -> None:
    """Refuse a voxel count that no head scan has.

    Raises:
        DataError: naming the file.
    """
    if prod(shape) > MOST_VOXELS:
        size = " x ".join(map(str, shape))
        raise DataError(f"{path} has {size} voxels, more than any head scan has: crop or resample it first.")


def require_payload(payload: Payload, path: Path) -> None:
    """Refuse an image whose voxels cannot all be present; checksums of compressed data are left to the reader.

    Args:
        payload: the voxel data as described by the header.
        path: path of the header, for messages.

    Raises:
        DataError: naming the file.
    """
    require_reasonable(payload.shape, path)
    available = require_regular(payload.path) - max(payload.offset, 0)
    if payload.encoding == "deflate":
        return
    # each value in text takes a digit, and a space except for the last
    needed = payload.size if payload.encoding == "raw" else 2 * prod(payload.shape) - 1
    if available < needed:
        raise truncated(path)
    if payload.encoding == "text":
        with payload.path.open("rb") as stream:
            stream.seek(payload.offset)
            if len(stream.read().replace(b",", b" ").split()) < prod(payload.shape):
                raise truncated(path)


def read_payload(payload: Payload, kind: str, path: Path) -> NDArray[Any]:
    """Read the values of an image that is not stored as text.

    Args:
        payload: the voxel data as described by the header.
        kind: value type as a numpy name without byte order, for example ``"i2"``.
        path: path of the header, for messages.

    Returns:
        The values in stored order, in native byte order.

    Raises:
        DataError: naming the file, if values are missing or the checksum is wrong.
    """
    require_payload(payload, path)
    stored = np.dtype((">" if payload.big_endian else "<") + kind)
    count = prod(payload.shape)
    if payload.encoding == "deflate":
        content = inflate_whole(payload.path, payload.size, skip=payload.offset, packed=payload.packed)
        values = np.frombuffer(content, dtype=stored)
    else:
        offset = payload.offset if payload.offset >= 0 else require_regular(payload.path) - payload.size
        values = np.fromfile(payload.path, dtype=stored, count=count, offset=offset)
    if values.size < count:
        raise truncated(path)
    return values.astype(stored.newbyteorder("="), copy=False)


def inflate_whole(path: Path, size: int, *, skip: int = 0, packed: int | None = None) -> NDArray[np.uint8]:
    """Return the first ``size`` decompressed bytes of a stream; see :func:`inflate`."""
    content, done = np.empty(0, dtype=np.uint8), 0
    for piece in inflate(path, size, skip=skip, packed=packed):
        # only after the beginning proves sound, so that a damaged file allocates no memory
        content = content if content.size else np.empty(size, dtype=np.uint8)
        content[done : done + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
        done += len(piece)
    return content


def inflate(path: Path, size: int, *, skip: int = 0, packed: int | None = None) -> Iterator[bytes]:
    """Yield the first ``size`` decompressed bytes of a gzip or zlib stream, and verify its checksum.

    Little more than promised is decompressed, just to reach the end of the stream. Streams of several gzip members
    (block compression) are read as one.

    Args:
        path: path of the file.
        size: number of bytes promised.
        skip: offset of the stream in the file.
        packed: number of compressed bytes; to the end of the file by default.

    Raises:
        DataError: if the stream is damaged, ends early or continues beyond what is promised.
    """
    available = require_regular(path) - skip
    packed = available if packed is None else packed
    if packed > available or size > packed * MOST_INFLATION:
        raise truncated(path)
    try:
        yield from _inflate(path, size, skip, packed)
    except zlib.error as error:
        raise truncated(path) from error


def inflate_start(path: Path, size: int) -> bytes:
    """Return up to ``size`` decompressed bytes from the beginning of a gzip file.

    Raises:
        DataError: if the file is damaged.
    """
    decompressor = zlib.decompressobj(ANY_DEFLATE)
    with path.open("rb") as stream:
        try:
            return decompressor.decompress(stream.read(CHUNK), size)
        except zlib.error as error:
            raise truncated(path) from error


def truncated(path: Path) -> DataError:
    """Return the error for a file that is incomplete or damaged."""
    return DataError(f"{path} is truncated or damaged: copy or export it again.")


def _inflate(path: Path, size: int, skip: int, packed: int) -> Iterator[bytes]:
    decompressor = zlib.decompressobj(ANY_DEFLATE)
    done = 0
    with path.open("rb") as stream:
        stream.seek(skip)
        part = b""
        while True:
            if not part:
                part = stream.read(min(CHUNK, packed))
                packed -= len(part)
                if not part:
                    break
            piece = decompressor.decompress(part, PIECE)
            if done < size and piece:
                yield piece[: size - done]
            done += len(piece)
            if done > size + MOST_TRAILING:
                raise DataError(f"{path} contains much more data than its header declares: export it again.")
            part = decompressor.unconsumed_tail
            if decompressor.eof:
                part = decompressor.unused_data.lstrip(b"\0")  # some writers pad the end
                if done >= size:
                    return
                if part or packed > 0:
                    decompressor = zlib.decompressobj(ANY_DEFLATE)
    if done < size or not decompressor.eof:
        raise zlib.error("incomplete")
