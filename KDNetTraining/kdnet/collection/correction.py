"""A corrected segmentation on its way into a collection, and the checks that it must pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdnet.data.references import label_values
from kdnet.data.volumes.geometry import geometry_problem
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import check_volume
from kdnet.errors import DataError
from kdnet.schema.collection import BrainMask
from kdnet.schema.labels import LabelTable
from kdnet.schema.modalities import display_name


@dataclass(frozen=True)
class Origin:
    """What the corrected segmentation was made from.

    Attributes:
        model: display name of the model; empty if the segmentation was drawn from scratch.
        model_hash: hash of the weights of that model.
        preparation: how the scans were prepared before segmentation, in a sentence.
        brain_mask: where the brain mask comes from.
    """

    model: str = ""
    model_hash: str = ""
    preparation: str = ""
    brain_mask: BrainMask = BrainMask.NONE


@dataclass(frozen=True, eq=False)
class Correction:
    """A corrected segmentation.

    Attributes:
        scans: modality to its scan, all on one grid, as they were before brain extraction.
        corrected: the segmentation, in values of ``labels``, on the grid of the scans.
        labels: the label table.
        original: the segmentation of the model before the correction; None if there is none.
        brain: the brain mask that the model was given; None if the scans were used as they are.
        patient: any text that is equal for scans of one patient, such as a patient ID; only a hash of it is kept. Empty if
            unknown: the case is then a patient of its own.
        no_tumor: whether the user confirms that there is nothing to segment.
        origin: what the segmentation was made from.
    """

    scans: Mapping[str, Volume]
    corrected: Volume
    labels: LabelTable
    original: Volume | None = None
    brain: Volume | None = None
    patient: str = ""
    no_tumor: bool = False
    origin: Origin = Origin()


def check_correction(correction: Correction) -> None:
    """Check that a correction can be trained on.

    Raises:
        DataError: for scans, masks, or segmentations on different grids, values that are not in the label table, and a
            segmentation that is empty although there should be a tumor, or the reverse.
    """
    if not correction.scans:
        raise DataError("there is no scan to collect: choose the scan that was segmented.")
    first, grid = next((name, volume.grid) for name, volume in correction.scans.items())
    for name, volume in correction.scans.items():
        check_volume(volume, f"the {display_name(name)} scan")
    others = {
        **{f"the {display_name(name)} scan": volume for name, volume in correction.scans.items()},
        "the corrected segmentation": correction.corrected,
        "the segmentation of the model": correction.original,
        "the brain mask": correction.brain,
    }
    for name, other in others.items():
        if other is not None and (problem := geometry_problem(other.grid, grid, name, f"the {display_name(first)} scan")):
            raise DataError(problem)
    corrected = checked_labels(correction.corrected, correction.labels, "the corrected segmentation")
    if correction.original is not None:
        checked_labels(correction.original, correction.labels, "the segmentation of the model")
    if correction.brain is not None and not (correction.brain.voxels != 0).any():
        raise DataError("the brain mask is empty: choose the mask that the scan was segmented with.")
    if not corrected.any() and not correction.no_tumor:
        raise DataError("the corrected segmentation is empty: segment the tumor, or confirm that there is no tumor.")
    if corrected.any() and correction.no_tumor:
        raise DataError("the corrected segmentation is not empty: clear it, or do not confirm that there is no tumor.")


def checked_labels(volume: Volume, labels: LabelTable, name: str) -> NDArray[np.uint8]:
    """Return the values of a segmentation as uint8 ``[i, j, k]``.

    Raises:
        DataError: for a value that is not in ``labels``.
    """
    values, fractions = label_values(volume.voxels)
    known = {label.value for label in labels.labels}
    unknown = [*(value for value in values if value not in known), *fractions]
    if unknown:
        listed = ", ".join(f"{label.value} {label.name}" for label in labels.labels)
        raise DataError(f"{name} contains the unknown label {unknown[0]:g}: use only {listed}.")
    voxels = np.rint(volume.voxels.astype(np.float64)) if volume.voxels.dtype.kind == "f" else volume.voxels
    return voxels.astype(np.uint8)


def changed_volumes(
    corrected: NDArray[np.uint8], original: NDArray[np.uint8], labels: LabelTable, voxel_ml: float
) -> dict[str, float]:
    """Return the volume in mL in which two segmentations differ, for each label and each region of several labels.

    Args:
        corrected, original: values of ``labels``, ``[i, j, k]``.
        labels: the label table.
        voxel_ml: volume of a voxel in mL.
    """
    parts: dict[str, tuple[int, ...]] = {label.name: (label.value,) for label in labels.labels}
    parts |= {region.name: region.values for region in labels.regions if len(region.values) > 1}
    return {
        name: round(float(np.count_nonzero(np.isin(corrected, values) != np.isin(original, values))) * voxel_ml, 3)
        for name, values in parts.items()
    }
