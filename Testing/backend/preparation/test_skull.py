"""Telling whole heads from brains without skull by a quick look."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume
from kdnet.preparation.skull import Skull, detect_skull
from made_heads import head, stripped


@pytest.mark.parametrize("noise", [0.0, 5.0])
def test_a_whole_head_has_a_skull(noise: float) -> None:
    volume, _ = head(noise=noise)
    assert detect_skull(volume) is Skull.PRESENT


@pytest.mark.parametrize("factor", [1.0, 0.01, -1.0])
def test_a_brain_on_a_constant_background_has_none(factor: float) -> None:
    volume, brain = head()
    alone = stripped(volume, brain)
    scaled = Volume(alone.voxels * np.float32(factor), alone.grid)
    assert detect_skull(scaled) is Skull.REMOVED


def test_a_z_scored_brain_has_none_though_its_background_is_not_zero() -> None:
    volume, brain = head()
    voxels = (stripped(volume, brain).voxels - 500) / 60
    assert detect_skull(Volume(voxels, volume.grid)) is Skull.REMOVED


def test_a_brain_in_noise_needs_a_closer_look() -> None:
    volume, brain = head()
    noise = np.abs(np.random.default_rng(0).normal(0, 20, volume.grid.shape))
    assert detect_skull(Volume(stripped(volume, brain).voxels + noise, volume.grid)) is Skull.UNCLEAR


def test_a_slab_of_a_masked_head_needs_a_closer_look() -> None:
    volume, _ = head(noise=0)
    slab = np.ascontiguousarray(volume.voxels[:, :, 20:40])
    assert detect_skull(Volume(slab, Grid((60, 72, 20), volume.grid.affine))) is Skull.UNCLEAR


def test_the_sample_scan_has_none(repository: Path) -> None:
    scan = read_volume(repository / "Resources" / "SampleData" / "Phantom_002_t1ce.nii.gz")
    assert detect_skull(scan) is Skull.REMOVED
