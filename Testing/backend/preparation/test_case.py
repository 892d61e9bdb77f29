"""One case from raw scans to what a model takes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.errors import DataError
from kdnet.preparation import case
from kdnet.preparation.brain import BrainChoice, BrainExtractor
from kdnet.preparation.case import PreparationChoice, Prepared, prepare_case
from kdnet.preparation.registration import Alignment, matrix
from made_heads import head, stripped
from SimpleITK import Euler3DTransform


class Knowing(BrainExtractor):
    """Finds the mask that it is told instead of asking a network."""

    def __init__(self, found: np.ndarray) -> None:
        super().__init__(torch.device("cpu"))
        self.found = found

    @property
    def available(self) -> bool:
        return True

    def mask(self, volume: Volume) -> np.ndarray:  # noqa: ARG002 - what it stands for has it
        return self.found


def _prepared(volumes: Sequence[Volume], found: np.ndarray, **choice: object) -> Prepared:
    names = [f"scan {index}" for index in range(len(volumes))]
    return prepare_case(Knowing(found), volumes, names, PreparationChoice(**choice), expected=True)


def _shifted(volume: Volume, mm: float) -> Volume:
    affine = volume.grid.affine.copy()
    affine[0, 3] += mm
    return Volume(volume.voxels, Grid(volume.grid.shape, affine))


def test_a_stripped_scan_is_passed_on_untouched() -> None:
    volume, brain = head()
    alone = stripped(volume, brain)
    prepared = _prepared([alone], brain)
    assert prepared.volumes[0] is alone
    assert prepared.mask is None
    assert not prepared.transforms
    assert not prepared.warnings


def test_scans_on_one_grid_are_not_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, brain = head()
    monkeypatch.setattr(case, "align", None)
    prepared = _prepared([volume, volume], brain)
    assert not prepared.transforms
    assert all(not found.voxels[~brain].any() for found in prepared.volumes)


@pytest.mark.parametrize("skull", [True, False])
def test_scans_on_other_grids_come_to_the_grid_of_the_first(monkeypatch: pytest.MonkeyPatch, skull: bool) -> None:
    volume, brain = head()
    first = volume if skull else stripped(volume, brain)
    transform = Euler3DTransform()
    transform.SetTranslation((-9.0, 0.0, 0.0))  # LPS
    masks: list[object] = []

    def align(_fixed: Volume, _moving: Volume, mask: np.ndarray | None) -> Alignment:
        masks.append(mask)
        return Alignment(transform, 1.0, 0.5, 1.0, 0.0)

    monkeypatch.setattr(case, "align", align)
    prepared = _prepared([first, _shifted(first, 9.0)], brain)
    assert np.allclose(prepared.volumes[1].voxels[brain], first.voxels[brain], atol=1)
    assert prepared.volumes[1].grid.matches(first.grid)
    assert not prepared.volumes[1].voxels[~brain].any()
    assert "scan 1 was registered to scan 0" in prepared.done
    assert np.allclose(matrix(prepared.transforms[1])[:3, 3], [9, 0, 0])
    assert (masks[0] is not None) == skull


def test_a_failed_registration_ends_the_case(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, brain = head()
    monkeypatch.setattr(case, "align", lambda *_: Alignment(Euler3DTransform(), 0.1, 0.0, 1.0, 3.0))
    with pytest.raises(DataError, match="scan 1 could not be registered to scan 0"):
        _prepared([volume, _shifted(volume, 9.0)], brain)


def test_shading_is_reported() -> None:
    volume, brain = head()
    field = np.exp(np.linspace(-0.8, 0.8, 72))[None, :, None]
    shaded = Volume((volume.voxels * field).astype(np.float32), volume.grid)
    assert "Shading was corrected" in _prepared([shaded], brain).done


def test_a_stripped_scan_is_not_touched_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    volume, brain = head()
    field = np.exp(np.linspace(-0.8, 0.8, 72))[None, :, None]
    shaded = stripped(Volume((volume.voxels * field).astype(np.float32), volume.grid), brain)
    monkeypatch.setattr(case, "correct_shading", lambda *_: pytest.fail("nothing is to be looked at"))
    prepared = _prepared([shaded], brain)
    assert prepared.volumes[0].voxels is shaded.voxels
    assert "Shading" not in prepared.done


def test_half_a_brain_is_refused_unless_forced_or_given() -> None:
    volume, brain = head()
    half = brain.copy()
    half[:, :, 25:] = False
    with pytest.raises(DataError, match="less than half"):
        _prepared([volume], half)
    assert "less than half" in _prepared([volume], half, force=True).warnings[0]
    assert not _prepared([volume], brain, brain=BrainChoice.parse("none")).warnings
