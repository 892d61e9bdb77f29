"""Pictures for the report."""

from __future__ import annotations

import numpy as np
import pytest
from kdnet.data.volume import Grid, Volume
from kdnet.training.reporting import facing

TURNS = {
    "LPS": np.diag([-0.5, -1.0, 3.0, 1.0]),
    "RAS": np.diag([0.5, 1.0, 3.0, 1.0]),
    "sagittal": np.array([[0, 0, 0.5, 0], [1.0, 0, 0, 0], [0, -3.0, 0, 0], [0, 0, 0, 1.0]]),
}
SHAPES = {"LPS": (4, 5, 6), "RAS": (4, 5, 6), "sagittal": (5, 6, 4)}


@pytest.mark.parametrize("name", TURNS)
def test_a_slice_keeps_its_spacing_however_the_volume_is_stored(name: str) -> None:
    """0.5 mm to the left, 1 mm to the back, 3 mm to the head; without its spacing a picture would be stretched."""
    voxels, spacing = facing(Volume(np.zeros(SHAPES[name], np.uint8), Grid(SHAPES[name], TURNS[name])))
    assert voxels.shape == (4, 5, 6)
    assert spacing == pytest.approx((0.5, 1.0, 3.0))
