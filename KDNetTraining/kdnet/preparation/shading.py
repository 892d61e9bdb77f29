"""Shading: the smooth change in brightness across a scan that coils cause, measured and removed by N4."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from kdnet.data.preprocessing.foreground import Foreground
from kdnet.data.volumes.grid import Volume
from kdnet.errors import SettingsError
from kdnet.preparation.images import image_of, mask_image, shrink_factors, shrunk, voxels_of

GRID_MM = 8.0  # on which the field is fitted; it is smoother than that, and finer grids take many times as long
LOOK, FIT = (30, 30), (100, 50)  # iterations of N4 by level, each with half the distance of knots
CONVERGENCE = 1e-5
LEAST_VOXELS = 300  # of the patient on that grid; fewer hold no shading worth correcting
WITHIN = 0.99  # of such a voxel must be patient, because the edge of a head is dark without any shading
TREND = 0.09  # least trend of a scan worth a closer look by N4
STRONG = 0.075  # least strength that ``automatic`` corrects; see docs/results/preparation.md


class ShadingMethod(StrEnum):
    """When to correct the shading: where it is strong, never, or always."""

    AUTOMATIC = "automatic"
    OFF = "off"
    ON = "on"

    @classmethod
    def parse(cls, text: str) -> ShadingMethod:
        """Parse the value of ``--shading``.

        Raises:
            SettingsError: if ``text`` is not a method.
        """
        if text not in tuple(cls):
            raise SettingsError(f'--shading is "{text}": give {", ".join(cls)}.')
        return cls(text)


@dataclass(frozen=True, eq=False)
class Shading:
    """The result of looking for shading.

    Attributes:
        volume: scan, corrected or unchanged.
        strength: standard deviation over the patient of the logarithm of the field; 0 if it was not measured.
        corrected: whether ``volume`` was corrected.
    """

    volume: Volume
    strength: float
    corrected: bool


def correct_shading(volume: Volume, method: ShadingMethod, mask: NDArray[np.bool_] | None = None) -> Shading:
    """Return ``volume`` without its shading, if ``method`` asks for it; the background stays as it is.

    Args:
        volume: scan.
        method: when to correct.
        mask: brain, bool ``[i, j, k]``; by default, the patient.

    Example:
        >>> from kdnet.data.volumes.grid import Grid
        >>> empty = Volume(np.zeros((20, 20, 20), np.float32), Grid((20, 20, 20), np.eye(4)))
        >>> correct_shading(empty, ShadingMethod.ON).corrected
        False
    """
    if method is ShadingMethod.OFF:
        return Shading(volume, 0.0, corrected=False)
    inside = mask if mask is not None else Foreground.of(volume.voxels).mask(volume.voxels)
    coarse = _Coarse.of(volume, inside)
    if np.count_nonzero(coarse.inside) < LEAST_VOXELS:
        return Shading(volume, 0.0, corrected=False)
    if method is ShadingMethod.AUTOMATIC and coarse.trend() < TREND:
        return Shading(volume, 0.0, corrected=False)
    strength = coarse.strength(coarse.fitted(LOOK))
    if method is ShadingMethod.AUTOMATIC and strength < STRONG:
        return Shading(volume, strength, corrected=False)
    field = voxels_of(coarse.fitted(FIT).GetLogBiasFieldAsImage(image_of(volume)))
    factor = np.exp(float(field[inside].mean()) - field)  # the mean brightness stays
    voxels = np.where(inside, np.asarray(volume.voxels) * factor, volume.voxels).astype(np.float32)
    return Shading(replace(volume, voxels=voxels), strength, corrected=True)


@dataclass(frozen=True, eq=False)
class _Coarse:
    """A scan on the grid on which its field is fitted.

    Attributes:
        image: means of blocks of voxels.
        inside: voxels that are patient and brighter than 0, because N4 takes logarithms; bool ``[k, j, i]``.
    """

    image: sitk.Image
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, volume: Volume, mask: NDArray[np.bool_]) -> _Coarse:
        fine = image_of(volume)
        factors = shrink_factors(fine, GRID_MM)
        image = shrunk(fine, factors)
        share = shrunk(sitk.Cast(mask_image(mask, volume.grid), sitk.sitkFloat32), factors)
        inside = (sitk.GetArrayViewFromImage(share) > WITHIN) & (sitk.GetArrayViewFromImage(image) > 0)
        return cls(image, np.asarray(inside))

    def trend(self) -> float:
        """Return the standard deviation of a quadratic fitted to the logarithm; takes milliseconds.

        Lesions and anatomy are trends too: a small trend means that there is no strong shading, a large one does not mean
        that there is.
        """
        places = np.argwhere(self.inside).astype(np.float64)
        places = (places - places.mean(axis=0)) / places.std()
        i, j, k = places.T
        terms = np.column_stack([np.ones(len(i)), i, j, k, i * i, j * j, k * k, i * j, i * k, j * k])
        values = np.log(sitk.GetArrayViewFromImage(self.image)[self.inside])
        low, high = np.quantile(values, (0.1, 0.95))  # without fluid and the brightest lesions
        used = (values > low) & (values < high)
        for _ in range(4):
            weights = np.linalg.lstsq(terms[used], values[used], rcond=None)[0]
            rest = values - terms @ weights
            middle = np.median(rest)
            used = np.abs(rest - middle) < 2 * 1.4826 * np.median(np.abs(rest[used] - middle))
        return float((terms @ weights).std())

    def fitted(self, iterations: tuple[int, ...]) -> sitk.N4BiasFieldCorrectionImageFilter:
        """Return N4 after it has fitted the field."""
        mask = sitk.GetImageFromArray(self.inside.astype(np.uint8))
        mask.CopyInformation(self.image)
        corrector = sitk.N4BiasFieldCorrectionImageFilter()
        corrector.SetMaximumNumberOfIterations(list(iterations))
        corrector.SetConvergenceThreshold(CONVERGENCE)
        corrector.Execute(self.image, mask)
        return corrector

    def strength(self, corrector: sitk.N4BiasFieldCorrectionImageFilter) -> float:
        """Return the standard deviation of the field that ``corrector`` has fitted."""
        return float(sitk.GetArrayFromImage(corrector.GetLogBiasFieldAsImage(self.image))[self.inside].std())
