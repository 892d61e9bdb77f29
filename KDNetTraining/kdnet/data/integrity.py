"""Whether an image file is whole.

ITK fills a truncated NIfTI file with whatever is in memory, and reads compressed formats without looking at their
checksums; a labelmap of that would look like any other. So length and checksum are proved before ITK reads.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from math import prod
from pathlib import Path

import nibabel
from nibabel.spatialimages import HeaderDataError

from kdnet.errors import DataError

CHUNK = 1 << 16  # compressed bytes at a time; zeros inflate to a thousand times that
GZIP, ZLIB = zlib.MAX_WBITS | 16, zlib.MAX_WBITS
NIFTI_HEADER = 540  # bytes of the longer of both versions' headers


def require_whole(path: Path) -> None:
    """Refuse a NIfTI, NRRD or MetaImage file that is shorter than its header promises, or whose checksum is wrong.

    A header that means nothing, and plain NRRD and MetaImage voxels, are left to ITK, which notices by itself.

    Raises:
        DataError: naming the file.
    """
    name = path.name.lower()
    try:
        if name.endswith((".nii", ".nii.gz")):
            whole = _nifti_is_whole(path)
        elif name.endswith((".mha", ".mhd")):
            whole = _metaimage_is_whole(path)
        elif name.endswith((".nrrd", ".nhdr")):
            whole = _nrrd_is_whole(path)
        else:
            return
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): check the file.") from error
    except zlib.error:
        whole = False
    if not whole:
        raise DataError(f"{path} is truncated or damaged: copy or export it again.")


def _nifti_is_whole(path: Path) -> bool:
    with path.open("rb") as stream:
        compressed = stream.read(2) == b"\x1f\x8b"
        stream.seek(0)
        start = stream.read(NIFTI_HEADER) if not compressed else b""
    if not compressed:
        return path.stat().st_size >= _promised(start)
    length = 0
    for part in _inflated(path, GZIP):
        if length < NIFTI_HEADER:
            start += part[:NIFTI_HEADER]
        length += len(part)
    return length >= _promised(start)


def _promised(header: bytes) -> int:
    """The size of a NIfTI file in bytes, as its header has it; 0 when the header is none."""
    for kind, size in ((nibabel.Nifti1Header, 348), (nibabel.Nifti2Header, 540)):
        if len(header) >= size and size in (int.from_bytes(header[:4], order) for order in ("little", "big")):
            fields = kind(header[:size], check=False)
            try:
                voxels: int = prod(fields.get_data_shape()) * fields.get_data_dtype().itemsize
                return int(fields["vox_offset"]) + voxels
            except HeaderDataError:
                return 0
    return 0


def _metaimage_is_whole(path: Path) -> bool:
    fields, end = _text_header(path, "=", last="elementdatafile")
    voxels = fields.get("elementdatafile", "local")
    local = voxels.lower() == "local"
    return fields.get("compresseddata", "").lower() != "true" or _inflates(path, ZLIB, end, "" if local else voxels)


def _nrrd_is_whole(path: Path) -> bool:
    fields, end = _text_header(path, ":", last="")
    voxels = fields.get("data file", fields.get("datafile", ""))
    return fields.get("encoding", "").lower() not in ("gz", "gzip") or _inflates(path, GZIP, end, voxels)


def _inflates(path: Path, kind: int, end: int, detached: str) -> bool:
    """Whether compressed voxels, behind the header's end or in a ``detached`` file, decompress to their end."""
    voxels = path.with_name(detached) if detached else path
    if voxels.is_file():  # ITK says which file is missing, and knows lists of files
        for _ in _inflated(voxels, kind, skip=0 if detached else end):
            pass
    return True


def _text_header(path: Path, separator: str, last: str) -> tuple[dict[str, str], int]:
    """The fields of a header of text lines, names in lower case, and where its line called ``last`` ends."""
    fields: dict[str, str] = {}
    with path.open("rb") as stream:
        for line in iter(lambda: stream.readline(CHUNK), b""):
            name, _, value = line.decode("latin-1").partition(separator)
            name = name.strip().lower()
            fields[name] = value.strip()
            if name == last:
                break
        return fields, stream.tell()


def _inflated(path: Path, kind: int, skip: int = 0) -> Iterator[bytes]:
    """The decompressed parts of a file; raises zlib.error when its end or checksum is missing or wrong."""
    decompressor = zlib.decompressobj(kind)
    with path.open("rb") as stream:
        stream.seek(skip)
        while part := stream.read(CHUNK):
            while part:
                yield decompressor.decompress(part)
                part = decompressor.unused_data
                if not decompressor.eof:
                    continue
                part = part.lstrip(b"\0")  # some writers pad the end
                if kind != GZIP or (part and not part.startswith(b"\x1f")):
                    return
                if part:  # several members, as block compression writes them
                    decompressor = zlib.decompressobj(kind)
    if not decompressor.eof:
        raise zlib.error("incomplete")
