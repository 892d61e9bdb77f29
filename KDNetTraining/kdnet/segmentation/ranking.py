"""Which scans to correct first: those whose segmentation a model is least certain of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import nibabel
import numpy as np
from numpy.typing import NDArray

from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import check_volume, read_volume
from kdnet.errors import KDNetError
from kdnet.inference.predictor import Predictor
from kdnet.schema.ranking import Ranked
from kdnet.segmentation.inputs import Input

LEAST_ML = 0.1
"""Expected volume of a region below which its absence counts as certain."""


def rank(predictor: Predictor, inputs: Sequence[Input]) -> Iterator[Ranked]:
    """Yield the uncertainty of each case, in the order of ``inputs``; one that fails stops no others.

    The scan and its mirror image are segmented. Where the model is uncertain, or the two differ, the mean of their
    probabilities is neither 0 nor 1.
    """
    for item in inputs:
        try:
            regions = uncertainties(predictor, _read(item))
        except KDNetError as error:
            yield Ranked(item.name, None, problem=str(error), files=item.files)
        else:
            yield Ranked(item.name, float(np.mean(list(regions.values()))), regions, files=item.files)


def sort_ranked(cases: Sequence[Ranked]) -> list[Ranked]:
    """Return the cases with the most uncertain first, and those that could not be segmented last."""
    return sorted(cases, key=lambda case: (case.uncertainty is None, -(case.uncertainty or 0), case.name))


def uncertainties(predictor: Predictor, volumes: Sequence[Volume]) -> dict[str, float]:
    """Return the uncertainty of each region in a case, see :func:`expected_error`."""
    axis = _left_right(volumes[0])
    mirrored = [replace(volume, voxels=np.ascontiguousarray(np.flip(volume.voxels, axis))) for volume in volumes]
    plain, other = (predictor.predict(scan, probabilities=True).probabilities for scan in (volumes, mirrored))
    voxel_ml = volumes[0].grid.voxel_ml
    found = {}
    for name, volume in plain.items():
        both = np.stack([_shares(volume), np.flip(_shares(other[name]), axis)])
        found[name] = expected_error(both.mean(axis=0, dtype=np.float32), voxel_ml)
    return found


def expected_error(probability: NDArray[np.floating], voxel_ml: float) -> float:
    """Return 1 minus the Dice that a segmentation would have on average, if the probabilities were right.

    Args:
        probability: 0 to 1, ``[i, j, k]``; the segmentation is where it is above one half.
        voxel_ml: volume of a voxel in mL.

    Example:
        >>> certain = np.array([[[0.0, 1.0, 1.0]]], np.float32)
        >>> expected_error(certain, 1.0), round(expected_error(certain * 0.6, 1.0), 2)
        (0.0, 0.25)
    """
    expected = float(probability.sum())
    if expected * voxel_ml < LEAST_ML:
        return 0.0
    segmented = probability > 0.5
    return 1 - 2 * float(probability[segmented].sum()) / (float(segmented.sum()) + expected)


def _shares(volume: Volume) -> NDArray[np.floating]:
    return np.divide(volume.voxels.astype(np.float32), 100, dtype=np.float32)


def _left_right(volume: Volume) -> int:
    """Return the array axis that runs most nearly from right to left."""
    return int(np.flatnonzero(nibabel.orientations.io_orientation(volume.grid.affine)[:, 0] == 0)[0])


def _read(item: Input) -> list[Volume]:
    volumes = []
    for index, path in enumerate(item.files):
        volume = read_volume(path, item.channels[index] if item.channels else None)
        check_volume(volume, str(path))
        volumes.append(volume)
    return volumes
