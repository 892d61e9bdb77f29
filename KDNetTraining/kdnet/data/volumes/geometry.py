"""Geometry requirements that apply to every format alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kdnet.data.volumes.grid import Grid, Volume
from kdnet.errors import DataError

SHEAR_LIMIT = 0.01  # largest cosine between two axes that still counts as a rounding error

SPACING_LIMIT = 0.01  # largest relative difference between two values for one spacing

LARGEST_MM, SMALLEST_MM = 1e6, 1e-6  # beyond these, a spacing or position is damage and arithmetic becomes inexact

UNPLACED = "does not specify the patient orientation ({missing}): check that left and right are not swapped."


SAME_PLACE_MM = 0.1  # largest distance between the corners of two grids that count as the same


RESAMPLE = "resample it to the same grid first"


def geometry_problem(grid: Grid, wanted: Grid, name: object, other: object, remedy: str = RESAMPLE) -> str:
    """Return a sentence if the volume ``name`` is not on the grid of ``other``; otherwise an empty string."""
    if grid.matches(wanted, tolerance_mm=SAME_PLACE_MM):
        return ""
    return f"{name} has a different geometry than {other} ({grid.description}; {wanted.description}): {remedy}."


def require_same_grid(grid: Grid, wanted: Grid, name: object, other: object, remedy: str = RESAMPLE) -> None:
    """Check that a volume is on the grid of another one.

    Args:
        grid: grid of the volume.
        wanted: grid of the other one.
        name: file or description of the volume, for the message.
        other: file or description of the other one.
        remedy: what to do, for the message.

    Raises:
        DataError: if the grids differ.
    """
    if problem := geometry_problem(grid, wanted, name, other, remedy):
        raise DataError(problem)


def reordered(volume: Volume, grid: Grid) -> Volume:
    """Return a volume with its axes in the order and direction of those of ``grid``, as far as they are parallel to them.

    Args:
        volume: the volume; programs store axes in different orders and directions.
        grid: grid with the wanted axes.
    """
    steps = np.linalg.inv(volume.grid.affine[:3, :3]) @ grid.affine[:3, :3]
    axes = np.abs(steps).argmax(axis=0)
    if sorted(axes) != [0, 1, 2]:
        return volume
    turn = np.zeros((4, 4))
    turn[3, 3] = 1.0
    directions = []
    for axis, source in enumerate(axes):
        forward = bool(steps[source, axis] > 0)
        directions.append(slice(None, None, 1 if forward else -1))
        turn[source, axis] = 1.0 if forward else -1.0
        turn[source, 3] = 0.0 if forward else volume.grid.shape[source] - 1
    voxels = np.transpose(volume.voxels, axes)[tuple(directions)]
    i, j, k = voxels.shape
    return Volume(voxels, Grid((i, j, k), volume.grid.affine @ turn), volume.warnings)


def straight_grid(shape: tuple[int, ...], affine: NDArray[np.float64], name: object) -> Grid:
    """Return the grid of a volume whose axes are perpendicular.

    Args:
        shape: number of voxels along i, j, k.
        affine: 4 x 4, voxel indices to RAS mm.
        name: file or folder, for messages.

    Raises:
        DataError: for non-finite numbers, voxels of zero size, or axes that are parallel or sheared.
    """
    if not np.isfinite(affine).all():
        raise DataError(f"{name} has no valid position (its header contains NaN or infinite values): correct its header.")
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if spacing.min() < SMALLEST_MM or spacing.max() > LARGEST_MM or np.abs(affine[:3, 3]).max() > LARGEST_MM:
        raise DataError(f"{name} has voxels of size zero or an implausible position: correct its header.")
    if shear(affine) > SHEAR_LIMIT:
        raise DataError(f"{name} has axes that are not perpendicular: resample it to an orthogonal grid first.")
    i, j, k = (int(length) for length in shape)
    return Grid((i, j, k), np.asarray(affine, dtype=np.float64))


def shear(affine: NDArray[np.float64]) -> float:
    """Return the largest cosine between two axes of ``affine``."""
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return float(np.abs(axes.T @ axes - np.eye(3)).max())


def differs(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    """Return whether two values for one spacing contradict each other."""
    return bool((np.abs(first - second) > SPACING_LIMIT * np.minimum(np.abs(first), np.abs(second))).any())
