"""Dice and HD95 against values computed by hand, and what must not change them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kdnet.evaluation.metrics import score_case, score_region
from kdnet.schema.labels import IGNORED, brats_labels, exclusive_labels
from kdnet.schema.results import HD95_ONE_EMPTY
from monai.metrics import compute_dice, compute_hausdorff_distance

LABELS = brats_labels()
SPACING = (1.0, 2.0, 1.5)


def block(low: int, high: int, value: int = 3) -> np.ndarray:
    labelmap = np.zeros((20, 20, 20), np.uint8)
    labelmap[low:high, 5:15, 5:15] = value
    return labelmap


def noise(seed: int, shape: tuple[int, ...] = (6, 7, 5)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 4, shape).astype(np.uint8)


def test_a_shifted_block_has_the_dice_and_distance_of_its_shift() -> None:
    scores = {score.region: score for score in score_case(block(5, 15), block(7, 17), LABELS, (2.0, 1.0, 1.0))}
    assert scores["ET"].dice == pytest.approx(0.8)
    assert scores["ET"].hd95 == pytest.approx(4.0)  # two voxels of 2 mm


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_two_voxels_are_as_far_apart_as_the_spacing_says(axis: int) -> None:
    found, wanted = np.zeros((2, 9, 9, 9), bool)
    found[4, 4, 4] = True
    wanted[tuple(np.eye(3, dtype=int)[axis] * 3 + 4)] = True
    score = score_region("spot", found, wanted, spacing=(1.0, 2.5, 4.0))
    assert score.dice == 0
    assert score.hd95 == pytest.approx(3 * (1.0, 2.5, 4.0)[axis])


def test_regions_are_unions_of_labels() -> None:
    prediction, reference = block(5, 15, 1), block(5, 15, 3)
    dice = {score.region: score.dice for score in score_case(prediction, reference, LABELS, (1, 1, 1))}
    assert dice == {"ET": 0.0, "TC": 1.0, "WT": 1.0}


def test_exclusive_labels_are_scored_one_by_one() -> None:
    scores = score_case(block(5, 15, 2), block(5, 15, 2), exclusive_labels({1: "lesion", 2: "ventricle"}), (1, 1, 1))
    assert [(score.region, score.dice) for score in scores] == [("lesion", 1.0), ("ventricle", 1.0)]


def test_empty_regions_follow_the_convention_of_brats() -> None:
    empty, found = np.zeros((9, 9, 9), np.uint8), np.full((9, 9, 9), 3, np.uint8)
    assert {(score.dice, score.hd95) for score in score_case(empty, empty, LABELS, (1, 1, 1))} == {(1.0, 0.0)}
    for pair in ((found, empty), (empty, found)):
        assert {(score.dice, score.hd95) for score in score_case(*pair, LABELS, (1, 1, 1))} == {(0.0, HD95_ONE_EMPTY)}


def test_the_distance_of_an_empty_region_is_the_diagonal_of_the_grid_of_brats() -> None:
    assert pytest.approx(math.dist((0, 0, 0), (240, 240, 155)), abs=0.01) == HD95_ONE_EMPTY


def test_labelmaps_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        score_case(np.zeros((2, 2, 2), int), np.zeros((2, 2, 3), int), LABELS, (1, 1, 1))
    with pytest.raises(ValueError, match="spacings"):
        score_case(np.zeros((2, 2, 2), int), np.zeros((2, 2, 2), int), LABELS, (1, 1))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 9), st.booleans())
def test_cutting_to_the_tumor_gives_what_the_metrics_say_of_the_whole(seed: int, margin: int, inside: bool) -> None:
    """Also where a region reaches the edge of the grid (no margin)."""
    random = np.random.default_rng(seed)
    found, wanted = random.random((2, 6, 7, 5)) < (0.7 if inside else 0.1)
    found[3, 3, 3] = wanted[2, 3, 3] = True
    found, wanted = np.pad(found, margin), np.pad(wanted, margin)
    whole = [torch.from_numpy(mask)[None, None] for mask in (found, wanted)]
    distance = compute_hausdorff_distance(*whole, include_background=True, percentile=95, spacing=list(SPACING))
    score = score_region("", found, wanted, spacing=SPACING)
    assert score.dice == float(compute_dice(*whole, include_background=True))
    assert score.hd95 == pytest.approx(float(distance), abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.permutations([0, 1, 2]), st.sampled_from([(), (0,), (1, 2), (0, 1, 2)]))
def test_storage_order_changes_no_score(seed: int, order: list[int], flipped: tuple[int, ...]) -> None:
    prediction, reference = np.pad(noise(seed), 1), np.pad(noise(seed + 1), 1)
    reoriented = [np.flip(item.transpose(order), flipped) for item in (prediction, reference)]
    expected = score_case(prediction, reference, LABELS, SPACING)
    for score, same in zip(score_case(*reoriented, LABELS, [SPACING[axis] for axis in order]), expected, strict=True):
        assert score.dice == same.dice
        assert score.hd95 == pytest.approx(same.hd95, abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 2.0, 3.0]))
def test_distances_scale_with_the_voxels_and_do_not_depend_on_which_is_the_reference(seed: int, factor: float) -> None:
    pair = noise(seed), noise(seed + 1)
    plain = score_case(*pair, LABELS, SPACING)
    scaled = score_case(pair[1], pair[0], LABELS, [size * factor for size in SPACING])
    for before, after in zip(plain, scaled, strict=True):
        assert after.dice == pytest.approx(before.dice)
        assert after.hd95 == pytest.approx(before.hd95 * factor, rel=1e-5)


def test_hd95_is_the_larger_of_the_two_directed_percentiles() -> None:
    """A cube with a spike: few surface voxels of one lie far from the other, and none the other way round."""
    cube, spiked = np.zeros((2, 20, 20, 40), bool)
    cube[5:10, 5:10, 5:10] = True
    spiked[5:10, 5:10, 5:10] = True
    spiked[7, 7, 10:30] = True
    forward, backward = _directed(spiked, cube), _directed(cube, spiked)
    expected = max(np.percentile(forward, 95), np.percentile(backward, 95))
    pooled = np.percentile(np.concatenate([forward, backward]), 95)
    assert score_region("spike", spiked, cube, spacing=(1, 1, 1)).hd95 == pytest.approx(expected)
    assert score_region("spike", cube, spiked, spacing=(1, 1, 1)).hd95 == pytest.approx(expected)
    assert expected > pooled + 1


def _directed(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Distances from each surface voxel of ``source`` to the nearest of ``target``, by brute force."""
    from scipy.ndimage import binary_erosion

    ends = [np.argwhere(mask & ~binary_erosion(mask)) for mask in (source, target)]
    return np.linalg.norm(ends[0][:, None] - ends[1][None], axis=2).min(axis=1)


def test_scores_show_which_mask_is_empty() -> None:
    empty, full = np.zeros((9, 9, 9), np.uint8), np.full((9, 9, 9), 3, np.uint8)
    told = [
        score_case(*pair, LABELS, (1, 1, 1))[0].empty
        for pair in ((empty, full), (full, empty), (empty, empty), (full, full))
    ]
    assert told == ["prediction", "reference", "both", "neither"]


def test_voxels_that_nobody_labeled_do_not_count() -> None:
    reference = np.zeros((6, 6, 6), np.uint8)
    reference[1:3], reference[4:] = 3, IGNORED
    prediction = np.where(reference == IGNORED, 3, reference).astype(np.uint8)
    assert all(score.dice == 1 and score.hd95 == 0 for score in score_case(prediction, reference, LABELS, (1, 1, 1)))
