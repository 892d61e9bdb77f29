"""Check for likely mistakes in the choice of a volume for a model, for the command line, batches and the panel.

Nothing here rejects a volume. Each finding is one sentence with the volume's name, the problem and a remedy. Only NumPy is
needed (and SimpleITK for volumes with noise around the head), because the panel checks before anything else is installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdnet.data.preprocessing.foreground import Foreground
from kdnet.data.volumes.masks import bounding_box
from kdnet.preparation.skull import BRAIN_LITERS
from kdnet.schema.modalities import ANY_SEQUENCE, display_name

LEAST_LITERS = 0.6  # smaller than the brain of a one-year-old
MOST_LITERS = 7.5  # larger than any head with neck
LEAST_MM = 70.0  # shortest side of a box around a brain
MOST_MM = 330.0  # longest side of a box around a head with neck
SPACING_FACTOR = 2.5  # a volume this much coarser than the model's grid lacks the detail of the training data
MOST_LABELS = 10  # distinct values in a coarse sample of a volume; scans have hundreds
LOOK = 3  # every third voxel along each axis is sampled
WITHOUT_SKULL = ("BraTS", "phantom")  # data known to be skull-stripped


@dataclass(frozen=True, eq=False)
class Scan:
    """What is known about a volume before segmentation.

    Attributes:
        name: file or node name, as the user knows it.
        voxels: with three axes, in any order.
        spacing: in mm, along the axes of ``voxels``.
        modality: ``"t1"``, ``"t1ce"``, ``"t2"``, ``"flair"`` or another found in the name or header; empty if in doubt.
        scanner: DICOM modality, such as ``"MR"`` or ``"CT"``; empty if unknown.
        other: whether its name or header says that it is a map, diffusion, perfusion or similar.
        numbered: whether only a number in its name indicates the modality.
    """

    name: str
    voxels: NDArray[Any]
    spacing: Sequence[float]
    modality: str = ""
    scanner: str = ""
    other: bool = False
    numbered: bool = False


@dataclass(frozen=True)
class Needs:
    """What a model requires of a volume.

    Attributes:
        modality: the volume's role.
        spacing: spacing of the model's grid in mm.
        skull_removed: whether the model was trained on skull-stripped brains.
        extracts: whether brains are extracted from whole heads before they are input to the model.
    """

    modality: str
    spacing: Sequence[float]
    skull_removed: bool
    extracts: bool = False

    @classmethod
    def of(cls, modality: str, spacing: Sequence[float], training_data: Mapping[str, Any]) -> Needs:
        """Return the requirements of a model whose card has this ``training_data``."""
        return cls(modality, spacing, expects_brain(training_data))


def expects_brain(training_data: Mapping[str, Any]) -> bool:
    """Check whether a model whose card has this ``training_data`` was trained on skull-stripped brains."""
    return training_data.get("format") in WITHOUT_SKULL


def warnings_for(scan: Scan, needs: Needs) -> tuple[str, ...]:
    """Return why ``scan`` is probably not what the model needs, one sentence each; empty if nothing is found."""
    found = [_modality_warning(scan, needs)]
    if scan.voxels.ndim == 3 and min(scan.voxels.shape) > 0:
        found += [_labels_warning(scan), _size_warning(scan, needs), _spacing_warning(scan, needs)]
    return tuple(text for text in found if text)


def _modality_warning(scan: Scan, needs: Needs) -> str:
    wanted = display_name(needs.modality)
    if scan.scanner and scan.scanner.upper() != "MR":
        return f"{scan.name} is a {scan.scanner} image, but the model was trained on MR: choose an MR volume."
    if needs.modality == ANY_SEQUENCE:
        return ""
    if scan.modality and scan.modality.lower() != needs.modality.lower():
        guess = display_name(scan.modality.lower())
        return f"{scan.name} looks like {guess}, but the model needs {wanted}: choose another volume or model."
    if scan.other:
        return (
            f"{scan.name} appears to be a map or another kind of image, judging by its name or header, but the model needs"
            f" {wanted}: choose another volume."
        )
    if scan.numbered and not scan.modality:
        return f"{scan.name} is numbered and its name does not state its modality: make sure that it is {wanted}."
    return ""


def _labels_warning(scan: Scan) -> str:
    if scan.voxels.dtype.kind not in "iub":
        return ""
    values = np.unique(_coarse(scan.voxels))
    if len(values) > MOST_LABELS or values.min() < 0 or values.max() > 255:
        return ""
    return f"{scan.name} has only {len(values)} distinct values, like a labelmap: choose a scan."


def _size_warning(scan: Scan, needs: Needs) -> str:
    """Check how much of the volume is patient: a lost spacing makes heads too small, too large or too flat."""
    coarse = _coarse(scan.voxels)
    inside = Foreground.of(scan.voxels).mask(coarse)
    box = bounding_box(inside)
    if box is None:
        return ""
    steps = np.asarray(scan.spacing, dtype=float) * LOOK
    liters = float(np.count_nonzero(inside)) * float(np.prod(steps)) / 1e6
    sides = [float(side.stop - side.start) * step for side, step in zip(box, steps, strict=True)]
    spacing = " x ".join(f"{step:.3g}" for step in scan.spacing)
    remedy = f"check that its spacing ({spacing} mm) is correct, because volumes in mL depend on it"
    if liters < LEAST_LITERS:
        return f"{scan.name} shows {_rounded(liters)} L of tissue, which is too small for a head: {remedy}."
    if liters > MOST_LITERS or max(sides) > MOST_MM:
        size = " x ".join(f"{side:.0f}" for side in sides)
        return f"{scan.name} shows {_rounded(liters)} L of tissue ({size} mm), which is too large for a head: {remedy}."
    if min(sides) < LEAST_MM:
        return f"{scan.name} shows a head only {min(sides):.0f} mm thick: {remedy}, or choose a volume of the whole head."
    return _skull_warning(scan, needs, liters) if needs.skull_removed and liters > BRAIN_LITERS else ""


def _skull_warning(scan: Scan, needs: Needs, liters: float) -> str:
    shown = f"{scan.name} shows {_rounded(liters)} L of tissue, probably the whole head"
    if needs.extracts:
        return f"{shown}: its brain will be extracted first."
    return (
        f"{shown}, but the model was trained on skull-stripped brains: turn on brain extraction, or remove the skull first."
    )


def _spacing_warning(scan: Scan, needs: Needs) -> str:
    coarsest, grid = max(scan.spacing), max(needs.spacing)
    if coarsest <= max(SPACING_FACTOR * grid, 2.5):
        return ""
    return (
        f"{scan.name} has slices {coarsest:.1f} mm apart, but the model works at {grid:g} mm: expect coarse results, or"
        " choose a volume with thinner slices."
    )


def _coarse(voxels: NDArray[Any]) -> NDArray[Any]:
    return voxels[::LOOK, ::LOOK, ::LOOK]


def _rounded(liters: float) -> str:
    return f"{liters:.1f}" if liters >= 0.1 else f"{liters:.2g}"
