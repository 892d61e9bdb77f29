"""Check that a compressed DICOM frame is complete, which GDCM does not always notice."""

from __future__ import annotations

from kdnet.data.volumes.dicom_file import DicomHeader

SYNTAX = 0x00020010

RLE, JPEG = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4."

JPEG_END = b"\xff\xd9"  # of JPEG, JPEG-LS and JPEG 2000 alike


def is_complete(header: DicomHeader, size: int) -> bool:
    """Return whether the compressed frame of an image ends as its encoding requires.

    Args:
        header: header of an image with encapsulated pixel data.
        size: size of the decompressed frame in bytes.
    """
    syntax = header.text(SYNTAX)
    if not syntax.startswith((RLE, JPEG)):
        return True
    with header.path.open("rb") as stream:
        parts = []
        for offset, length in header.fragments[1:]:  # the first is the offset table
            stream.seek(offset)
            parts.append(stream.read(length))
    frame = b"".join(parts)
    if syntax.startswith(JPEG):
        return frame.rstrip(b"\0").endswith(JPEG_END)
    return _rle_size(frame) >= size


def _rle_size(frame: bytes) -> int:
    """Return the number of bytes that an RLE frame decompresses to; its last segment may be padded."""
    numbers = [int.from_bytes(frame[at : at + 4], "little") for at in range(0, 64, 4)]
    starts = numbers[1 : 1 + min(numbers[0], 15)]
    size = 0
    for start, stop in zip(starts, [*starts[1:], len(frame)], strict=True):
        place = start
        while place < stop:
            code = frame[place] if place < len(frame) else 128
            if code < 128:  # a literal run of code + 1 bytes
                size += max(0, min(code + 1, stop - place - 1))
                place += code + 2
            else:  # one byte repeated; 128 is a no-op
                size += 257 - code if code > 128 and place + 1 < stop else 0
                place += 2 if code > 128 else 1
    return size
