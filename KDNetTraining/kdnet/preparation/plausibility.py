"""Recognize scans that no brain model should be given: CT, too few slices, half a brain, a child's head, a lost spacing.

Each finding is one sentence. A severe one stops the case before minutes are spent, unless the user overrides it; the others
are warnings. Thresholds are measured, see docs/results/preparation.md.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdnet.data.preprocessing.foreground import Foreground
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.masks import bounding_box
from kdnet.errors import DataError
from kdnet.preparation.brain_mask import milliliters

OVERRIDE = "or override this check (--force)"
LEAST_SLICES = 10
LEAST_BRAIN_ML = 600.0  # half of an adult's
CHILD_ML = 900.0  # brain of a one-year-old; from six years on, size does not tell
CUT_SHARE = 0.6  # of the largest section of the brain, in the outermost slice of the scan
LEAST_MM, MOST_MM = 70.0, 330.0  # sides of a box around a head, with or without neck
STEP = 3  # every third voxel along each axis is sampled
FILLED = (0.36, 0.62)  # of the box around a brain; HD-BET fills 0.44 to 0.53 in 84 heads
AIR_HU, SOFT_HU, BONE_HU = (-1100.0, -900.0), (-50.0, 120.0), (300.0, 3100.0)
LEAST_AIR, LEAST_SOFT, LEAST_BONE = 0.02, 0.5, 0.02  # of the scan; of what is not air, twice
OFFSETS_HU = (0.0, 1024.0)  # of Hounsfield units as files store them


@dataclass(frozen=True)
class Finding:
    """A reason why a scan is probably not a case for a brain model.

    Attributes:
        text: sentence with the name of the scan, the problem and a remedy.
        severe: whether the case should stop.
    """

    text: str
    severe: bool


def findings(volume: Volume, name: str) -> tuple[Finding, ...]:
    """Return what is implausible about a scan, by measures that take milliseconds; ``name`` is for the sentences."""
    found = [_few_slices(volume, name)]
    if min(volume.grid.shape) >= LEAST_SLICES:
        found += [_tomogram(volume, name), _lost_spacing(volume, name) or _too_small(volume, name)]
    return tuple(finding for finding in found if finding is not None)


def brain_findings(mask: NDArray[np.bool_], grid: Grid, name: str) -> tuple[Finding, ...]:
    """Return what is implausible about the brain in a scan.

    Args:
        mask: brain, bool ``[i, j, k]``.
        grid: grid of the scan.
        name: name of the scan, for the sentences.
    """
    amount = milliliters(mask, grid)
    cut = cut_share(mask)
    if amount < LEAST_BRAIN_ML:
        where = ", cut off at the edge of the scan" if cut > CUT_SHARE else ""
        problem = f"{name} shows {amount:.0f} mL of brain{where}, less than half of an adult's"
        return (_severe(problem, "choose a scan of the whole brain"),)
    filled = box_share(mask)
    if cut <= CUT_SHARE and not FILLED[0] <= filled <= FILLED[1]:
        problem = f"what was found in {name} ({amount:.0f} mL) does not have the shape of a brain"
        return (_severe(problem, "choose a scan of the head"),)
    if cut > CUT_SHARE:
        return (
            _warning(
                f"{name} shows only part of the brain, which is cut off at the edge of the scan",
                "do not take its volumes for those of the whole brain",
            ),
        )
    if amount < CHILD_ML:
        return (
            _warning(
                f"{name} shows a brain of {amount:.0f} mL, as small as a young child's, but the model knows adults",
                "check the result and the spacing of the scan",
            ),
        )
    return ()


def refuse_severe(found: Iterable[Finding], *, force: bool) -> tuple[str, ...]:
    """Return the sentences of ``found`` as warnings.

    Args:
        found: findings.
        force: whether severe findings are warnings too.

    Raises:
        DataError: with the first severe finding, unless ``force``.
    """
    texts = []
    for finding in found:
        if finding.severe and not force:
            raise DataError(finding.text)
        texts.append(finding.text)
    return tuple(texts)


def cut_share(mask: NDArray[np.bool_]) -> float:
    """Return the area of ``mask`` in the outermost slices of the scan, relative to its largest section."""
    shares = []
    for axis in range(3):
        areas = np.count_nonzero(mask, axis=tuple({0, 1, 2} - {axis}))
        shares.append(max(areas[0], areas[-1]) / max(1, areas.max()))
    return float(max(shares))


def box_share(mask: NDArray[np.bool_]) -> float:
    """Return the fraction of the smallest box around ``mask`` that it fills; 0 if it is empty."""
    box = bounding_box(mask)
    return 0.0 if box is None else float(mask[box].mean())


def _few_slices(volume: Volume, name: str) -> Finding | None:
    slices = min(volume.grid.shape)
    if slices >= LEAST_SLICES:
        return None
    return _severe(f"{name} has only {slices} slices", f"choose a scan of the head with at least {LEAST_SLICES}")


def _tomogram(volume: Volume, name: str) -> Finding | None:
    """Recognize CT by its units: air, soft tissue and bone have known values, and soft tissue hardly varies."""
    voxels = np.asarray(volume.voxels[::STEP, ::STEP, ::STEP], dtype=np.float32)
    for offset in OFFSETS_HU:
        units = voxels - offset
        air, soft, bone = (np.count_nonzero((units >= low) & (units <= high)) for low, high in (AIR_HU, SOFT_HU, BONE_HU))
        body = np.count_nonzero(units > AIR_HU[1])
        if body and air >= LEAST_AIR * units.size and soft >= LEAST_SOFT * body and bone >= LEAST_BONE * body:
            return _severe(f"{name} looks like CT by its values, but the model was trained on MR", "choose an MR scan")
    return None


def _lost_spacing(volume: Volume, name: str) -> Finding | None:
    """Find a spacing of exactly 1 mm, which programs write that lost the true one, around an impossible head."""
    if not np.allclose(volume.grid.spacing, 1.0, atol=1e-6):
        return None
    box = bounding_box(Foreground.of(volume.voxels).mask(volume.voxels[::STEP, ::STEP, ::STEP]))
    if box is None:
        return None
    sides = [float(side.stop - side.start) * STEP for side in box]
    if min(sides) >= LEAST_MM and max(sides) <= MOST_MM:
        return None
    size = " x ".join(f"{side:.0f}" for side in sides)
    return _severe(
        f"{name} has probably lost its spacing (1 x 1 x 1 mm makes the head {size} mm)", "export it again with its spacing"
    )


def _too_small(volume: Volume, name: str) -> Finding | None:
    """Find a scan, with or without skull, that shows less tissue than half of an adult's brain: a slab, or an animal."""
    inside = Foreground.of(volume.voxels).mask(volume.voxels[::STEP, ::STEP, ::STEP])
    amount = float(inside.mean()) * volume.voxels.size * volume.grid.voxel_ml
    if amount >= LEAST_BRAIN_ML:
        return None
    steps = " x ".join(f"{step:.3g}" for step in volume.grid.spacing)
    return _severe(
        f"{name} shows {amount:.0f} mL of tissue, less than half of an adult's brain",
        f"check that its spacing ({steps} mm) is correct, and choose a scan of the whole brain",
    )


def _severe(problem: str, remedy: str) -> Finding:
    return Finding(f"{problem}: {remedy}, {OVERRIDE}.", severe=True)


def _warning(problem: str, remedy: str) -> Finding:
    return Finding(f"{problem}: {remedy}.", severe=False)
