"""Doubtful lesions: which they are, and that nothing else is touched."""

from __future__ import annotations

import numpy as np
import pytest
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.measurement.confidence import judge, peak
from kdnet.measurement.lesions import find_lesions
from kdnet.measurement.symmetry import Mirror
from kdnet.schema.labels import brats_labels
from kdnet.schema.lesion_confidence import LesionConfidence
from made_heads import head, stripped

GRID = Grid((30, 30, 30), np.diag([2.0, 2.0, 2.0, 1.0]))
BRATS = brats_labels()
SCAN = Volume(np.zeros(GRID.shape, np.int16), GRID)
CONFIDENCE = LesionConfidence("WT", {"WT": 1.0}, 0.0, 0.8)  # the confidence is the peak


@pytest.fixture
def labelmap() -> Volume:
    """A sure lesion of 8 mL with a core, one of 4 mL of which the network is unsure, and a doubtful speck."""
    voxels = np.zeros(GRID.shape, np.uint8)
    voxels[2:12, 2:12, 2:12] = 2
    voxels[5:8, 5:8, 5:8] = 3
    voxels[16:24, 16:24, 16:24] = 2
    voxels[28, 2, 2] = 1
    return Volume(voxels, GRID)


@pytest.fixture
def maps(labelmap: Volume) -> dict[str, Volume]:
    whole = np.where(labelmap.voxels > 0, 60, 0).astype(np.uint8)
    whole[2:12, 2:12, 2:4] = 90  # 1.6 mL of the sure one
    whole[16:24, 16:18, 16:18] = 95  # 0.26 mL: not enough to be sure
    return {"WT": Volume(whole, GRID), "TC": Volume(whole // 2, GRID)}


def test_the_most_certain_milliliter_counts() -> None:
    assert peak(np.array([50] * 100 + [90] * 50, np.uint8), 0.02) == pytest.approx(0.9)
    assert peak(np.array([50] * 100 + [90] * 25, np.uint8), 0.02) == pytest.approx(0.7)
    assert peak(np.array([70], np.uint8), 0.02) == pytest.approx(0.7)
    assert peak(np.array([40, 80], np.uint8), 3.0) == pytest.approx(0.8)


def test_doubtful_lesions_are_set_apart(labelmap: Volume, maps: dict[str, Volume]) -> None:
    before = np.array(labelmap.voxels)
    judged = judge(labelmap, BRATS, maps, CONFIDENCE, SCAN)
    kept = np.asarray(judged.labelmap.voxels)
    assert np.array_equal(kept > 0, (before > 0) & (np.arange(30) < 14)[:, None, None])
    assert np.array_equal(kept + judged.dropped, before)
    assert np.array_equal(labelmap.voxels, before)
    assert judged.doubtful == pytest.approx((4.096, 0.008))
    assert judged.sentence == "2 doubtful lesions (4.1 mL) removed, about which the model is rarely right"


def test_nothing_certain_is_said(labelmap: Volume, maps: dict[str, Volume]) -> None:
    strict = LesionConfidence("WT", {"WT": 1.0}, 0.0, 0.99)
    judged = judge(labelmap, BRATS, maps, strict, SCAN)
    assert not judged.labelmap.voxels.any()
    assert judged.sentence.startswith("Nothing certain was found: 3 doubtful lesions")


def test_certain_lesions_stay_untouched(labelmap: Volume, maps: dict[str, Volume]) -> None:
    lenient = LesionConfidence("WT", {"WT": 1.0}, 0.0, 0.5)
    judged = judge(labelmap, BRATS, maps, lenient, SCAN)
    assert judged.labelmap.voxels is labelmap.voxels
    assert (judged.doubtful, judged.sentence) == ((), "")
    empty = Volume(np.zeros(GRID.shape, np.uint8), GRID)
    assert judge(empty, BRATS, maps, lenient, SCAN).doubtful == ()


def test_measured_lesions_have_the_same_confidence(labelmap: Volume, maps: dict[str, Volume]) -> None:
    table = find_lesions(labelmap, BRATS, maps, confidence=CONFIDENCE).table
    assert [lesion.doubtful for lesion in table.lesions] == [False, True, True]
    assert table.lesions[0].confidence == pytest.approx(0.9)
    assert table.lesions[0].certainty(0) == table.lesions[0].confidence
    assert table.lesions[0].certainty(1) is None  # not known for a region within
    unknown = find_lesions(labelmap, BRATS, confidence=CONFIDENCE).table.lesions[0]
    assert (unknown.confidence, unknown.doubtful, unknown.certainty(0)) == (None, False, None)


@pytest.fixture
def both_sides() -> tuple[Volume, dict[str, Volume], Volume]:
    """A brain with a lesion on one side, and a pair of ventricles that are marked too; all equally certain."""
    shape = (60, 72, 60)
    scan, brain = head(noise=0)
    voxels = np.zeros(shape, np.uint8)
    voxels[13:19, 42:52, 26:34] = 2
    voxels[23:28, 24:40, 26:34] = voxels[32:37, 24:40, 26:34] = 2
    maps = {"WT": Volume(np.where(voxels > 0, 90, 0).astype(np.uint8), scan.grid)}
    return Volume(voxels, scan.grid), maps, stripped(scan, brain)


def test_of_equally_certain_lesions_those_with_a_mirror_image_are_doubtful(
    both_sides: tuple[Volume, dict[str, Volume], Volume],
) -> None:
    labelmap, maps, scan = both_sides
    symmetric = LesionConfidence("WT", {"WT": 1.0}, 0.0, 0.5, symmetry=4.0)
    judged = judge(labelmap, BRATS, maps, symmetric, scan)
    assert np.array_equal(judged.labelmap.voxels > 0, (labelmap.voxels > 0) & (np.arange(60) < 20)[:, None, None])
    assert [part.confidence > 0.5 for part in judged.parts if part.confidence is not None] == [True, False, False]
    table = find_lesions(labelmap, BRATS, maps, confidence=symmetric, scan=scan).table
    assert sorted(lesion.doubtful for lesion in table.lesions) == [False, True, True]
    unknown = find_lesions(labelmap, BRATS, maps, confidence=symmetric).table
    assert {lesion.confidence for lesion in unknown.lesions} == {None}


def test_symmetry_is_not_looked_for_where_it_does_not_count(
    both_sides: tuple[Volume, dict[str, Volume], Volume], monkeypatch: pytest.MonkeyPatch
) -> None:
    labelmap, maps, scan = both_sides
    monkeypatch.setattr(Mirror, "of", None)
    assert not judge(labelmap, BRATS, maps, LesionConfidence("WT", {"WT": 1.0}, 0.0, 0.5), scan).doubtful
    empty = Volume(np.zeros_like(labelmap.voxels), labelmap.grid)
    assert not judge(empty, BRATS, maps, LesionConfidence("WT", {"WT": 1.0}, 0.0, 0.5, symmetry=4.0), scan).doubtful
