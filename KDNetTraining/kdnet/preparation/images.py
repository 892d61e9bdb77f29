"""Volumes as SimpleITK images, whose arrays are ``[k, j, i]`` and whose millimeters are LPS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import to_sitk


def image_of(volume: Volume) -> sitk.Image:
    """Return ``volume`` as a float32 image."""
    return to_sitk(replace(volume, voxels=np.asarray(volume.voxels, dtype=np.float32)))


def mask_image(mask: NDArray[np.bool_], grid: Grid) -> sitk.Image:
    """Return ``mask`` ``[i, j, k]`` on ``grid`` as a uint8 image."""
    return to_sitk(Volume(mask.astype(np.uint8), grid))


def voxels_of(image: sitk.Image) -> NDArray[Any]:
    """Return the voxels of ``image``, ``[i, j, k]``."""
    return np.asarray(sitk.GetArrayFromImage(image).T)


def shrink_factors(image: sitk.Image, step_mm: float) -> list[int]:
    """Return how many voxels of ``image`` make about ``step_mm`` mm along each of its axes; at least 1."""
    sizes = zip(image.GetSpacing(), image.GetSize(), strict=True)
    return [min(size, max(1, round(step_mm / step))) for step, size in sizes]


def shrunk(image: sitk.Image, factors: Sequence[int]) -> sitk.Image:
    """Return the means of blocks of ``factors`` voxels."""
    return sitk.BinShrink(image, list(factors)) if max(factors) > 1 else image
