"""Comparing a segmentation with a reference on the same volume: agreement and volumes, region by region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kdnet.data.volume import Volume
from kdnet.errors import DataError
from kdnet.evaluation.metrics import score_case
from kdnet.labels import LabelTable


@dataclass(frozen=True)
class RegionAgreement:
    """How far a segmentation agrees with a reference in one region.

    Attributes:
        region: its name.
        dice: 0 to 1.
        hd95: the larger of the two directed 95th percentiles of the surface distance, in mm.
        volume_ml: of the segmentation.
        reference_ml: of the reference.
    """

    region: str
    dice: float
    hd95: float
    volume_ml: float
    reference_ml: float

    @property
    def difference_ml(self) -> float:
        """Volume of the segmentation minus that of the reference."""
        return self.volume_ml - self.reference_ml


def compare_labelmaps(segmentation: Volume, reference: Volume, labels: LabelTable) -> tuple[RegionAgreement, ...]:
    """Compare two labelmaps on one grid, in the order of ``labels.regions``.

    Raises:
        DataError: when the grids differ, or a labelmap holds values that ``labels`` does not name.
    """
    if not segmentation.grid.matches(reference.grid):
        raise DataError(
            f"the reference ({_told(reference)}) is not on the grid of the segmentation ({_told(segmentation)}): "
            "resample it to the same volume first."
        )
    found, wanted = np.asarray(segmentation.voxels), np.asarray(reference.voxels)
    for name, labelmap in (("segmentation", found), ("reference", wanted)):
        unknown = sorted(set(np.unique(labelmap).tolist()) - {0, *(label.value for label in labels.labels)})
        if unknown:
            raise DataError(f"the {name} holds the value {unknown[0]}, which the label table does not name: map it first.")
    millilitres = abs(float(np.linalg.det(segmentation.grid.affine[:3, :3]))) / 1000
    scores = score_case(found, wanted, labels, segmentation.grid.spacing)
    agreements = []
    for region, score in zip(labels.regions, scores, strict=True):
        volume_ml, reference_ml = (float(np.isin(item, region.values).sum()) * millilitres for item in (found, wanted))
        agreements.append(RegionAgreement(region.name, score.dice, score.hd95, volume_ml, reference_ml))
    return tuple(agreements)


def _told(volume: Volume) -> str:
    shape = " x ".join(str(size) for size in volume.grid.shape)
    spacing = " x ".join(f"{size:.3g}" for size in volume.grid.spacing)
    return f"{shape} voxels of {spacing} mm, {volume.grid.orientation}"
