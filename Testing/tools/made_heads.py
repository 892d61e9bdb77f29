"""Synthetic heads: a bright scalp, a dark skull and a brain, with noise around or without."""

from __future__ import annotations

import numpy as np
from kdnet.data.volumes.grid import Grid, Volume

SHAPE = (60, 72, 60)


def _radius(shape: tuple[int, ...], radii: tuple[float, ...]) -> np.ndarray:
    axes = np.meshgrid(*(np.arange(size) - (size - 1) / 2 for size in shape), indexing="ij")
    return np.asarray(np.sqrt(sum((axis / radius) ** 2 for axis, radius in zip(axes, radii, strict=True))))


def head(seed: int = 0, *, noise: float = 5.0, spacing: float = 3.0) -> tuple[Volume, np.ndarray]:
    """A head of about 4.5 L, and its brain of about 1.5 L."""
    random = np.random.default_rng(seed)
    brain = _radius(SHAPE, (21, 26, 24)) < 1
    voxels = np.zeros(SHAPE)
    voxels[_radius(SHAPE, (29, 35, 32)) < 1] = 900
    voxels[_radius(SHAPE, (25, 30, 28)) < 1] = 60
    voxels[brain] = 500 + 60 * random.standard_normal(int(brain.sum()))
    voxels += np.abs(noise * random.standard_normal(SHAPE))
    affine = np.diag([spacing, spacing, spacing, 1.0])
    return Volume(voxels.astype(np.float32), Grid(SHAPE, affine)), brain


def stripped(volume: Volume, brain: np.ndarray) -> Volume:
    """The brain alone, on exactly 0."""
    return Volume(np.where(brain, volume.voxels, 0).astype(np.float32), volume.grid)
