"""Rigid registration of heads of different contrast on different grids."""

from __future__ import annotations

import numpy as np
import pytest
from kdnet.data.volumes.grid import Volume
from kdnet.errors import DataError
from kdnet.preparation.registration import align, check_alignment, matrix, moved
from made_heads import CENTER, SHAPE, detailed_head, position_of


def _brain() -> np.ndarray:
    return detailed_head(np.eye(4), SHAPE, (3, 3, 3), dark=False).voxels > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("degrees", "shift", "masked"),
    [((0, 0, 0), (0, 0, 0), True), ((8, -5, 12), (9, -6, 12), False), ((-20, 10, 15), (25, 20, -15), True)],
)
def test_rotations_and_shifts_are_found(
    degrees: tuple[float, float, float], shift: tuple[float, float, float], masked: bool
) -> None:
    fixed = detailed_head(np.eye(4), SHAPE, (3, 3, 3), dark=False)
    position = position_of(degrees, shift)
    moving = detailed_head(position, (110, 125, 40), (2, 2, 5.5), dark=True)
    found = align(fixed, moving, _brain() if masked else None)
    check_alignment(found, "moving", "fixed")
    corners = np.array([[*(CENTER + 60 * np.array(sign)), 1] for sign in np.ndindex(2, 2, 2)]).T
    error = np.linalg.norm(((matrix(found.transform) - position) @ corners)[:3], axis=0)
    assert error.max() < 2.0
    placed = moved(moving, fixed, found.transform)
    assert placed.grid is fixed.grid
    straight = detailed_head(np.eye(4), SHAPE, (3, 3, 3), dark=True)
    assert np.corrcoef(placed.voxels[_brain()], straight.voxels[_brain()])[0, 1] > 0.8


@pytest.mark.slow
def test_noise_and_a_scan_of_elsewhere_are_refused() -> None:
    fixed = detailed_head(np.eye(4), SHAPE, (3, 3, 3), dark=False)
    noise = Volume(np.random.default_rng(0).random(SHAPE, np.float32), fixed.grid)
    with pytest.raises(DataError, match="noise could not be registered to first"):
        check_alignment(align(fixed, noise, _brain()), "noise", "first")
    slab = detailed_head(np.eye(4), (60, 72, 12), (3, 3, 3), dark=True)
    with pytest.raises(DataError, match="slab could not be registered to first"):
        check_alignment(align(fixed, slab, _brain()), "slab", "first")
