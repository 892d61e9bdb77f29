"""What in a volume is patient and what is background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONSTANT_SHARE = 0.02  # share of voxels with one and the same value from which on that value is a masked background

RINGING_SHARE = 0.01  # of a bright voxel; so near a masked background are only traces that an interpolation left


@dataclass(frozen=True)
class Foreground:
    """What in a volume is patient.

    Attributes:
        background: the value of a masked background, if there is one.
        threshold: with a masked background, how far from it a voxel is patient; otherwise, the intensity above which.
    """

    background: float | None
    threshold: float

    @classmethod
    def of(cls, voxels: NDArray[Any]) -> Foreground:
        """Find out from ``voxels`` with three axes in any order.

        Masked images have one background value at most of their outer faces, others have noise there.
        """
        faces = [np.take(voxels, index, axis=axis).ravel() for axis in range(3) for index in (0, -1)]
        values, counts = np.unique(np.concatenate(faces), return_counts=True)
        common = values[counts.argmax()]
        coarse = voxels[::3, ::3, ::3]
        if counts.max() > 0.5 * counts.sum() and (coarse == common).mean() > CONSTANT_SHARE:
            # a high quantile, because an interpolation may leave traces in most of the volume
            bright = float(np.quantile(np.abs(coarse.astype(np.float64) - float(common)), 0.99))
            return cls(float(common), RINGING_SHARE * bright)
        import SimpleITK as sitk  # noqa: PLC0415 - half a second, which a panel should not wait for with a masked image

        image = sitk.GetImageFromArray(np.ascontiguousarray(coarse, dtype=np.float32))
        threshold = sitk.OtsuThresholdImageFilter()
        threshold.Execute(image)
        # Otsu separates bright tissue from the rest; half way down to the darkest keeps dark tissue too
        return cls(None, (threshold.GetThreshold() + float(coarse.min())) / 2)

    def mask(self, voxels: NDArray[Any]) -> NDArray[np.bool_]:
        """Which of ``voxels`` are patient."""
        if self.background is not None:
            below, above = self.background - self.threshold, self.background + self.threshold
            return np.asarray((voxels < below) | (voxels > above))
        return np.asarray(voxels > self.threshold)
