"""Paired comparisons against values computed by hand, and their invariances."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kdnet.errors import KDNetError
from kdnet.evaluation.pairing import PairedDice, pair_dice, patients_of
from kdnet.evaluation.statistics import compare, summarize
from kdnet.schema.network_id import Role
from kdnet.schema.results import MEAN, Comparison, Empty, Score
from made_studies import BASELINE, STUDENT, STUDY, TEACHER, scores_of

DICE = st.floats(0, 1).map(lambda value: round(value, 4))


def only(scores: list[Score], region: str = "WT") -> Comparison:
    row = summarize(scores).comparison("t1ce", region)
    assert row is not None
    return row


def pairs(student: list[float], baseline: list[float], teacher: list[float] | None) -> PairedDice:
    names = tuple(map(str, range(len(student))))
    taught = None if teacher is None else np.array(teacher)
    return PairedDice(names, np.array(student), np.array(baseline), taught)


def test_networks_are_summarized_by_mean_and_deviation_over_cases() -> None:
    row = summarize(scores_of(STUDY)).network(*BASELINE, "WT")
    assert row is not None
    assert row.cases == 6
    assert row.dice == pytest.approx(0.5)
    assert row.dice_deviation == pytest.approx(np.sqrt(0.04 / 5))
    assert row.hd95 == pytest.approx(5.0)
    assert row.hd95_deviation == pytest.approx(10 * np.sqrt(0.04 / 5))


def test_a_single_case_has_no_deviation() -> None:
    row = summarize(scores_of({TEACHER: [0.9]})).network(*TEACHER, "WT")
    assert row is not None
    assert (row.dice, row.dice_deviation, row.hd95_deviation) == (0.9, None, None)


def test_gap_recovery_is_the_share_of_the_gap_that_the_student_covers() -> None:
    row = only(scores_of(STUDY))
    assert (row.student, row.baseline, row.teacher) == (pytest.approx(19 / 30), pytest.approx(0.5), pytest.approx(5 / 6))
    assert row.difference.value == pytest.approx(4 / 30)
    assert row.recovery is not None
    assert row.recovery.value == pytest.approx(0.4)
    assert row.recovery.low is not None
    assert row.recovery.high is not None
    assert 0.2 < row.recovery.low < 0.4 < row.recovery.high < 0.6
    assert row.no_recovery == ""


def test_the_signed_rank_test_is_exact_for_few_cases() -> None:
    row = only(scores_of(STUDY))
    assert row.better == 6
    assert row.p == pytest.approx(2 / 2**6)  # all of six pairs to one side


def test_there_is_no_gap_recovery_where_the_teacher_is_not_above_the_baseline() -> None:
    row = only(scores_of({**STUDY, TEACHER: STUDY[BASELINE]}))
    assert row.recovery is None
    assert row.no_recovery == "the teacher is not above the baseline"
    assert row.difference.value == pytest.approx(4 / 30)


@pytest.mark.parametrize(("gap", "defined"), [(0.002, False), (0.0099, False), (0.01, True), (0.03, True)])
def test_gap_recovery_is_not_defined_where_teacher_and_baseline_hardly_differ(gap: float, defined: bool) -> None:
    row = compare(pairs([0.55] * 6, [0.5] * 6, [0.5 + gap] * 6), modalities="t1", region="WT")
    assert (row.recovery is not None) == defined
    assert row.no_recovery == ("" if defined else "teacher and baseline differ by less than 0.01")


def test_an_interval_of_gap_recovery_without_end_says_so() -> None:
    """In some resamples the teacher is below the baseline, so that the share has no bound."""
    row = compare(pairs([0.6, 0.6, 0.6], [0.5, 0.5, 0.5], [0.9, 0.4, 0.4]), modalities="t1", region="WT")
    assert row.recovery is not None
    assert row.recovery.value == pytest.approx(0.1 / (1.7 / 3 - 0.5))
    assert row.recovery.low is not None
    assert row.recovery.high is None


def test_equal_networks_differ_by_nothing() -> None:
    row = only(scores_of({**STUDY, STUDENT: STUDY[BASELINE]}))
    assert (row.difference.value, row.difference.low, row.difference.high) == (0, 0, 0)
    assert (row.p, row.better) == (1, 0)
    assert row.recovery is not None
    assert (row.recovery.value, row.recovery.low, row.recovery.high) == (0, 0, 0)


def test_rounding_errors_are_no_differences() -> None:
    row = compare(pairs([0.3, 0.5], [0.1 + 0.2, 0.5], None), modalities="t1", region="WT")
    assert (row.p, row.better) == (1, 0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_very_few_cases_give_no_certainty_and_no_error(count: int) -> None:
    row = only(scores_of({network: column[:count] for network, column in STUDY.items()}))
    assert row.cases == count
    assert row.p == pytest.approx(2 / 2**count)


def test_seeds_are_averaged_before_cases_are_counted() -> None:
    twice = scores_of(STUDY) + scores_of(STUDY, seed=1)
    summary, once = summarize(twice), summarize(scores_of(STUDY))
    assert summary.comparisons == once.comparisons
    assert [replace(row, scored=row.scored // 2) for row in summary.networks] == list(once.networks)
    other = {**STUDY, STUDENT: [0.8, 0.8, 0.7, 0.7, 0.8, 0.6]}
    row = only(scores_of(STUDY) + scores_of(other, seed=1))
    assert row.cases == 6
    assert row.difference.value == pytest.approx(4 / 30 + 0.05)


def test_folds_add_cases() -> None:
    assert only(scores_of(STUDY) + scores_of(STUDY, fold=1)).cases == 12


def test_the_mean_row_averages_regions_within_a_case() -> None:
    lower = {network: [dice / 2 for dice in column] for network, column in STUDY.items()}
    scores = scores_of(STUDY, region="WT") + scores_of(lower, region="ET")
    row = only(scores, MEAN)
    assert row.cases == 6
    assert row.student == pytest.approx(19 / 30 * 0.75)
    assert row.recovery is not None
    assert row.recovery.value == pytest.approx(0.4)


def test_several_students_are_each_held_against_their_own_baseline() -> None:
    other = {(Role.BASELINE, "t1"): [0.2] * 6, (Role.STUDENT, "t1"): [0.1] * 6}
    summary = summarize(scores_of({**STUDY, **other}))
    rows = [summary.comparison(modality_key, "WT") for modality_key in ("t1ce", "t1")]
    assert [round(row.difference.value, 6) for row in rows if row] == [0.133333, -0.1]


@pytest.mark.parametrize("network", [TEACHER, BASELINE, STUDENT])
def test_a_case_that_a_network_was_not_scored_on_is_refused_by_name(network: tuple[Role, str]) -> None:
    values = {**STUDY, network: STUDY[network][:5]}
    with pytest.raises(KDNetError, match=rf"case05 \(WT, fold 0, seed 0\).*{network[0]}"):
        summarize(scores_of(values))


def test_a_region_that_a_network_was_not_scored_on_is_refused() -> None:
    scores = scores_of(STUDY) + scores_of({STUDENT: STUDY[STUDENT]}, region="ET")
    with pytest.raises(KDNetError, match="ET"):
        pair_dice(scores, "t1ce", MEAN)


def test_a_case_that_was_scored_twice_is_refused() -> None:
    with pytest.raises(KDNetError, match="two scores for case case00"):
        summarize(scores_of(STUDY) + scores_of({STUDENT: [0.1]}))


def test_folds_that_are_not_finished_are_excluded_of_comparisons() -> None:
    begun = {TEACHER: STUDY[TEACHER], BASELINE: STUDY[BASELINE]}
    summary = summarize(scores_of(STUDY) + scores_of(begun, fold=1))
    row, teacher = summary.comparison("t1ce", "WT"), summary.network(*TEACHER, "WT")
    assert row == only(scores_of(STUDY))
    assert teacher is not None
    assert teacher.cases == 12


def test_a_teacher_without_scores_leaves_the_gap_open() -> None:
    row = only(scores_of({BASELINE: STUDY[BASELINE], STUDENT: STUDY[STUDENT]}))
    assert (row.teacher, row.recovery) == (None, None)
    assert row.no_recovery == "the teacher is not scored on all these cases yet"


def test_nothing_to_compare_gives_no_comparison() -> None:
    assert summarize([]).comparisons == ()
    assert summarize(scores_of({STUDENT: [0.5]})).comparisons == ()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(DICE, DICE, DICE), min_size=2, max_size=9), st.randoms(use_true_random=False))
def test_the_order_of_scores_changes_nothing(cases: list[tuple[float, float, float]], random: object) -> None:
    columns = [list(column) for column in zip(*cases, strict=True)]
    scores = scores_of(dict(zip((TEACHER, BASELINE, STUDENT), columns, strict=True)))
    shuffled = list(scores)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert only(shuffled) == only(scores)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(DICE, DICE, DICE), min_size=2, max_size=9))
def test_exchanging_student_and_baseline_turns_the_difference_round(cases: list[tuple[float, float, float]]) -> None:
    teacher, baseline, student = (list(column) for column in zip(*cases, strict=True))
    one = compare(pairs(student, baseline, teacher), modalities="t1", region="WT")
    other = compare(pairs(baseline, student, teacher), modalities="t1", region="WT")
    assert other.difference.value == pytest.approx(-one.difference.value)
    assert other.difference.low == pytest.approx(-one.difference.high)
    assert other.p == pytest.approx(one.p)
    assert one.difference.low - 1e-9 <= one.difference.value <= one.difference.high + 1e-9


def test_the_interval_covers_a_known_difference_as_often_as_it_says() -> None:
    """Ninety-five in a hundred, less what a percentile bootstrap of 20 cases is known to lack."""
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        baseline = random.normal(0.5, 0.1, 20)
        student = baseline + random.normal(0.05, 0.05, 20)
        row = compare(pairs(list(student), list(baseline), None), modalities="t1", region="WT")
        covered += row.difference.low <= 0.05 <= row.difference.high
    assert 0.88 <= covered / 200 <= 0.98


def test_a_score_of_another_modality_does_not_stand_in_for_the_baseline() -> None:
    scores = [replace(score, modalities="t1") if score.role is Role.BASELINE else score for score in scores_of(STUDY)]
    assert summarize(scores).comparisons == ()


def test_visits_of_a_patient_count_once() -> None:
    """Five alike visits of each of three patients say no more than one visit of each."""
    patients = {f"case0{index}": f"patient{index // 2}" for index in range(6)}
    visits = {network: [column[index // 2 * 2] for index in range(6)] for network, column in STUDY.items()}
    single = {network: column[::2] for network, column in STUDY.items()}
    row = summarize(scores_of(visits), patients=patients).comparison("t1ce", "WT")
    once = summarize(scores_of(single)).comparison("t1ce", "WT")
    assert row is not None
    assert once is not None
    assert (row.cases, row.patients, once.patients) == (6, 3, 3)
    assert replace(row, cases=3) == once
    assert row.p == 0.25


def test_a_patient_with_many_visits_weighs_as_much_as_one_with_a_single_visit() -> None:
    patients = {"case00": "A", "case01": "A", "case02": "A"}
    network = summarize(scores_of({TEACHER: [0.2, 0.4, 0.6, 1.0]}), patients=patients).network(*TEACHER, "WT")
    assert network is not None
    assert (network.cases, network.patients) == (4, 2)
    assert network.dice == pytest.approx((0.4 + 1.0) / 2)
    assert network.dice_deviation == pytest.approx(np.std([0.4, 1.0], ddof=1))


def test_a_case_called_like_a_patient_stays_apart() -> None:
    assert patients_of(["a", "b", "c"], {"a": "c", "b": "c"}) == ("c", "c", "case c")
    assert patients_of(["a", "b"], None) == ("a", "b")


def test_penalties_in_hd95_and_empty_predictions_are_counted() -> None:
    outcomes = [(0.8, 4.0, Empty.NEITHER), (0.0, 373.13, Empty.PREDICTION), (0.0, 373.13, Empty.REFERENCE)]
    scores = [Score(*TEACHER, 0, 0, f"c{i}", "ET", *outcome) for i, outcome in enumerate(outcomes)]
    scores.append(Score(*TEACHER, 0, 0, "c3", "ET", 1.0, 0.0, Empty.BOTH))
    row = summarize(scores).network(*TEACHER, "ET")
    assert row is not None
    assert (row.scored, row.penalties, row.empty_predictions) == (4, 2, 1)


def test_old_scores_report_penalties_alone() -> None:
    scores = [Score(*TEACHER, 0, 0, "c0", "ET", 0.0, 373.13), Score(*TEACHER, 0, 0, "c1", "ET", 0.0, 60.0)]
    row = summarize(scores).network(*TEACHER, "ET")
    assert row is not None
    assert (row.penalties, row.empty_predictions) == (1, None)
