"""Masks of brains: tidied, checked, applied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kdnet.data.preprocessing.foreground import Foreground
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import write_volume
from kdnet.errors import DataError
from kdnet.preparation.brain_mask import is_plausible, milliliters, only_brain, read_mask, share_covered, tidy_mask
from made_heads import head, stripped


def test_a_tidied_mask_is_one_part_without_holes() -> None:
    _, brain = head()
    ragged = brain.copy()
    ragged[28:32, 34:38, 28:32] = False
    ragged[0:3, 0:3, 0:3] = True
    assert np.array_equal(tidy_mask(ragged), brain)


def test_an_empty_mask_stays_empty() -> None:
    assert not tidy_mask(np.zeros((8, 8, 8), bool)).any()


def test_brains_of_no_head_are_implausible() -> None:
    volume, brain = head()
    assert is_plausible(brain, volume.grid)
    assert milliliters(brain, volume.grid) == pytest.approx(brain.sum() * 27 / 1000)
    assert not is_plausible(np.zeros_like(brain), volume.grid)
    assert not is_plausible(np.ones_like(brain), volume.grid)
    assert not is_plausible(brain, Grid(volume.grid.shape, np.diag([0.9, 0.9, 0.9, 1.0])))


def test_outside_of_the_mask_is_background() -> None:
    volume, brain = head()
    alone = only_brain(volume, brain)
    assert np.array_equal(alone.voxels[brain], volume.voxels[brain])
    assert not alone.voxels[~brain].any()
    assert alone.voxels.dtype == volume.voxels.dtype


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_background_lies_below_a_brain_with_negative_values(dtype: type) -> None:
    volume, brain = head()
    shifted = Volume((volume.voxels - 500).astype(dtype), volume.grid)
    alone = only_brain(shifted, brain)
    assert (alone.voxels[~brain] == alone.voxels[brain].min()).all()
    found = Foreground.of(alone.voxels).mask(alone.voxels)
    assert (found == brain).mean() > 0.999


def test_the_share_of_the_patient_that_a_mask_covers() -> None:
    volume, brain = head()
    assert share_covered(stripped(volume, brain).voxels, brain) > 0.99
    assert share_covered(volume.voxels, brain) < 0.6


def test_a_given_mask_is_used_as_it_is(tmp_path: Path) -> None:
    volume, brain = head()
    ragged = brain.copy()
    ragged[0, 0, 0] = True
    write_volume(tmp_path / "mask.nii.gz", Volume(ragged.astype(np.uint8) * 7, volume.grid))
    assert np.array_equal(read_mask(tmp_path / "mask.nii.gz", volume.grid, "scan"), ragged)


@pytest.mark.parametrize(("value", "words"), [(0, "marks nothing"), (1, "every voxel")])
def test_a_given_mask_of_nothing_or_everything_is_refused(tmp_path: Path, value: int, words: str) -> None:
    volume, _ = head()
    write_volume(tmp_path / "mask.nii.gz", Volume(np.full(volume.grid.shape, value, np.uint8), volume.grid))
    with pytest.raises(DataError, match=words):
        read_mask(tmp_path / "mask.nii.gz", volume.grid, "scan")


def test_a_given_mask_of_another_grid_is_refused(tmp_path: Path) -> None:
    volume, brain = head()
    other = Grid(volume.grid.shape, volume.grid.affine @ np.diag([1.0, 1.0, 1.1, 1.0]))
    write_volume(tmp_path / "mask.nii.gz", Volume(brain.astype(np.uint8), other))
    with pytest.raises(DataError, match="different geometry than scan"):
        read_mask(tmp_path / "mask.nii.gz", volume.grid, "scan")
