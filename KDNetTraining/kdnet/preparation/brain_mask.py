"""Brain masks: cleanup, validation, and application to a scan."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from kdnet.data.preprocessing.foreground import Foreground
from kdnet.data.volumes.geometry import require_same_grid
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume
from kdnet.data.volumes.masks import bounding_box
from kdnet.errors import DataError

LEAST_ML, MOST_ML = 250.0, 2500.0  # from half a toddler's brain to more than the largest brain with its cerebrospinal fluid


def tidy_mask(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the largest connected component of ``mask`` ``[i, j, k]``, with its holes filled."""
    box = bounding_box(mask)
    if box is None:
        return mask
    image = sitk.GetImageFromArray(np.ascontiguousarray(mask[box], dtype=np.uint8))
    largest = sitk.RelabelComponent(sitk.ConnectedComponent(image)) == 1
    tidied = np.zeros_like(mask)
    tidied[box] = sitk.GetArrayFromImage(sitk.BinaryFillhole(largest)).astype(bool)
    return tidied


def milliliters(mask: NDArray[np.bool_], grid: Grid) -> float:
    """Return the volume of ``mask`` in mL."""
    return float(np.count_nonzero(mask)) * grid.voxel_ml


def is_plausible(mask: NDArray[np.bool_], grid: Grid) -> bool:
    """Check whether ``mask`` has the size of a brain, or of the part that a scan with few slices shows."""
    return LEAST_ML <= milliliters(mask, grid) <= MOST_ML


def share_covered(voxels: NDArray[np.generic], mask: NDArray[np.bool_]) -> float:
    """Return the fraction of the patient in ``voxels`` ``[i, j, k]`` that ``mask`` covers, from 0 to 1."""
    every = tuple(slice(None, None, 2 if size > 100 else 1) for size in voxels.shape)
    patient = Foreground.of(voxels).mask(voxels[every])
    return float(np.count_nonzero(patient & mask[every])) / max(1, int(np.count_nonzero(patient)))


def read_mask(path: Path, grid: Grid, name: str) -> NDArray[np.bool_]:
    """Read a user-supplied mask: 0 outside the brain, any other value inside.

    Args:
        path: path of the file.
        grid: grid of the scan.
        name: name of the scan, for messages.

    Returns:
        bool ``[i, j, k]``, as stored in the file.

    Raises:
        DataError: if the file cannot be read, is not on the scan's grid, or masks nothing or everything.
    """
    volume = read_volume(path)
    require_same_grid(volume.grid, grid, path, name)
    return checked_mask(np.asarray(volume.voxels != 0), str(path))


def checked_mask(mask: NDArray[np.bool_], name: str) -> NDArray[np.bool_]:
    """Return the user-supplied ``mask`` after validation; ``name`` is for messages.

    Raises:
        DataError: if it masks nothing or everything.
    """
    if not mask.any() or mask.all():
        which = "every voxel" if mask.all() else "nothing"
        raise DataError(f"{name} marks {which} as brain: choose a mask that is 0 outside the brain only.")
    return mask


def only_brain(volume: Volume, mask: NDArray[np.bool_]) -> Volume:
    """Return ``volume`` with everything outside ``mask`` ``[i, j, k]`` set to background.

    Background is 0, or the darkest value of the brain if the brain has values below 0: it must not fall inside the
    intensity range of the brain.
    """
    darkest = volume.voxels[mask].min() if mask.any() else 0
    background = np.asarray(min(darkest, 0), dtype=volume.voxels.dtype)
    return replace(volume, voxels=np.where(mask, volume.voxels, background))
