"""Carry an expert segmentation along to the grid of a prepared case, and check that none of it is lost."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, to_sitk
from kdnet.errors import DataError

MOST_LABEL = 255
NOTABLE_LOSS = 0.1  # of the volume of a label
NEGLIGIBLE_ML = 0.05


def read_labels(path: Path) -> Volume:
    """Read an expert segmentation as uint8.

    Raises:
        DataError: if it cannot be read, or its values are not integers from 0 to 255.
    """
    volume = read_volume(path)
    values = np.unique(volume.voxels)
    if (values < 0).any() or (values > MOST_LABEL).any() or (values != np.round(values)).any():
        raise DataError(
            f"{path} is not a labelmap (its values are not integers from 0 to {MOST_LABEL}): correct or remove it."
        )
    return Volume(np.asarray(volume.voxels).astype(np.uint8), volume.grid, volume.warnings)


def moved_labels(labels: Volume, target: Grid, transform: sitk.Transform) -> Volume:
    """Return labels on another grid, each voxel with the label of the nearest one.

    Args:
        labels: uint8 labels.
        target: grid to fill.
        transform: maps points of the target to points of the labels, in LPS mm.
    """
    grid = to_sitk(Volume(np.zeros(target.shape, np.uint8), target))
    image = sitk.Resample(to_sitk(labels), grid, transform, sitk.sitkNearestNeighbor, 0)
    return Volume(np.asarray(sitk.GetArrayFromImage(image).T), target)


def volumes_ml(labels: Volume) -> Mapping[int, float]:
    """Return the volume of each label in mL."""
    values, counts = np.unique(labels.voxels, return_counts=True)
    found = zip(values.tolist(), counts.tolist(), strict=True)
    return {int(value): count * labels.grid.voxel_ml for value, count in found if value}


def check_labels(before: Volume, after: Volume) -> tuple[str, ...]:
    """Compare labels before and after they were moved.

    Returns:
        Notable changes, as sentences.

    Raises:
        DataError: if a label has vanished.
    """
    was, now = volumes_ml(before), volumes_ml(after)
    changes = []
    for value, amount in was.items():
        left = now.get(value, 0.0)
        if not left:
            raise DataError(
                f"label {value} ({amount:.2g} mL) of the segmentation would be lost on the grid of the reference scan: "
                "choose a reference that covers it, or a finer grid (--reference, --spacing)."
            )
        if abs(left - amount) > max(NOTABLE_LOSS * amount, NEGLIGIBLE_ML):
            changes.append(
                f"Label {value} has {left:.2f} mL on the new grid, and had {amount:.2f} mL: look at the pictures."
            )
    return tuple(changes)
