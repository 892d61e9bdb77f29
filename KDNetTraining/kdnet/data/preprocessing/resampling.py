"""Resampling along one axis at a time with small dense matrices: exact, antialiased and fast.

On a regular grid, linear interpolation and block averaging are separable, so a volume is resampled with three matrix
products instead of one lookup per voxel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

BAND = 16  # rows of a matrix that are applied at a time


def resampling_matrix(
    source_size: int, source_spacing: float, target_size: int, target_spacing: float, offset: float = 0.0
) -> NDArray[np.float32]:
    """Return the weights ``[target, source]`` that resample one axis; each row sums to 1.

    Target voxel t is centered at ``(t + 0.5) * target_spacing + offset`` mm from the outer edge of the source's first
    voxel. A finer target interpolates linearly between voxel centers; a coarser one averages over its extent, so an
    integer factor gives block averages. Beyond the source, its edge voxel is repeated.
    """
    centers = ((np.arange(target_size) + 0.5) * target_spacing + offset) / source_spacing
    if target_spacing <= source_spacing:
        position = np.clip(centers - 0.5, 0, source_size - 1)
        distance = np.abs(position[:, None] - np.arange(source_size))
        weights = np.clip(1 - distance, 0, None)
    else:
        half = 0.5 * target_spacing / source_spacing
        low, high = centers[:, None] - half, centers[:, None] + half
        edges = np.arange(source_size)
        first = np.where(edges == 0, -np.inf, edges)
        last = np.where(edges == source_size - 1, np.inf, edges + 1)
        weights = np.clip(np.minimum(high, last) - np.maximum(low, first), 0, None)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)


def resample(image: torch.Tensor, matrices: Sequence[torch.Tensor | None]) -> torch.Tensor:
    """Apply one ``[target, source]`` matrix to each of the last three axes of ``image`` ``[..., i, j, k]``.

    None leaves an axis unchanged. The axes that shrink most go first, to keep the later products small.
    """
    given = [(axis - 3, matrix) for axis, matrix in enumerate(matrices) if matrix is not None]
    for axis, matrix in sorted(given, key=lambda item: item[1].shape[0] / item[1].shape[1]):
        image = resample_axis(image, axis, matrix)
    return image


def resample_axis(image: torch.Tensor, axis: int, matrix: torch.Tensor) -> torch.Tensor:
    """Apply a ``[target, source]`` matrix to one axis of ``image``, given from the end.

    The matrix is applied in bands, because nearly all of it is zero: the time then grows with the volume only. A matrix
    that only selects a range of positions, as where the spacings are equal, returns a view of ``image``.
    """
    low, high = used_range(matrix)
    if high - low == matrix.shape[0] and torch.equal(
        matrix[:, low:high], torch.eye(high - low, dtype=matrix.dtype, device=matrix.device)
    ):
        return image.narrow(axis, low, high - low)
    bands = []
    for start in range(0, matrix.shape[0], BAND):
        rows = matrix[start : start + BAND]
        low, high = used_range(rows)
        part = image.narrow(axis, low, high - low)
        bands.append(torch.matmul(rows[:, low:high], part.movedim(axis, -2)).movedim(-2, axis))
    return torch.cat(bands, dim=axis)


def used_range(rows: torch.Tensor) -> tuple[int, int]:
    """Return the range of columns, start and stop, in which some of the ``rows`` of a matrix are not zero."""
    used = torch.nonzero(rows.any(dim=0)).ravel()
    return int(used[0]), int(used[-1]) + 1
