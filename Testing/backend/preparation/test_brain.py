"""Extracting brains: when, how, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.errors import DataError, SettingsError
from kdnet.preparation.brain import BrainChoice, BrainExtractor, BrainMethod
from made_heads import head, stripped

CPU = torch.device("cpu")
AUTOMATIC = BrainChoice()


class Knowing(BrainExtractor):
    """Finds the mask that it is told instead of asking a network."""

    def __init__(self, found: np.ndarray) -> None:
        super().__init__(CPU)
        self.found, self.asked = found, 0

    @property
    def available(self) -> bool:
        return True

    def mask(self, volume: Volume) -> np.ndarray:  # noqa: ARG002 - what it stands for has it
        self.asked += 1
        return self.found


def test_a_whole_head_loses_its_skull() -> None:
    volume, brain = head()
    found = Knowing(brain).extract([volume], ["scan"], AUTOMATIC, expected=True)
    assert found.mask is not None
    assert np.array_equal(found.mask.voxels, brain)
    assert found.mask.grid.matches(volume.grid)
    assert not found.volumes[0].voxels[~brain].any()
    assert "extracted" in found.summary


def test_a_brain_without_skull_is_left_alone_and_no_network_is_asked() -> None:
    volume, brain = head()
    alone = stripped(volume, brain)
    extractor = Knowing(brain)
    found = extractor.extract([alone], ["scan"], AUTOMATIC, expected=True)
    assert found.volumes[0] is alone
    assert found.mask is None
    assert extractor.asked == 0


def test_a_brain_in_noise_is_left_alone_after_a_closer_look() -> None:
    volume, brain = head()
    noise = np.abs(np.random.default_rng(0).normal(0, 9, brain.shape))
    noisy = Volume(stripped(volume, brain).voxels + noise, volume.grid)
    extractor = Knowing(brain)
    found = extractor.extract([noisy], ["scan"], AUTOMATIC, expected=True)
    assert extractor.asked == 1
    assert found.volumes[0] is noisy


def test_a_model_of_whole_heads_gets_whole_heads() -> None:
    volume, brain = head()
    assert Knowing(brain).extract([volume], ["scan"], AUTOMATIC, expected=False).volumes[0] is volume


def test_all_volumes_of_a_case_get_the_mask_of_the_first_with_a_skull() -> None:
    volume, brain = head()
    alone = stripped(volume, brain)
    found = Knowing(brain).extract([alone, volume], ["a", "b"], AUTOMATIC, expected=True)
    assert np.array_equal(found.volumes[1].voxels, alone.voxels)


@pytest.mark.parametrize("method", [BrainMethod.AUTOMATIC, BrainMethod.STUDENT])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_an_implausible_brain_is_refused(method: BrainMethod, share: float) -> None:
    volume, brain = head()
    with pytest.raises(DataError, match="could not be found in scan"):
        Knowing(np.full(brain.shape, bool(share))).extract([volume], ["scan"], BrainChoice(method), expected=True)


def test_none_takes_the_scan_as_it_is() -> None:
    volume, brain = head()
    found = Knowing(brain).extract([volume], ["scan"], BrainChoice.parse("none"), expected=True)
    assert found.volumes[0] is volume


def test_a_given_mask_is_used(tmp_path: Path) -> None:
    volume, brain = head()
    drawn = brain.copy()
    drawn[30:] = False
    write_volume(tmp_path / "mask.nii.gz", Volume(drawn.astype(np.uint8), volume.grid))
    for choice in (BrainChoice.parse(str(tmp_path / "mask.nii.gz")), BrainChoice(BrainMethod.MASK, drawn)):
        found = Knowing(brain).extract([volume], ["scan"], choice, expected=True)
        assert found.mask is not None
        assert np.array_equal(found.mask.voxels, drawn)
    with pytest.raises(DataError, match="different geometry"):
        Knowing(brain).extract([volume], ["scan"], BrainChoice(BrainMethod.MASK, drawn[1:]), expected=True)


@pytest.mark.parametrize("text", ["", "hdbet", "mask", "/no/such/file.nii.gz"])
def test_a_choice_that_is_neither_method_nor_file_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="--brain"):
        BrainChoice.parse(text)


def test_a_student_that_is_missing_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume, _ = head()
    monkeypatch.setattr("kdnet.shared_files.BACKEND", tmp_path)
    with pytest.raises(SettingsError, match="missing from this installation"):
        BrainExtractor(CPU).extract([volume], ["scan"], BrainChoice.parse("student"), expected=True)
    found = BrainExtractor(CPU).extract([volume], ["scan"], AUTOMATIC, expected=True)
    assert found.volumes[0] is volume
    assert "missing from this installation" in found.summary


@pytest.mark.real
def test_real_brains_without_skull_are_left_alone(real_cases: Path) -> None:
    scans = [path for path in sorted((real_cases / "2mm").glob("*/*.nii.gz"))[::7] if "seg" not in path.name]
    assert scans
    for path in scans:
        volume = read_volume(path)
        found = Knowing(np.ones(volume.grid.shape, bool)).extract([volume], [path.name], AUTOMATIC, expected=True)
        assert found.volumes[0] is volume
