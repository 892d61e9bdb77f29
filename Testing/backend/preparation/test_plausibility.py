"""Scans that are not a case for a brain model: one sentence each, and none about an adult's head."""

from __future__ import annotations

import numpy as np
import pytest
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.errors import DataError
from kdnet.preparation.plausibility import brain_findings, findings, refuse_severe
from made_heads import head, stripped


def _texts(volume: Volume) -> list[str]:
    found = findings(volume, "scan")
    assert all(finding.severe for finding in found)
    return [finding.text for finding in found]


def _tomogram(offset: float) -> Volume:
    """A head in Hounsfield units: air, scalp, bone, brain."""
    volume, brain = head()
    random = np.random.default_rng(0)
    values = np.full(brain.shape, -1000.0)
    values[volume.voxels > 30] = 900
    values[volume.voxels > 700] = 50
    values[brain] = 35
    values += random.normal(0, 6, values.shape) + offset
    return Volume(values.astype(np.int16), volume.grid)


def test_a_head_and_a_brain_are_fine() -> None:
    volume, brain = head()
    assert not findings(volume, "scan")
    assert not findings(stripped(volume, brain), "scan")
    assert not brain_findings(brain, volume.grid, "scan")


def test_few_slices_are_refused() -> None:
    volume, _ = head()
    few = Volume(volume.voxels[:, :, 30:39], Grid((60, 72, 9), volume.grid.affine))
    assert "only 9 slices" in _texts(few)[0]


@pytest.mark.parametrize("extracted", [False, True])
def test_less_tissue_than_half_a_brain_is_refused(extracted: bool) -> None:
    volume, brain = head(noise=0)
    scan = stripped(volume, brain) if extracted else volume
    animal = Volume(scan.voxels, Grid((60, 72, 60), np.diag([1.5, 1.5, 1.5, 1.0])))
    assert "less than half of an adult's brain: check that its spacing (1.5 x 1.5 x 1.5 mm)" in _texts(animal)[0]
    slab = Volume(stripped(volume, brain).voxels[:, :, 24:36], Grid((60, 72, 12), volume.grid.affine))
    assert "less than half of an adult's brain" in _texts(slab)[0]


@pytest.mark.parametrize("offset", [0.0, 1024.0])
def test_a_tomogram_is_refused(offset: float) -> None:
    assert "looks like CT" in _texts(_tomogram(offset))[0]


@pytest.mark.parametrize("step", [(1, 1, 1), (1, 1, 4)])
def test_a_lost_spacing_is_refused(step: tuple[int, int, int]) -> None:
    volume, _ = head()
    voxels = volume.voxels[:: step[0], :: step[1], :: step[2]]
    i, j, k = voxels.shape
    assert "lost its spacing" in _texts(Volume(voxels, Grid((i, j, k), np.eye(4))))[0]


def test_a_head_of_1_mm_voxels_keeps_its_spacing() -> None:
    volume, _ = head()
    fine = volume.voxels.repeat(3, axis=0).repeat(3, axis=1).repeat(3, axis=2)
    i, j, k = fine.shape
    assert not findings(Volume(fine, Grid((i, j, k), np.eye(4))), "scan")


def test_under_half_a_brain_is_refused_and_a_part_is_a_warning() -> None:
    volume, brain = head()
    for stop, severe in ((25, True), (33, False)):
        found = brain_findings(brain[:, :, :stop], Grid((60, 72, stop), volume.grid.affine), "scan")
        assert [finding.severe for finding in found] == [severe]
        assert "cut off" in found[0].text


def test_a_small_brain_is_a_warning() -> None:
    volume, brain = head()
    small = Grid(volume.grid.shape, np.diag([2.4, 2.4, 2.4, 1.0]))
    found = brain_findings(brain, small, "scan")
    assert [finding.severe for finding in found] == [False]
    assert "young child" in found[0].text


def test_what_is_not_shaped_like_a_brain_is_refused() -> None:
    volume, brain = head()
    block = np.zeros_like(brain)
    block[15:45, 15:50, 15:45] = True
    assert "shape of a brain" in brain_findings(block, volume.grid, "scan")[0].text


def test_force_turns_refusals_into_warnings() -> None:
    found = findings(_tomogram(0.0), "scan")
    with pytest.raises(DataError, match="--force"):
        refuse_severe(found, force=False)
    assert refuse_severe(found, force=True) == (found[0].text,)
