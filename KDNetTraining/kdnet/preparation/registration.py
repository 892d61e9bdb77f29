"""Rigid registration of the scans of one patient to the first of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from kdnet.data.preprocessing.foreground import Foreground
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.itk_files import LPS_RAS
from kdnet.errors import DataError
from kdnet.preparation.images import image_of, mask_image, shrink_factors, shrunk, voxels_of

LEVELS_MM = (8.0, 4.0, 2.0)  # grids of the search, coarse to fine
KEPT = (3, 1)  # positions that are refined on the finer grids
MARGIN_MM = 8.0  # around the brain; its edge aligns scans of different contrast
BINS = 32
SEED = 1  # of the jitter of sampled points, so that a case gets the same result each time
SAMPLES = 40_000  # voxels that one iteration compares
FAR_DEGREES, FAR_MM = 15.0, 12.0  # of the displaced positions that the result is compared with

LEAST_OVERLAP = 0.6  # of the first scan's brain or patient that the other scan must cover
LEAST_GAIN = 0.04  # of mutual information over displaced positions; see docs/results/preparation.md
MOST_DEGREES = 50.0  # patients do not lie more tilted than this in one scan than in another


@dataclass(frozen=True)
class _Search:
    """A search for the position.

    Attributes:
        turns: degrees about each axis, of the starting positions.
        refined: number of the best starting positions that are refined on the coarsest grid.
    """

    turns: tuple[float, ...]
    refined: int


QUICK = _Search((-20.0, 0.0, 20.0), 12)
THOROUGH = _Search((-40.0, -20.0, 0.0, 20.0, 40.0), 40)  # where the quick one finds no clear position


@dataclass(frozen=True, eq=False)
class Alignment:
    """The position of one scan relative to the first.

    Attributes:
        transform: maps points of the first scan to points of the other, in LPS mm, as ITK resamples.
        information: mutual information of both scans, in nats.
        gain: ``information`` minus that of the best of several positions displaced from it.
        overlap: fraction of the first scan's brain or patient that the other scan covers.
        degrees: angle of the rotation.
    """

    transform: sitk.Euler3DTransform
    information: float
    gain: float
    overlap: float
    degrees: float


def align(fixed: Volume, moving: Volume, mask: NDArray[np.bool_] | None = None) -> Alignment:
    """Find the rigid transform that maps ``fixed`` onto ``moving``.

    Args:
        fixed: first scan.
        moving: another scan of the same patient, on any grid.
        mask: brain in ``fixed``, bool ``[i, j, k]``; by default, the patient.
    """
    inside = mask if mask is not None else Foreground.of(fixed.voxels).mask(fixed.voxels)
    pair = _Pair(image_of(fixed), image_of(moving), _grown(mask_image(inside, fixed.grid)))
    found = _aligned(pair, QUICK)
    return found if found.gain >= LEAST_GAIN else _aligned(pair, THOROUGH)


def check_alignment(alignment: Alignment, moving: str, fixed: str) -> None:
    """Refuse an alignment that is probably wrong; ``moving`` and ``fixed`` are names of scans.

    Raises:
        DataError: if the scans hardly overlap, the rotation is implausible, or other positions fit as well.
    """
    problem = ""
    if alignment.overlap < LEAST_OVERLAP:
        problem = f"it covers {alignment.overlap:.0%} of the head"
    elif alignment.degrees > MOST_DEGREES:
        problem = f"a rotation of {alignment.degrees:.0f} degrees is not plausible"
    elif alignment.gain < LEAST_GAIN:
        problem = "no position fits better than others"
    if problem:
        raise DataError(
            f"{moving} could not be registered to {fixed} ({problem}): check that both show the same head, or register them"
            " first, for example in Slicer."
        )


def visit_position(earlier: Volume, later: Volume, names: tuple[str, str]) -> tuple[NDArray[np.float64], str]:
    """Register the scan of a later visit to that of an earlier one.

    Args:
        earlier: scan of the earlier visit.
        later: scan of the later visit of the same patient.
        names: their names, for messages.

    Returns:
        Matrix from points of the later visit to points of the earlier one, 4 x 4 in RAS mm, and how it was found in one
        sentence.

    Raises:
        DataError: if they cannot be registered.
    """
    alignment = align(earlier, later)
    check_alignment(alignment, names[1], names[0])
    return (
        np.asarray(np.linalg.inv(matrix(alignment.transform)), dtype=np.float64),  # the alignment maps earlier to later
        f"{names[1]} was registered rigidly to {names[0]} (rotated by {alignment.degrees:.1f} degrees).",
    )


def moved(moving: Volume, fixed: Volume, transform: sitk.Transform) -> Volume:
    """Return ``moving`` resampled linearly to the grid of ``fixed``, float32; 0 or its darkest value beyond its edge."""
    image = image_of(moving)
    background = min(0.0, float(np.asarray(moving.voxels).min()))
    resampled = sitk.Resample(image, image_of(fixed), transform, sitk.sitkLinear, background)
    return Volume(voxels_of(resampled), fixed.grid, moving.warnings)


def matrix(transform: sitk.Transform) -> NDArray[np.float64]:
    """Return a rigid transform as a 4 x 4 matrix from points of the first scan to points of the other, in RAS mm."""
    points = np.array([transform.TransformPoint(point) for point in np.vstack([np.zeros(3), np.eye(3)]).tolist()])
    lps = np.eye(4)
    lps[:3, 3] = points[0]
    lps[:3, :3] = (points[1:] - points[0]).T
    return np.asarray(LPS_RAS @ lps @ LPS_RAS)


class _Pair:
    """Two scans on grids of several resolutions, and the region of the first in which they are compared."""

    def __init__(self, fixed: sitk.Image, moving: sitk.Image, inside: sitk.Image) -> None:
        self.fixed, self.moving, self.inside = fixed, moving, inside
        self.center = _center(inside)
        self._levels = {level: (self._coarse(fixed, level), self._coarse(moving, level)) for level in LEVELS_MM}

    @staticmethod
    def _coarse(image: sitk.Image, level: float) -> sitk.Image:
        return shrunk(image, shrink_factors(image, level))

    def information(self, transform: sitk.Transform, level: float) -> float:
        """Return the mutual information at ``transform``; minus infinity where the scans do not overlap."""
        method = self._method(level)
        method.SetInitialTransform(transform)
        try:
            return -float(method.MetricEvaluate(*self._levels[level]))
        except RuntimeError:  # ITK: all samples map outside the moving image
            return -math.inf

    def refine(self, start: sitk.Euler3DTransform, level: float) -> sitk.Euler3DTransform:
        """Return the position of the largest mutual information near ``start``."""
        method = self._method(level)
        found = sitk.Euler3DTransform(start)
        method.SetInitialTransform(found, inPlace=True)
        method.SetInterpolator(sitk.sitkLinear)
        method.SetOptimizerAsRegularStepGradientDescent(
            learningRate=level / 2, minStep=level / 200, numberOfIterations=60, relaxationFactor=0.6
        )
        method.SetOptimizerScalesFromPhysicalShift()
        try:
            method.Execute(*self._levels[level])
        except RuntimeError:
            return start
        return found

    def overlap(self, transform: sitk.Transform) -> float:
        """Return the fraction of the region that lies within the other scan."""
        grid = self._levels[LEVELS_MM[0]][0]
        inside = sitk.GetArrayFromImage(sitk.Resample(self.inside, grid, sitk.Transform(), sitk.sitkNearestNeighbor)) > 0
        ones = sitk.Image(self.moving.GetSize(), sitk.sitkUInt8) + 1
        ones.CopyInformation(self.moving)
        seen = sitk.GetArrayFromImage(sitk.Resample(ones, grid, transform, sitk.sitkNearestNeighbor)) > 0
        return float(np.count_nonzero(inside & seen)) / max(1, int(np.count_nonzero(inside)))

    def _method(self, level: float) -> sitk.ImageRegistrationMethod:
        fixed = self._levels[level][0]
        method = sitk.ImageRegistrationMethod()
        method.SetMetricAsMattesMutualInformation(BINS)
        method.SetMetricFixedMask(self.inside)
        method.SetMetricSamplingStrategy(method.REGULAR)
        method.SetMetricSamplingPercentage(min(1.0, SAMPLES / fixed.GetNumberOfPixels()), SEED)
        method.SetInterpolator(sitk.sitkLinear)
        return method


def _aligned(pair: _Pair, search: _Search) -> Alignment:
    positions = list(_starts(pair, search.turns))
    overlapping = [start for start in positions if pair.overlap(start) >= LEAST_OVERLAP] or positions
    starts = sorted(overlapping, key=lambda start: pair.information(start, LEVELS_MM[0]), reverse=True)[: search.refined]
    refined = [pair.refine(start, LEVELS_MM[0]) for start in starts]
    # wrong positions fit almost as well as the right one where the grid is coarse
    for level, kept in zip(LEVELS_MM[1:], KEPT, strict=True):
        refined.sort(key=lambda found: pair.information(found, LEVELS_MM[1]), reverse=True)
        refined = [pair.refine(found, level) for found in refined[:kept]]
    best = refined[0]
    information = pair.information(best, LEVELS_MM[1])
    displaced = max(pair.information(other, LEVELS_MM[1]) for other in _displaced(best))
    return Alignment(best, information, information - displaced, pair.overlap(best), _degrees(best))


def _starts(pair: _Pair, turns: Sequence[float]) -> Iterator[sitk.Euler3DTransform]:
    """Yield the position that the headers give, and others about the centers of both scans."""
    shift = np.subtract(_center(_patient(pair.moving)), _center(_patient(pair.fixed)))
    for offset in ((0.0, 0.0, 0.0), tuple(shift.tolist())):
        for turn in itertools.product(turns, repeat=3):
            yield _placed(pair.center, turn, offset)


def _displaced(transform: sitk.Euler3DTransform) -> Iterator[sitk.Euler3DTransform]:
    for axis, sign in itertools.product(range(3), (-1, 1)):
        for parameter, amount in ((axis, math.radians(FAR_DEGREES)), (axis + 3, FAR_MM)):
            other = sitk.Euler3DTransform(transform)
            parameters = list(other.GetParameters())
            parameters[parameter] += sign * amount
            other.SetParameters(parameters)
            yield other


def _placed(center: Sequence[float], degrees: Sequence[float], shift: Sequence[float]) -> sitk.Euler3DTransform:
    transform = sitk.Euler3DTransform()
    transform.SetCenter(list(center))
    transform.SetRotation(*(math.radians(angle) for angle in degrees))
    transform.SetTranslation(list(shift))
    return transform


def _degrees(transform: sitk.Euler3DTransform) -> float:
    matrix = np.reshape(transform.GetMatrix(), (3, 3))
    return math.degrees(math.acos(min(1.0, max(-1.0, (float(np.trace(matrix)) - 1) / 2))))


def _grown(mask: sitk.Image) -> sitk.Image:
    """Return ``mask`` grown by ``MARGIN_MM``."""
    radius = [max(1, round(MARGIN_MM / step)) for step in mask.GetSpacing()]
    return sitk.BinaryDilate(mask, radius, sitk.sitkBox)


def _patient(image: sitk.Image) -> sitk.Image:
    voxels = sitk.GetArrayViewFromImage(image)
    found = sitk.GetImageFromArray(Foreground.of(voxels).mask(voxels).astype(np.uint8))
    found.CopyInformation(image)
    return found


def _center(mask: sitk.Image) -> tuple[float, ...]:
    """Return the center of mass of ``mask`` in LPS mm."""
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(mask)
    if not statistics.HasLabel(1):
        raise DataError("nothing but background is found in a scan to be registered: choose a scan that shows a head.")
    return tuple(statistics.GetCentroid(1))
