"""Compute all metrics of one case: a predicted labelmap against its reference, region by region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

from kdnet.data.dataset import Case, ImageFile
from kdnet.data.references import read_reference
from kdnet.data.volumes.geometry import require_same_grid
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.errors import DataError
from kdnet.evaluation.case_pairs import CasePair
from kdnet.evaluation.lesions import LesionRules, LesionScore, score_lesions
from kdnet.evaluation.meaning import Meaning
from kdnet.evaluation.metrics import score_region
from kdnet.schema.labels import LabelTable
from kdnet.schema.results import Empty


@dataclass(frozen=True)
class RegionResult:
    """Segmentation metrics of one region of one case.

    Attributes:
        case: case name.
        region: region name.
        dice: 0 to 1.
        hd95: in mm, see :class:`~kdnet.evaluation.metrics.RegionScore`.
        empty: which of prediction and reference lacks the region.
        volume_ml: volume of the prediction.
        reference_ml: volume of the reference.
        sensitivity: fraction of the reference's voxels that were found; None when it has none.
        precision: fraction of the prediction's voxels that are correct; None when it has none.
        lesions: lesion-wise agreement.
    """

    case: str
    region: str
    dice: float
    hd95: float
    empty: Empty
    volume_ml: float
    reference_ml: float
    sensitivity: float | None
    precision: float | None
    lesions: LesionScore

    @property
    def difference_ml(self) -> float:
        """Volume of the prediction minus that of the reference."""
        return self.volume_ml - self.reference_ml

    @property
    def penalized(self) -> bool:
        """Whether HD95 is the penalty for a region that only one of the two contains."""
        return self.empty in (Empty.PREDICTION, Empty.REFERENCE)


def score_pair(pair: CasePair, meaning: Meaning, rules: LesionRules) -> tuple[RegionResult, ...]:
    """Evaluate one case, in the order of the table's regions.

    Raises:
        DataError: when a file cannot be read, holds undefined values, or lies on a different grid from the other.
    """
    if pair.case in meaning.problems:
        raise DataError(f"{pair.reference} cannot be evaluated: {meaning.problems[pair.case]}")
    reference = _read(pair.reference, pair.case, meaning.references.get(pair.case, {}), meaning.table)
    prediction = _turned(_read(pair.prediction, pair.case, meaning.predictions, meaning.table), reference.grid)
    require_same_grid(prediction.grid, reference.grid, pair.prediction, pair.reference)
    found, wanted = np.asarray(prediction.voxels), np.asarray(reference.voxels)
    ignored = meaning.table.ignored(wanted)
    counted = True if ignored is None else ~ignored
    voxel_ml = reference.grid.voxel_ml
    results = []
    for region in meaning.table.regions:
        masks = (np.isin(found, region.values) & counted, np.isin(wanted, region.values))
        results.append(_score(pair.case, region.name, *masks, reference.grid.spacing, voxel_ml, rules))
    return tuple(results)


def _score(
    case: str,
    region: str,
    found: NDArray[np.bool_],
    wanted: NDArray[np.bool_],
    spacing: tuple[float, float, float],
    voxel_ml: float,
    rules: LesionRules,
) -> RegionResult:
    score = score_region(region, found, wanted, spacing=spacing)
    common, in_found, in_wanted = (int(np.count_nonzero(mask)) for mask in (found & wanted, found, wanted))
    return RegionResult(
        case,
        region,
        score.dice,
        score.hd95,
        score.empty,
        in_found * voxel_ml,
        in_wanted * voxel_ml,
        common / in_wanted if in_wanted else None,
        common / in_found if in_found else None,
        score_lesions(found, wanted, spacing, rules),
    )


def _read(path: Path, case: str, value_map: Mapping[int, int], table: LabelTable) -> Volume:
    return read_reference(Case(case, {}, ImageFile(path), value_map), table)


def _turned(volume: Volume, like: Grid) -> Volume:
    """Return the same volume with its axes stored in the order and direction of another grid."""
    stored, wanted = (nibabel.orientations.io_orientation(grid.affine) for grid in (volume.grid, like))
    turn = nibabel.orientations.ornt_transform(stored, wanted)
    voxels = nibabel.orientations.apply_orientation(volume.voxels, turn)
    affine = volume.grid.affine @ nibabel.orientations.inv_ornt_aff(turn, volume.grid.shape)
    i, j, k = voxels.shape
    return Volume(voxels, Grid((i, j, k), affine))
