"""The random augmentations of training patches."""

from __future__ import annotations

import math
from dataclasses import dataclass

from kdnet.errors import SettingsError


@dataclass(frozen=True)
class Augmentation:
    """Random augmentations of a patch; 0 disables one.

    Attributes:
        flip: probability of mirroring, independent for each axis.
        scale: intensities are multiplied by a factor from 1 - scale to 1 + scale, per modality.
        shift: an offset from -shift to shift (in standard deviations) is added to intensities, per modality.
        noise: maximum standard deviation of added Gaussian noise, per modality in 3 of 10 patches.
        contrast: gamma is drawn from 1 - contrast to 1 + contrast, per modality in 3 of 10 patches.
        smooth: maximum standard deviation of a Gaussian blur in voxels, per modality in 2 of 10 patches.
        shading: maximum coefficient of a smooth field whose exponential multiplies a scan, like the coil bias of a
            scanner, per modality in 3 of 10 patches; 0.2 is about 0.7 to 1.7 across the head.
        thickness: maximum simulated slice thickness in voxels along one axis, as in 2D sequences, per modality
            in 3 of 10 patches; 0 or above 1.
        rotate: maximum angle about each axis in degrees, in 3 of 10 patches.
        zoom: sizes are scaled by 1 - zoom to 1 + zoom along each axis, in the same patches as ``rotate``.
    """

    flip: float = 0.5
    scale: float = 0.1
    shift: float = 0.1
    noise: float = 0.0
    contrast: float = 0.0
    smooth: float = 0.0
    shading: float = 0.0
    thickness: float = 0.0
    rotate: float = 0.0
    zoom: float = 0.0

    def __post_init__(self) -> None:
        limits = {"flip": 1.0, "scale": 1.0, "contrast": 0.99, "rotate": 180.0, "zoom": 0.9}
        for name in self.__dataclass_fields__:
            value, limit = getattr(self, name), limits.get(name, 10.0)
            if not 0 <= value <= limit:
                raise SettingsError(f"augmentation.{name} is {value:g}: give a number from 0 to {limit:g}.")

    @property
    def deforms(self) -> bool:
        """Whether patches are ever rotated or zoomed."""
        return self.rotate > 0 or self.zoom > 0

    def reach(self, patch: tuple[int, int, int]) -> tuple[int, int, int]:
        """Return the voxels to add on each side of a patch, so that rotated corners rarely reach beyond it."""
        angle = math.radians(min(self.rotate, 45.0))
        longest = max(patch)
        i, j, k = (
            math.ceil(((1 + self.zoom) * (size * math.cos(angle) + longest * math.sin(angle)) - size) / 2) for size in patch
        )
        return max(0, i), max(0, j), max(0, k)
