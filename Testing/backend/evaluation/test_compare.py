"""Comparing two labelmaps of one volume."""

from __future__ import annotations

import numpy as np
import pytest
from kdnet.data.volume import Grid, Volume
from kdnet.errors import DataError
from kdnet.evaluation.compare import compare_labelmaps
from kdnet.labels import brats_labels


def volume(value: int, *, size: int = 10, spacing: tuple[float, float, float] = (1.0, 2.0, 5.0)) -> Volume:
    voxels = np.zeros((size, 10, 10), np.uint8)
    voxels[2:6, 2:7, 2:7] = value
    return Volume(voxels, Grid((size, 10, 10), np.diag([*spacing, 1.0])))


def test_agreement_comes_with_volumes_in_millilitres() -> None:
    agreements = {item.region: item for item in compare_labelmaps(volume(1), volume(3), brats_labels())}
    assert [(name, item.dice) for name, item in agreements.items()] == [("ET", 0.0), ("TC", 1.0), ("WT", 1.0)]
    assert agreements["TC"].volume_ml == pytest.approx(4 * 5 * 5 * 10 / 1000)
    assert agreements["ET"].difference_ml == pytest.approx(-1.0)


def test_other_grids_and_unknown_values_are_refused() -> None:
    with pytest.raises(DataError, match=r"11 x 10 x 10 voxels of 1 x 2 x 5 mm, RAS.*resample"):
        compare_labelmaps(volume(1), volume(1, size=11), brats_labels())
    with pytest.raises(DataError, match="reference holds the value 4"):
        compare_labelmaps(volume(1), volume(4), brats_labels())
