"""From the chosen series of a case to its volumes: one grid, registered, brain extracted, with its labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from kdnet.curation.candidate import Candidate
from kdnet.curation.choice import Chosen, reference_modality
from kdnet.curation.record import EXTRACTED
from kdnet.curation.reference_labels import Drawn, check_labels, moved_labels
from kdnet.curation.register import register
from kdnet.data.volumes.geometry import SAME_PLACE_MM
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.errors import DataError
from kdnet.preparation.brain import BrainChoice, BrainExtractor, BrainMethod
from kdnet.preparation.brain_mask import milliliters, only_brain
from kdnet.preparation.plausibility import brain_findings, findings, refuse_severe
from kdnet.preparation.registration import moved
from kdnet.schema.modalities import display_name
from kdnet.schema.raw_studies import CurationSettings

LABELS = "labels"  # key of the scan on which the labels were drawn, if it is not one of the chosen
MOST_OUTSIDE = 0.05  # of a segmentation outside the extracted brain
STORED = np.iinfo(np.int16)


@dataclass(frozen=True, eq=False)
class Assembled:
    """A case on one grid.

    Attributes:
        volumes: by modality, background outside the brain.
        labels: expert segmentation on the same grid, None without one.
        head: the reference scan on that grid with everything around the brain.
        mask: extracted brain, bool ``[i, j, k]``; None if the scans were left as they are.
        reference: modality of the reference scan.
        done: what was done, in sentences.
        warnings: what to look at, in sentences.
    """

    volumes: Mapping[str, Volume]
    labels: Volume | None
    head: Volume
    mask: NDArray[np.bool_] | None
    reference: str
    done: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Scans:
    """Scans and their names for messages by modality, with the transforms from points of the reference, in LPS mm."""

    volumes: Mapping[str, Volume]
    names: Mapping[str, str]
    reference: str
    transforms: Mapping[str, sitk.Transform] = field(default_factory=dict)
    done: tuple[str, ...] = ()

    def on(self, target: Grid, name: str) -> Volume:
        """Return a scan on ``target``; one that is there already is not touched."""
        volume = self.volumes[name]
        if name not in self.transforms and volume.grid.matches(target, SAME_PLACE_MM):
            return volume
        transform = self.transforms.get(name, sitk.Transform())
        return _stored(moved(volume, Volume(np.zeros(target.shape, np.uint8), target), transform), volume.voxels.dtype)


def assemble(
    chosen: Chosen,
    candidates: Sequence[Candidate],
    drawn: Drawn | None,
    settings: CurationSettings,
    extractor: BrainExtractor,
) -> Assembled:
    """Prepare the chosen series of a case.

    Args:
        chosen: series by modality.
        candidates: all series of the case; the expert may have drawn on one that was not chosen.
        drawn: expert segmentation, None without one.
        settings: the user's choices.
        extractor: brain extractor.

    Raises:
        DataError: if a scan is implausible, the brain is not found, registration fails, or labels are lost.
    """
    labels = drawn.labels if drawn is not None else None
    scan = _scan_of(drawn, chosen, candidates) if drawn is not None else ""
    reference = reference_modality(chosen.scans, settings.reference, labels.grid if labels else None)
    scans = _loaded(chosen, scan, reference)
    looked_at = [finding for name in chosen.scans for finding in findings(scans.volumes[name], scans.names[name])]
    warnings = refuse_severe(looked_at, force=settings.force)
    choice = BrainChoice(BrainMethod(settings.brain))
    inside = _brain(scans.volumes[reference], scans.names[reference], choice, extractor)
    scans = _registered(scans, inside)
    inside = inside if inside is not None else _brain_of_any(scans, choice, extractor)
    grid = scans.volumes[reference].grid
    if inside is not None:
        warnings += refuse_severe(brain_findings(inside, grid, scans.names[reference]), force=settings.force)
    target = target_grid(grid, settings.spacing)
    mask = None if inside is None else _moved_mask(inside, grid, target)
    placed = None if labels is None else _placed(labels, target, scans, LABELS if isinstance(scan, Candidate) else scan)
    if labels is not None and placed is not None:
        warnings += check_labels(labels, placed) + _outside(placed, mask)
    volumes = {name: scans.on(target, name) for name in chosen.scans}
    head = volumes[reference]
    if mask is not None:
        volumes = {name: only_brain(volume, mask) for name, volume in volumes.items()}
    return Assembled(volumes, placed, head, mask, reference, (*scans.done, _extracted(mask, target)), warnings)


def _extracted(mask: NDArray[np.bool_] | None, grid: Grid) -> str:
    if mask is None:
        return "The scans were used as they are."
    return f"{EXTRACTED} ({milliliters(mask, grid):.0f} mL)."


def _loaded(chosen: Chosen, drawn: str | Candidate, reference: str) -> _Scans:
    """Return the volumes of the chosen series, and of the one on which the expert drew."""
    used = dict(chosen.scans)
    names = {name: f"{display_name(name)} ({item.name})" for name, item in used.items()}
    if isinstance(drawn, Candidate):
        used[LABELS], names[LABELS] = drawn, f"the scan of the segmentation ({drawn.name})"
    return _Scans({name: item.load() for name, item in used.items()}, names, reference)


def target_grid(grid: Grid, spacing: float) -> Grid:
    """Return ``grid``, or the grid of cubic voxels of ``spacing`` mm that fills the same box along the same axes."""
    if not spacing:
        return grid
    steps = np.array(grid.spacing)
    shape = [max(1, math.ceil(size * step / spacing - 1e-3)) for size, step in zip(grid.shape, grid.spacing, strict=True)]
    affine = grid.affine.copy()
    affine[:3, :3] = grid.affine[:3, :3] / steps * spacing
    spare = (np.array(shape) * spacing - np.array(grid.shape) * steps) / 2  # beyond the box, the same at both ends
    first = (spacing - steps) / 2 - spare  # from the first old voxel's center to the first new one's, along the axes
    affine[:3, 3] = grid.affine[:3, 3] + (grid.affine[:3, :3] / steps) @ first
    return Grid((shape[0], shape[1], shape[2]), affine)


def _scan_of(drawn: Drawn, chosen: Chosen, candidates: Sequence[Candidate]) -> str | Candidate:
    """Return the modality of the chosen scan on which the labels were drawn, or else another series of the case.

    Raises:
        DataError: if they lie on the grid of none.
    """
    fitting = [item for item in candidates if item.grid is not None and item.grid.matches(drawn.labels.grid, SAME_PLACE_MM)]
    for name, item in chosen.scans.items():
        if item is drawn.scan or (drawn.scan is None and item in fitting):
            return name
    if drawn.scan is not None or fitting:
        return drawn.scan or fitting[0]
    raise DataError(
        f"{drawn.file} has the geometry of none of the scans, so it is unknown where it belongs: resample it to one."
    )


def _brain(volume: Volume, name: str, choice: BrainChoice, extractor: BrainExtractor) -> NDArray[np.bool_] | None:
    brain = extractor.extract([volume], [name], choice, expected=True)
    return None if brain.mask is None else np.asarray(brain.mask.voxels != 0)


def _brain_of_any(scans: _Scans, choice: BrainChoice, extractor: BrainExtractor) -> NDArray[np.bool_] | None:
    """Look for a skull in the other scans, when the reference shows none."""
    grid = scans.volumes[scans.reference].grid
    for name in scans.volumes:
        if name not in (scans.reference, LABELS):
            found = _brain(scans.on(grid, name), scans.names[name], choice, extractor)
            if found is not None:
                return found
    return None


def _registered(scans: _Scans, inside: NDArray[np.bool_] | None) -> _Scans:
    """Register the scans that do not lie on the grid of the reference.

    Raises:
        DataError: if that fails.
    """
    found = register(scans.volumes, scans.names, scans.reference, inside)
    done = []
    for name, position in found.items():
        shown = "Scan of the segmentation" if name == LABELS else display_name(name)
        through = f" through {display_name(position.through)}" if position.through else ""
        done.append(
            f"{shown} registered to {display_name(scans.reference)}{through} (rotated by {position.degrees:.1f} degrees)."
        )
    return replace(scans, transforms={name: position.transform for name, position in found.items()}, done=tuple(done))


def _placed(labels: Volume, target: Grid, scans: _Scans, drawn: str) -> Volume:
    if drawn not in scans.transforms and labels.grid.matches(target, SAME_PLACE_MM):
        return Volume(labels.voxels, target)
    return moved_labels(labels, target, scans.transforms.get(drawn, sitk.Transform()))


def _moved_mask(mask: NDArray[np.bool_], grid: Grid, target: Grid) -> NDArray[np.bool_]:
    if grid is target:
        return mask
    return np.asarray(moved_labels(Volume(mask.astype(np.uint8), grid), target, sitk.Transform()).voxels != 0)


def _outside(labels: Volume, mask: NDArray[np.bool_] | None) -> tuple[str, ...]:
    """Return a warning if the brain mask cuts the segmentation."""
    if mask is None:
        return ()
    marked = labels.voxels != 0
    share = int(np.count_nonzero(marked & ~mask)) / max(1, int(np.count_nonzero(marked)))
    if share <= MOST_OUTSIDE:
        return ()
    return (f"{share:.0%} of the segmentation lies outside the extracted brain: look at the pictures.",)


def _stored(volume: Volume, kind: np.dtype[np.generic]) -> Volume:
    """Round a resampled volume to 16 bits if its scan had integers; 32-bit files take twice the space."""
    values = volume.voxels
    if kind.kind not in "iu" or values.min() < STORED.min or values.max() > STORED.max:
        return volume
    return Volume(np.rint(values).astype(np.int16), volume.grid, volume.warnings)
