"""Lesion-wise agreement against values counted by hand, and against BraTS' own package where it is installed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kdnet.evaluation.lesions import RULES, LesionRules, LesionScore, score_lesions

SHAPE = (40, 40, 40)
ONE = (1.0, 1.0, 1.0)


def cubes(*corners: int, edge: int = 5) -> np.ndarray:
    """Cubes along the diagonal; 125 voxels each."""
    mask = np.zeros(SHAPE, bool)
    for corner in corners:
        mask[corner : corner + edge, corner : corner + edge, corner : corner + edge] = True
    return mask


def figures(found: int, missed: int, false: int, dice: float, f1: float) -> tuple[float, ...]:
    return found, missed, false, pytest.approx(dice), pytest.approx(f1)


def counted(score: LesionScore) -> tuple[float, ...]:
    return score.found, score.missed, score.false, score.dice, score.f1


def test_found_missed_and_false_lesions_share_the_dice() -> None:
    """One of two lesions is found whole, one is missed, and one part is false: (1 + 0) / (2 + 1)."""
    score = score_lesions(cubes(2, 32), cubes(2, 17), ONE, RULES["gli"])
    assert counted(score) == figures(1, 1, 1, 1 / 3, 0.5)


def test_both_empty_is_perfect_and_one_empty_is_not() -> None:
    assert counted(score_lesions(cubes(), cubes(), ONE, RULES["gli"])) == figures(0, 0, 0, 1.0, 1.0)
    assert counted(score_lesions(cubes(), cubes(2), ONE, RULES["gli"])) == figures(0, 1, 0, 0.0, 0.0)
    assert counted(score_lesions(cubes(2), cubes(), ONE, RULES["gli"])) == figures(0, 0, 1, 0.0, 0.0)


def test_unmatched_lesions_and_false_parts_count_374_mm() -> None:
    """Found with its edge 1 voxel off along one axis (HD95 1 mm), missed, and false: (1 + 374 + 374) / 3."""
    prediction = np.roll(cubes(2), 1, axis=0) | cubes(32)
    assert score_lesions(prediction, cubes(2, 17), ONE, RULES["gli"]).hd95 == pytest.approx((1 + 2 * 374) / 3)
    assert score_lesions(cubes(), cubes(), ONE, RULES["gli"]).hd95 == 0


def test_parts_of_the_reference_that_touch_after_dilation_are_one_lesion() -> None:
    """Two cubes 4 voxels apart along one axis: 3 voxels of dilation from both sides join them, 1 does not."""
    reference = np.zeros(SHAPE, bool)
    reference[10:15, 10:15, 10:15] = reference[19:24, 10:15, 10:15] = True
    half = reference.copy()
    half[19:24] = False
    assert counted(score_lesions(half, reference, ONE, RULES["gli"])) == figures(1, 0, 0, 2 / 3, 1.0)
    assert counted(score_lesions(half, reference, ONE, RULES["men"])) == figures(1, 1, 0, 0.5, 2 / 3)


def test_a_part_near_a_lesion_belongs_to_it_and_adds_to_its_size() -> None:
    """A cube that only reaches into the dilated lesion is no false part, but the Dice of the lesion is 0."""
    near = np.zeros(SHAPE, bool)
    near[7:12, 2:7, 2:7] = True
    assert counted(score_lesions(near, cubes(2), ONE, RULES["gli"])) == figures(1, 0, 0, 0.0, 1.0)


def test_small_reference_lesions_are_excluded_and_small_false_parts_are_not() -> None:
    """27 mm³ do not count for gliomas, 125 do; at 2 mm, 27 voxels are 216 mm³ and count."""
    reference = cubes(2) | cubes(20, edge=3)
    assert counted(score_lesions(cubes(2), reference, ONE, RULES["gli"])) == figures(1, 0, 0, 1.0, 1.0)
    assert score_lesions(reference, reference, ONE, RULES["gli"]).found == 1
    assert score_lesions(cubes(2), reference, (2.0, 2.0, 2.0), RULES["gli"]).missed == 1
    assert score_lesions(cubes(2), reference, ONE, RULES["met"]).missed == 1
    assert score_lesions(reference, cubes(2), ONE, RULES["gli"]).false == 1


def test_a_lesion_of_just_the_limit_is_excluded() -> None:
    rules = LesionRules(1, 125)
    assert counted(score_lesions(cubes(), cubes(2), ONE, rules)) == figures(0, 0, 0, 1.0, 1.0)


def test_parts_that_touch_at_a_corner_are_one() -> None:
    assert score_lesions(cubes(2, 7), cubes(), ONE, RULES["gli"]).false == 1
    assert score_lesions(cubes(2, 8), cubes(), ONE, RULES["gli"]).false == 2


def test_masks_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="shapes"):
        score_lesions(np.zeros((2, 2, 2), bool), np.zeros((2, 2, 3), bool), ONE, RULES["gli"])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(sorted(RULES)))
def test_cutting_to_the_box_changes_nothing(seed: int, task: str) -> None:
    """An empty margin around both masks, or none, gives the same figures; so does mirroring."""
    random = np.random.default_rng(seed)
    found, wanted = (_blobs(random) for _ in range(2))
    score = score_lesions(found, wanted, (1.5, 1.0, 2.0), RULES[task])
    padded = [np.pad(mask, 6) for mask in (found, wanted)]
    assert score_lesions(*padded, (1.5, 1.0, 2.0), RULES[task]) == score
    mirrored = score_lesions(found[::-1], wanted[::-1], (1.5, 1.0, 2.0), RULES[task])
    assert (mirrored.found, mirrored.missed, mirrored.false) == (score.found, score.missed, score.false)
    assert mirrored.dice == pytest.approx(score.dice)


PUBLISHED = (
    (0, "gli", 5, 0, 1, 0.522974),
    (0, "met", 6, 0, 1, 0.543502),
    (1, "gli", 6, 0, 1, 0.576118),
    (1, "met", 6, 0, 2, 0.538826),
    (2, "gli", 5, 0, 2, 0.529452),
    (2, "met", 6, 0, 2, 0.527976),
    (3, "gli", 5, 0, 1, 0.469444),
    (3, "met", 5, 1, 1, 0.445238),
    (4, "gli", 4, 0, 2, 0.485793),
    (4, "met", 5, 1, 2, 0.480952),
    (5, "gli", 3, 0, 1, 0.537418),
    (5, "met", 3, 1, 1, 0.429935),
)
"""Seed, task, and what the published script of BraTS 2023 says: found, missed, false, lesion-wise Dice."""


@pytest.mark.parametrize(("seed", "task", "found", "missed", "false", "dice"), PUBLISHED)
def test_figures_are_those_of_the_published_script(
    seed: int, task: str, found: int, missed: int, false: int, dice: float
) -> None:
    random = np.random.default_rng(seed)
    reference = _boxes(random, 6)
    prediction = np.roll(reference, 1, axis=0) | _boxes(random, 2)
    prediction[20:26] = False
    score = score_lesions(prediction, reference, (1.0, 1.0, 2.0), RULES[task])
    assert (score.found, score.missed, score.false) == (found, missed, false)
    assert score.dice == pytest.approx(dice, abs=1e-6)


def _boxes(random: np.random.Generator, count: int) -> np.ndarray:
    mask = np.zeros((44, 40, 36), bool)
    for _ in range(count):
        corner, size = random.integers(0, 32, 3), random.integers(2, 8, 3)
        mask[tuple(slice(int(a), int(a + b)) for a, b in zip(corner, size, strict=True))] = True
    return mask


def test_lesions_that_overlap_one_to_one_are_counted_as_panoptica_counts_them() -> None:
    """The package behind BraTS since 2024 matches parts one to one; without dilation's effects both say the same."""
    panoptica = pytest.importorskip("panoptica")
    reference, prediction = cubes(2, 12, 22), np.roll(cubes(2, 12, 34), 1, axis=0)
    evaluator = panoptica.Panoptica_Evaluator(
        expected_input=panoptica.InputType.SEMANTIC,
        instance_approximator=panoptica.ConnectedComponentsInstanceApproximator(),
        instance_matcher=panoptica.NaiveThresholdMatching(matching_threshold=1e-6),
    )
    result = evaluator.evaluate(prediction.astype(np.uint8), reference.astype(np.uint8), verbose=False)["ungrouped"]
    score = score_lesions(prediction, reference, ONE, LesionRules(1, 0))
    assert (score.found, score.missed, score.false) == (result.tp, result.fn, result.fp)
    assert score.f1 == pytest.approx(result.rq)
    assert score.dice * (result.tp + result.fn + result.fp) == pytest.approx(result.sq_dsc * result.tp)


def _blobs(random: np.random.Generator) -> np.ndarray:
    mask = np.zeros((24, 20, 22), bool)
    for _ in range(random.integers(0, 6)):
        corner, size = random.integers(0, 18, 3), random.integers(1, 6, 3)
        mask[tuple(slice(a, a + b) for a, b in zip(corner, size, strict=True))] = True
    return mask
