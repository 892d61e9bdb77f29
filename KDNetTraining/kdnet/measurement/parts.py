"""Connected parts of a region, which are its lesions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kdnet.data.volumes.masks import bounding_box, label_mask, shifted_box
from kdnet.schema.labels import Region

CORNERS = ndimage.generate_binary_structure(3, 3)


@dataclass(frozen=True, eq=False)
class Part:
    """A connected part of a region.

    Attributes:
        box: its bounding box.
        mask: bool ``[i, j, k]`` within the box.
        milliliters: its volume.
        confidence: how often the model is right about such a part; None if it was not judged.
    """

    box: tuple[slice, ...]
    mask: NDArray[np.bool_]
    milliliters: float
    confidence: float | None = None


def connected_parts(voxels: NDArray[np.generic], region: Region, voxel_ml: float) -> tuple[Part, ...]:
    """Return the parts of a region that are connected by faces, edges or corners, in the order of their first voxels.

    Args:
        voxels: labels ``[i, j, k]``.
        region: the region.
        voxel_ml: volume of a voxel.
    """
    inside = label_mask(voxels, region.values)
    window = bounding_box(inside)
    if window is None:
        return ()
    numbers, _ = ndimage.label(inside[window], CORNERS)
    volumes = np.bincount(numbers.ravel()) * voxel_ml
    return tuple(
        Part(shifted_box(box, window), numbers[box] == number, float(volumes[number]))
        for number, box in enumerate(ndimage.find_objects(numbers), start=1)
    )
