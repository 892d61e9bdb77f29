"""Prepare the scans of one case for a model: check, register, extract the brain, correct shading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from kdnet.data.volumes.grid import Volume
from kdnet.preparation.brain import Brain, BrainChoice, BrainExtractor, BrainMethod
from kdnet.preparation.brain_mask import only_brain
from kdnet.preparation.plausibility import brain_findings, findings, refuse_severe
from kdnet.preparation.registration import align, check_alignment, moved
from kdnet.preparation.shading import ShadingMethod, correct_shading
from kdnet.schema.segmentation import Progress, ProgressCallback, Stage

TOLERANCE_MM = 0.1  # between corners of grids that count as one


@dataclass(frozen=True, eq=False)
class PreparationChoice:
    """The user's choices.

    Attributes:
        brain: how to find the brain in scans with skull.
        shading: when to correct shading.
        force: whether implausible scans are segmented with a warning instead of refused.
    """

    brain: BrainChoice = field(default_factory=BrainChoice)
    shading: ShadingMethod = ShadingMethod.AUTOMATIC
    force: bool = False


@dataclass(frozen=True, eq=False)
class Prepared:
    """Scans as a model takes them.

    Attributes:
        volumes: one per scan, all on the grid of the first.
        mask: mask of the brain, uint8 on that grid; None if the scans are used as they are.
        done: what was done, in one or more sentences.
        warnings: why the case may not be one for the model, one sentence each.
        transforms: for the index of each scan that was registered, the transform that maps points of the first scan to
            points of that scan, in LPS mm.
    """

    volumes: tuple[Volume, ...]
    mask: Volume | None
    done: str
    warnings: tuple[str, ...] = ()
    transforms: Mapping[int, sitk.Transform] = field(default_factory=dict)


def prepare_case(
    extractor: BrainExtractor,
    volumes: Sequence[Volume],
    names: Sequence[str],
    choice: PreparationChoice,
    *,
    expected: bool,
    progress: ProgressCallback = lambda _progress: None,
) -> Prepared:
    """Prepare the scans of one case.

    Args:
        extractor: brain extractor.
        volumes: scans of one patient, on any grids.
        names: their names, for messages.
        choice: the user's choices.
        expected: whether the model was trained on skull-stripped brains.
        progress: called with each stage.

    Raises:
        DataError: if a scan is not one of a brain, the brain is not found, or registration fails.
    """
    looked_at = zip(volumes, names, strict=True) if expected else ()
    found = [finding for volume, name in looked_at for finding in findings(volume, name)]
    warnings = refuse_severe(found, force=choice.force)
    first = extractor.extract(volumes[:1], names[:1], choice.brain, expected=expected, progress=progress)
    inside = None if first.mask is None else first.mask.voxels != 0
    if inside is not None and choice.brain.method is not BrainMethod.MASK:
        warnings += refuse_severe(brain_findings(inside, volumes[0].grid, names[0]), force=choice.force)
    registered = _registered(volumes, names, inside, progress)
    brain = first
    if len(volumes) > 1 and inside is not None:
        others = (only_brain(volume, inside) for volume in registered.volumes[1:])
        brain = Brain((*first.volumes, *others), first.mask, first.summary)
    elif len(volumes) > 1:
        brain = extractor.extract(registered.volumes, names, choice.brain, expected=expected, progress=progress)
    method = choice.shading
    if method is ShadingMethod.AUTOMATIC and brain.mask is None:
        method = ShadingMethod.OFF  # scans stripped elsewhere were usually corrected there, and must not take longer
    corrected, shaded = _corrected(brain, names, method, progress)
    done = " ".join(text for text in (brain.summary, *registered.done, shaded) if text)
    return Prepared(corrected, brain.mask, done, warnings, registered.transforms)


@dataclass(frozen=True, eq=False)
class _Registered:
    volumes: tuple[Volume, ...]
    done: tuple[str, ...] = ()
    transforms: Mapping[int, sitk.Transform] = field(default_factory=dict)


def _registered(
    volumes: Sequence[Volume], names: Sequence[str], inside: NDArray[np.bool_] | None, progress: ProgressCallback
) -> _Registered:
    """Return all scans on the grid of the first; those that are there already are not touched."""
    first = volumes[0]
    elsewhere = [index for index, volume in enumerate(volumes) if not volume.grid.matches(first.grid, TOLERANCE_MM)]
    placed, done, transforms = list(volumes), [], {}
    for count, index in enumerate(elsewhere):
        progress(Progress(Stage.REGISTRATION, count, len(elsewhere)))
        alignment = align(first, volumes[index], inside)
        check_alignment(alignment, names[index], names[0])
        placed[index] = moved(volumes[index], first, alignment.transform)
        transforms[index] = alignment.transform
        done.append(f"{names[index]} was registered to {names[0]} (rotated by {alignment.degrees:.1f} degrees).")
        progress(Progress(Stage.REGISTRATION, count + 1, len(elsewhere)))
    return _Registered(tuple(placed), tuple(done), transforms)


def _corrected(
    brain: Brain, names: Sequence[str], method: ShadingMethod, progress: ProgressCallback
) -> tuple[tuple[Volume, ...], str]:
    """Return the scans without strong shading, and what was done."""
    if method is ShadingMethod.OFF:
        return brain.volumes, ""
    mask = None if brain.mask is None else brain.mask.voxels != 0
    progress(Progress(Stage.SHADING, 0, 1))
    found = [correct_shading(volume, method, mask) for volume in brain.volumes]
    progress(Progress(Stage.SHADING, 1, 1))
    corrected = [name for name, shading in zip(names, found, strict=True) if shading.corrected]
    several = f" of {', '.join(corrected)}" if len(names) > 1 else ""
    return tuple(shading.volume for shading in found), f"Shading{several} was corrected." if corrected else ""
