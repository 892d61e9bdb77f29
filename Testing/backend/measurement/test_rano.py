"""The arithmetic of RANO at and around its thresholds."""

from __future__ import annotations

import pytest
from kdnet.measurement.rano import PRODUCTS, VOLUMES, Thresholds, category, is_measurable, target_lesions
from kdnet.schema.lesions import Lesion, Line, RegionSize
from kdnet.schema.visits import Category, Change


def lesion(number: int, long: float, short: float, slices: int = 3) -> Lesion:
    origin = (0.0, 0.0, 0.0)
    size = RegionSize("ET", 1.0, Line(origin, (long, 0.0, 0.0)), Line(origin, (0.0, short, 0.0)), 0, slices)
    return Lesion(number, origin, origin, (size,))


@pytest.mark.parametrize(
    ("thresholds", "later", "expected"),
    [
        (PRODUCTS, 50.0, Category.PARTIAL),
        (PRODUCTS, 50.1, Category.STABLE),
        (PRODUCTS, 124.9, Category.STABLE),
        (PRODUCTS, 125.0, Category.PROGRESSIVE),
        (VOLUMES, 35.0, Category.PARTIAL),
        (VOLUMES, 35.1, Category.STABLE),
        (VOLUMES, 139.9, Category.STABLE),
        (VOLUMES, 140.0, Category.PROGRESSIVE),
    ],
)
def test_categories_change_at_the_thresholds(thresholds: Thresholds, later: float, expected: Category) -> None:
    change = Change(100.0, later)
    assert category(change, thresholds, measurable=True, new_lesions=False, gone=False) is expected
    assert category(change, thresholds, measurable=True, new_lesions=True, gone=False) is Category.PROGRESSIVE
    assert category(change, thresholds, measurable=False, new_lesions=False, gone=False) is Category.NOT_MEASURABLE


def test_a_tumor_that_is_gone_is_a_complete_response() -> None:
    gone = category(Change(100.0, 0.0), PRODUCTS, measurable=True, new_lesions=False, gone=True)
    assert gone is Category.COMPLETE
    # the targets are gone, but small lesions are left
    left = category(Change(100.0, 0.0), PRODUCTS, measurable=True, new_lesions=False, gone=False)
    assert left is Category.PARTIAL


def test_change_in_percent() -> None:
    assert Change(20.0, 25.0).percent == pytest.approx(25.0)
    assert Change(20.0, 5.0).difference == -15.0
    assert Change(0.0, 5.0).percent is None


def test_measurable_lesions_are_large_enough_for_the_slices() -> None:
    assert is_measurable(lesion(1, 10, 10), 5.0)
    assert not is_measurable(lesion(1, 30, 9.9), 5.0)
    assert not is_measurable(lesion(1, 12, 12), 6.5)
    assert is_measurable(lesion(1, 13, 13), 6.5)
    assert not is_measurable(lesion(1, 30, 30, slices=1), 5.0)


def test_targets_are_the_five_of_the_largest_products() -> None:
    lesions = [lesion(number, 10 + number, 10) for number in range(1, 8)] + [lesion(8, 90, 5)]
    assert [target.number for target in target_lesions(lesions, 1.0)] == [7, 6, 5, 4, 3]
