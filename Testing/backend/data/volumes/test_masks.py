"""Masks of labels, and boxes around them."""

from __future__ import annotations

import numpy as np
import pytest
from kdnet.data.volumes.masks import bounding_box, label_mask, shifted_box


@pytest.mark.parametrize("values", [(1,), (3, 1), (2, 3, 200)])
def test_a_mask_of_values_is_that_of_numpy(random: np.random.Generator, values: tuple[int, ...]) -> None:
    voxels = random.choice(np.array([0, 1, 2, 3, 200], np.uint8), (5, 6, 7))
    assert np.array_equal(label_mask(voxels, values), np.isin(voxels, values))


@pytest.mark.parametrize("margin", [0, 1, 20, (0, 2, 1)])
def test_a_box_contains_the_mask_and_its_margin_within_the_array(margin: int | tuple[int, ...]) -> None:
    mask = np.zeros((8, 9, 10), bool)
    mask[2, 3, 4] = mask[5, 3, 9] = True
    box = bounding_box(mask, margin)
    assert box is not None
    assert np.count_nonzero(mask[box]) == 2
    i, j, k = (margin,) * 3 if isinstance(margin, int) else margin
    assert box == (slice(max(0, 2 - i), min(8, 6 + i)), slice(max(0, 3 - j), min(9, 4 + j)), slice(max(0, 4 - k), 10))


def test_an_empty_mask_has_no_box() -> None:
    assert bounding_box(np.zeros((3, 3, 3), bool), margin=1) is None


def test_a_box_within_a_window_is_one_of_the_whole() -> None:
    mask = np.zeros((8, 9, 10), bool)
    mask[4:6, 5:8, 6:7] = True
    window = bounding_box(mask, margin=2)
    assert window is not None
    inner = bounding_box(mask[window])
    assert inner is not None
    assert shifted_box(inner, window) == bounding_box(mask)
