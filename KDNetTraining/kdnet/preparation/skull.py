"""Whether a scan shows a whole head or a brain whose skull was removed, by looks that take milliseconds.

Calibrated on 95 whole heads and on 592 scans of BraTS and BraTS Africa. Neither torch nor a network is needed, so that a
panel can ask before anything else is installed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kdnet.data.preprocessing.foreground import Foreground

if TYPE_CHECKING:
    from kdnet.data.volumes.grid import Volume  # only where it is used: a panel must not wait for nibabel

BRAIN_LITERS = 2.3  # larger than any brain, smaller than any head that is not cut off
FACE_SHARE = 0.12  # of the outermost slice; more patient there means that the patient does not end where the scan does
LOOK = 3  # every third voxel along each axis is looked at


class Skull(StrEnum):
    """What a scan shows. ``unclear`` needs a closer look, as :mod:`kdnet.preparation.brain` takes it."""

    THERE = "there"
    REMOVED = "removed"
    UNCLEAR = "unclear"


@dataclass(frozen=True)
class HeadLook:
    """A quick look at a scan.

    Attributes:
        liters: of patient.
        masked: whether the background has one and the same value, as where something was cut out.
        face: largest share of patient in an outermost slice.
    """

    liters: float
    masked: bool
    face: float

    @classmethod
    def at(cls, voxels: NDArray[Any], voxel_mm3: float) -> HeadLook:
        """Look at ``voxels`` with three axes in any order, each of ``voxel_mm3`` mm³."""
        foreground = Foreground.of(voxels)
        coarse = foreground.mask(voxels[::LOOK, ::LOOK, ::LOOK])
        # a mean, because the coarse look covers a little more or less than the volume
        liters = float(coarse.mean()) * voxels.size * voxel_mm3 / 1e6
        faces = [float(foreground.mask(np.take(voxels, index, axis=axis)).mean()) for axis in range(3) for index in (0, -1)]
        return cls(liters, foreground.background is not None, max(faces))

    @property
    def skull(self) -> Skull:
        """What the look tells."""
        if self.liters > BRAIN_LITERS:
            return Skull.THERE
        if self.masked and self.face <= FACE_SHARE:
            return Skull.REMOVED
        return Skull.UNCLEAR


def look_for_skull(volume: Volume) -> Skull:
    """Whether ``volume`` shows a whole head."""
    return HeadLook.at(np.asarray(volume.voxels), float(np.prod(volume.grid.spacing))).skull


def has_skull(volume: Volume) -> bool:
    """Whether ``volume`` shows, or may show, more of a head than its brain."""
    return look_for_skull(volume) is not Skull.REMOVED
