"""Two visits of one patient: change of regions, and which lesion became which."""

from __future__ import annotations

import json

import numpy as np
import pytest
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.errors import DataError
from kdnet.measurement.visits import compare_visits
from kdnet.schema.labels import brats_labels
from kdnet.schema.visits import Category, RegionComparison, VisitComparison

BRATS = brats_labels()


def volume(voxels: np.ndarray, affine: np.ndarray | None = None) -> Volume:
    i, j, k = voxels.shape
    return Volume(voxels, Grid((i, j, k), np.eye(4) if affine is None else affine))


def tumors(*boxes: tuple[slice, slice, slice], value: int = 3) -> np.ndarray:
    voxels = np.zeros((80, 80, 40), np.uint8)
    for box in boxes:
        voxels[box] = value
    return voxels


def box(corner: tuple[int, int, int], size: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    first, second, third = (slice(start, start + length) for start, length in zip(corner, size, strict=True))
    return first, second, third


def enhancing(comparison: VisitComparison) -> RegionComparison:
    return next(region for region in comparison.regions if region.name == "ET")


def test_growth_is_measured_and_categorized() -> None:
    first, second = tumors(box((10, 10, 10), (20, 14, 10))), tumors(box((10, 10, 10), (24, 20, 10)))
    found = enhancing(compare_visits(volume(first), volume(second), BRATS))
    assert found.milliliters.earlier == pytest.approx(2.8)
    assert found.milliliters.later == pytest.approx(4.8)
    assert found.milliliters.percent == pytest.approx(100 * 2 / 2.8)
    assert found.by_volume is Category.PROGRESSIVE
    assert found.by_product is Category.PROGRESSIVE
    assert (found.targets, found.new_lesions) == (1, 0)
    assert [(change.earlier, change.later) for change in found.lesions] == [((1,), (1,))]
    assert found.lesions[0].earlier_diameters == "24 x 17 mm"


def test_a_lesion_that_went_and_one_that_came() -> None:
    first = tumors(box((10, 10, 10), (20, 20, 10)), box((60, 60, 5), (12, 12, 8)))
    second = tumors(box((12, 11, 10), (20, 20, 10)), box((60, 10, 25), (14, 14, 8)))
    found = enhancing(compare_visits(volume(first), volume(second), BRATS))
    assert {(change.earlier, change.later) for change in found.lesions} == {((1,), (1,)), ((2,), ()), ((), (2,))}
    assert found.new_lesions == 1
    assert found.by_product is found.by_volume is Category.PROGRESSIVE


def test_lesions_that_merge_are_one_group() -> None:
    first = tumors(box((10, 10, 10), (12, 12, 10)), box((30, 10, 10), (12, 12, 10)))
    second = tumors(box((10, 10, 10), (32, 12, 10)))
    found = enhancing(compare_visits(volume(first), volume(second), BRATS))
    assert [(change.earlier, change.later) for change in found.lesions] == [((1, 2), (1,))]
    assert found.targets == 2


def test_a_tumor_that_is_gone_and_one_that_shrank() -> None:
    first = tumors(box((10, 10, 10), (20, 20, 10)))
    gone = enhancing(compare_visits(volume(first), volume(np.zeros_like(first)), BRATS))
    assert gone.by_product is gone.by_volume is Category.COMPLETE
    shrunk = enhancing(compare_visits(volume(first), volume(tumors(box((14, 14, 12), (12, 12, 6)))), BRATS))
    assert shrunk.by_product is shrunk.by_volume is Category.PARTIAL


def test_visits_on_other_grids_are_compared_in_the_patient() -> None:
    first = tumors(box((10, 10, 10), (20, 14, 10)), box((60, 60, 20), (12, 12, 8)))
    coarse = np.array([[-2.0, 0, 0, 78], [0, -2, 0, 78], [0, 0, 4, 0], [0, 0, 0, 1]])
    second = first[::-2, ::-2, ::4].copy()
    result = compare_visits(volume(first), volume(second, coarse), BRATS)
    found = enhancing(result)
    assert [(change.earlier, change.later) for change in found.lesions] == [((1,), (1,)), ((2,), (2,))]
    assert found.milliliters.percent == pytest.approx(0, abs=25)
    assert result.warnings == ()


def test_a_registration_decides_which_lesions_belong_together() -> None:
    first = tumors(box((10, 10, 10), (20, 14, 10)))
    away = np.eye(4)
    away[:3, 3] = (200, -50, 30)
    apart = compare_visits(volume(first), volume(first, away), BRATS)
    assert enhancing(apart).new_lesions == 1
    assert "aligned" in apart.warnings[0]
    back = compare_visits(
        volume(first), volume(first, away), BRATS, later_to_earlier=np.linalg.inv(away), registered="Yes."
    )
    assert enhancing(back).by_product is Category.STABLE
    assert (back.warnings, back.registered) == ((), "Yes.")


def test_specks_count_in_volumes_only() -> None:
    first = tumors(box((10, 10, 10), (20, 14, 10)))
    second = first.copy()
    second[60:62, 60:62, 30] = 3
    found = enhancing(compare_visits(volume(first), volume(second), BRATS))
    assert len(found.lesions) == 1
    assert found.milliliters.difference == pytest.approx(0.004)


def test_unknown_values_are_refused() -> None:
    first = tumors(box((10, 10, 10), (20, 14, 10)))
    with pytest.raises(DataError, match=r"later\.nii contains the value 7"):
        compare_visits(volume(first), volume(np.where(first, 7, 0).astype(np.uint8)), BRATS, names=("a.nii", "later.nii"))


def test_a_comparison_survives_json() -> None:
    first = tumors(box((10, 10, 10), (20, 14, 10)))
    result = compare_visits(volume(first), volume(first), BRATS)
    assert VisitComparison.from_json(json.loads(json.dumps(result.to_json()))) == result
