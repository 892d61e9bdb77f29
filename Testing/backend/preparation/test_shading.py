"""Shading: found where there is some, removed, and otherwise nothing is touched."""

from __future__ import annotations

import numpy as np
import pytest
from kdnet.data.volumes.grid import Volume
from kdnet.errors import SettingsError
from kdnet.preparation.shading import ShadingMethod, correct_shading
from made_heads import head, stripped


def _brain() -> tuple[Volume, np.ndarray]:
    """A brain of two tissues, because N4 needs a histogram."""
    volume, brain = head()
    bands = 1 + 0.5 * (np.indices(brain.shape).sum(axis=0) % 12 < 6)
    return stripped(Volume(volume.voxels * bands, volume.grid), brain), brain


def _shaded(volume: Volume, strength: float) -> tuple[Volume, np.ndarray]:
    along = np.linspace(-0.5, 0.5, volume.grid.shape[1])[None, :, None] * strength
    log = np.broadcast_to(along, volume.grid.shape)
    return Volume((volume.voxels * np.exp(log)).astype(np.float32), volume.grid), log


@pytest.mark.parametrize("masked", [True, False])
def test_strong_shading_is_removed(masked: bool) -> None:
    volume, brain = _brain()
    shaded, log = _shaded(volume, 1.5)
    found = correct_shading(shaded, ShadingMethod.AUTOMATIC, brain if masked else None)
    assert found.corrected
    assert found.strength > 0.1
    left = np.log(found.volume.voxels[brain] / volume.voxels[brain])
    assert left.std() < 0.4 * log[brain].std()
    assert abs(np.log(found.volume.voxels[brain].mean() / shaded.voxels[brain].mean())) < 0.1
    assert not found.volume.voxels[~brain].any()
    assert found.volume.grid is shaded.grid


def test_a_scan_without_shading_is_the_same_object() -> None:
    volume, brain = _brain()
    found = correct_shading(volume, ShadingMethod.AUTOMATIC, brain)
    assert found.volume is volume
    assert not found.corrected


def test_on_corrects_and_off_does_not() -> None:
    volume, brain = _brain()
    shaded, _ = _shaded(volume, 1.5)
    assert correct_shading(volume, ShadingMethod.ON, brain).corrected
    assert correct_shading(shaded, ShadingMethod.OFF, brain).volume is shaded


def test_values_below_0_and_a_tiny_patient_are_left_alone() -> None:
    volume, brain = _brain()
    few = np.zeros_like(brain)
    few[30:33, 30:33, 30:33] = True
    assert not correct_shading(volume, ShadingMethod.ON, few).corrected
    negative = Volume(-volume.voxels, volume.grid)
    assert correct_shading(negative, ShadingMethod.ON, brain).volume is negative


@pytest.mark.parametrize("text", ["", "yes", "Automatic"])
def test_an_unknown_method_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="--shading"):
        ShadingMethod.parse(text)
