"""Separate patient from background in a volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONSTANT_SHARE = 0.02  # a value shared by more than this fraction of voxels is a masked background

RINGING_SHARE = 0.01  # of a bright voxel; values this close to a masked background are interpolation residue


@dataclass(frozen=True)
class Foreground:
    """The criterion that separates patient from background in a volume.

    Attributes:
        background: the value of a masked background, if there is one.
        threshold: distance from a masked background above which a voxel is patient; without one, the minimum intensity.
    """

    background: float | None
    threshold: float

    @classmethod
    def of(cls, voxels: NDArray[Any]) -> Foreground:
        """Determine the foreground of ``voxels`` with three axes in any order.

        Masked images have a single background value on most of their outer faces, others have noise there.
        """
        values, counts = np.unique(np.concatenate([face.ravel() for face in outer_faces(voxels)]), return_counts=True)
        common = values[counts.argmax()]
        coarse = voxels[::3, ::3, ::3]
        if counts.max() > 0.5 * counts.sum() and (coarse == common).mean() > CONSTANT_SHARE:
            # a high quantile, because interpolation may leave residue in most of the volume
            bright = float(np.quantile(np.abs(coarse.astype(np.float64) - float(common)), 0.99))
            return cls(float(common), RINGING_SHARE * bright)
        import SimpleITK as sitk  # noqa: PLC0415 - takes half a second, which masked images should not cost a panel

        image = sitk.GetImageFromArray(np.ascontiguousarray(coarse, dtype=np.float32))
        threshold = sitk.OtsuThresholdImageFilter()
        threshold.Execute(image)
        # Otsu separates bright tissue from the rest; halfway down to the darkest value keeps dark tissue too
        return cls(None, (threshold.GetThreshold() + float(coarse.min())) / 2)

    def mask(self, voxels: NDArray[Any]) -> NDArray[np.bool_]:
        """Return the mask of ``voxels`` that are patient."""
        if self.background is not None:
            below, above = self.background - self.threshold, self.background + self.threshold
            return np.asarray((voxels < below) | (voxels > above))
        return np.asarray(voxels > self.threshold)


def outer_faces(voxels: NDArray[Any]) -> list[NDArray[Any]]:
    """Return views of the six outer faces of ``voxels`` with three axes, whatever its memory order."""
    # np.take would copy the whole of a volume in Fortran order
    return [voxels[(slice(None),) * axis + (index,)] for axis in range(3) for index in (0, -1)]
