"""Synthetic heads: a bright scalp, a dark skull and a brain, with noise around or without."""

from __future__ import annotations

import numpy as np
from kdnet.data.volumes.grid import Grid, Volume
from scipy import ndimage
from scipy.spatial.transform import Rotation

SHAPE = (60, 72, 60)
CENTER = np.array([90.0, 108.0, 90.0])  # of SHAPE at 3 mm


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


def detailed_head(
    position: np.ndarray, shape: tuple[int, int, int], spacing: tuple[float, float, float], *, dark: bool
) -> Volume:
    """A head with face, ventricles and a lesion whose points x lie at ``position`` @ x, sampled on a straight grid."""
    axes = np.meshgrid(*(np.arange(size) * step for size, step in zip(shape, spacing, strict=True)), indexing="ij")
    points = np.stack([*axes, np.ones(shape)])
    x, y, z = np.tensordot(np.linalg.inv(position), points, axes=1)[:3] - CENTER[:, None, None, None]
    values = np.zeros(shape)
    parts = {  # radii, center, brightness in the one contrast and in the other
        "scalp": ((80, 98, 85), (0, 0, 0), 900, 300),
        "nose": ((15, 30, 25), (0, 95, -30), 800, 350),
        "skull": ((72, 90, 78), (0, 0, 0), 60, 40),
        "brain": ((66, 84, 70), (0, 0, 0), 500, 420),
        "left": ((10, 30, 14), (14, 5, 10), 150, 900),
        "right": ((8, 26, 12), (-14, 0, 10), 150, 900),
        "back": ((40, 25, 20), (0, -50, -40), 420, 500),
        "lesion": ((18, 14, 16), (35, 30, 20), 300, 750),
    }
    for radii, center, bright, other in parts.values():
        inside = sum(((a - c) / r) ** 2 for a, c, r in zip((x, y, z), center, radii, strict=True)) < 1
        values[inside] = other if dark else bright
    gyri = np.sin(x / 8) + np.sin(y / 9 + x / 20) + np.sin(z / 10 + y / 25) > 0
    within = (x / 66) ** 2 + (y / 84) ** 2 + (z / 70) ** 2 < 1
    values[within & gyri] *= 1.8 if dark else 0.6
    random = np.random.default_rng(int(dark))
    noisy = ndimage.gaussian_filter(values, 0.5) + np.abs(random.normal(0, 12, shape))
    return Volume(noisy.astype(np.float32), Grid(shape, np.diag([*spacing, 1.0])))


def position_of(degrees: tuple[float, float, float], shift: tuple[float, float, float]) -> np.ndarray:
    """A rotation about the center of the head, and a shift in mm."""
    turn = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    position = np.eye(4)
    position[:3, :3] = turn
    position[:3, 3] = CENTER - turn @ CENTER + shift
    return position
