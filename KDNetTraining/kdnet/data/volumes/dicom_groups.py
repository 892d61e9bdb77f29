"""Functional groups: where a multi-frame DICOM file says what single slices say at the top level (PS3.3 C.7.6.16)."""

from __future__ import annotations

import struct

SHARED, PER_FRAME = 0x52009229, 0x52009230

AGENT = 0x00180012  # Contrast/Bolus Agent Sequence, at the top level; single slices have a text

FRAME_TYPE, COMPONENT, STACK = 0x00089007, 0x00089208, 0x00209056

MACROS = frozenset(
    {
        0x00189112,  # MR Timing and Related Parameters
        0x00189114,  # MR Echo
        0x00189115,  # MR Modifier
        0x00189117,  # MR Diffusion
        0x00189226,  # MR Image Frame Type
        0x00209111,  # Frame Content
        0x00209113,  # Plane Position
        0x00209116,  # Plane Orientation
        0x00289110,  # Pixel Measures
        0x00289145,  # Pixel Value Transformation
    }
)

TEXTS = frozenset(
    {
        0x00180050,  # Slice Thickness
        0x00180080,  # Repetition Time
        0x00180088,  # Spacing Between Slices
        0x00200032,  # Image Position (Patient)
        0x00200037,  # Image Orientation (Patient)
        0x00280030,  # Pixel Spacing
        0x00281052,  # Rescale Intercept
        0x00281053,  # Rescale Slope
        FRAME_TYPE,
        COMPONENT,
        STACK,
    }
)

MEANING = 0x00080104  # Code Meaning

RENAMED = {  # attributes of another name than in single slices; text, float64 or uint32
    MEANING: (0x00180010, ""),  # Contrast/Bolus Agent
    0x00189082: (0x00180081, "d"),  # Effective Echo Time: Echo Time
    0x00189079: (0x00180082, "d"),  # Inversion Times: Inversion Time
    0x00189087: (0x00189087, "d"),  # Diffusion b-value
    0x00209128: (0x00200100, "I"),  # Temporal Position Index: Temporal Position Identifier
}

WANTED = TEXTS | RENAMED.keys()


def renamed(tag: int, value: bytes, *, big_endian: bool) -> tuple[int, bytes]:
    """Return an attribute as single slices have it: with their tag, and numbers as text.

    Args:
        tag: tag in a functional group.
        value: its value, as stored.
        big_endian: byte order of binary values.

    Example:
        >>> renamed(0x00189082, struct.pack("<d", 9.5), big_endian=False)
        (1572993, b'9.5')
    """
    target, kind = RENAMED.get(tag, (tag, ""))
    if not kind:
        return target, value
    layout = (">" if big_endian else "<") + kind
    size = struct.calcsize(layout)
    numbers = struct.iter_unpack(layout, value[: len(value) // size * size])
    return target, "\\".join(f"{number:.10g}" for (number,) in numbers).encode()
