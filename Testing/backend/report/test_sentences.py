"""The verdict says what came out, whichever way."""

from __future__ import annotations

import pytest
from kdnet.evaluation.statistics import summarize
from kdnet.report.content import ReportData
from kdnet.report.sentences import caveats, conclusions, format_key, listed, percent, signed
from kdnet.schema.labels import brats_labels
from kdnet.schema.network_id import Role
from kdnet.schema.results import Score
from made_studies import BASELINE, STUDENT, STUDY, TEACHER, description, scores_of


def content(scores: list[Score], **changes: object) -> ReportData:
    return ReportData(description(**changes), summarize(scores), scores, [], [], brats_labels())


def test_a_student_above_its_baseline_beats_it() -> None:
    (told,) = conclusions(content(scores_of(STUDY)))
    assert told.startswith("The T1ce student beats its baseline: mean Dice 0.633 against 0.500 (difference +0.133")
    assert "p = 0.031, 6 test cases" in told
    assert "It recovers 40 % of the distance from baseline to teacher (95 % interval" in told


def test_a_student_below_its_baseline_is_said_to_be_worse() -> None:
    (told,) = conclusions(content(scores_of({**STUDY, STUDENT: STUDY[BASELINE], BASELINE: STUDY[STUDENT]})))
    assert "The T1ce student is worse than its baseline" in told
    assert "difference \N{MINUS SIGN}0.133" in told


def test_a_difference_within_chance_is_not_a_gain() -> None:
    (told,) = conclusions(content(scores_of({**STUDY, STUDENT: [0.6, 0.5, 0.5, 0.4, 0.61, 0.41]})))
    assert "is not distinguishable from its baseline" in told


def test_a_difference_of_a_few_cases_is_not_a_gain_however_large() -> None:
    few = content(scores_of({network: column[:5] for network, column in STUDY.items()}))
    assert "is not distinguishable" in conclusions(few)[0]
    assert any("With 5 test cases no difference" in note for note in caveats(few))


def test_a_teacher_that_does_not_beat_the_baseline_leaves_nothing_to_distil() -> None:
    (told,) = conclusions(content(scores_of({**STUDY, TEACHER: [0.1] * 6})))
    assert "The teacher is not above the baseline (0.100 against 0.500), so there was nothing to distil" in told
    assert "beats its baseline" in told


def test_a_teacher_that_hardly_differs_from_the_baseline_defines_no_share() -> None:
    (told,) = conclusions(content(scores_of({**STUDY, TEACHER: [dice + 0.002 for dice in STUDY[BASELINE]]})))
    assert "Teacher and baseline hardly differ (0.502 against 0.500), so gap recovery is not defined" in told
    assert "recovers" not in told


def test_regions_are_judged_one_by_one() -> None:
    worse = {**STUDY, STUDENT: [0.1] * 6}
    scores = scores_of(STUDY, region="ET") + scores_of(worse, region="WT")
    (told,) = conclusions(content(scores, regions=("ET", "WT")))
    assert "By region it is better on ET (+0.133) and worse on WT (\N{MINUS SIGN}0.400)." in told


def test_every_student_has_a_verdict() -> None:
    scores = scores_of({**STUDY, (Role.BASELINE, "t1"): [0.2] * 6, (Role.STUDENT, "t1"): [0.1] * 6})
    told = conclusions(content(scores, student_modalities=("t1ce", "t1")))
    assert [text.split(":")[0] for text in told] == [
        "The T1ce student beats its baseline",
        "The T1 student is worse than its baseline",
    ]


def test_what_is_missing_is_named() -> None:
    begun = content(scores_of({TEACHER: STUDY[TEACHER], BASELINE: STUDY[BASELINE]}), folds=(0, 1))
    assert conclusions(begun) == ["No student has been compared with its baseline yet."]
    assert begun.unscored()[0] == "fold 0, seed 0: student t1ce"
    assert "4 of 6 networks have no scores yet (fold 0, seed 0: student t1ce; fold 1" in caveats(begun)[0]


def test_one_seed_is_reported_to_hide_the_chance_of_training() -> None:
    both = scores_of(STUDY) + scores_of(STUDY, seed=1)
    assert any("One seed" in note for note in caveats(content(scores_of(STUDY))))
    assert caveats(content(both, seeds=(0, 1))) == []


@pytest.mark.parametrize(
    ("value", "text"), [(0.0213, "+0.021"), (-0.5, "\N{MINUS SIGN}0.500"), (-0.0001, "0.000"), (0.0, "0.000")]
)
def test_differences_have_a_sign_unless_they_round_to_nothing(value: float, text: str) -> None:
    assert signed(value) == text


def test_figures_read_well() -> None:
    assert [percent(share) for share in (0.424, -0.15, -0.001)] == ["42 %", "\N{MINUS SIGN}15 %", "0 %"]
    assert [listed(words) for words in ([], ["ET"], ["ET", "TC", "WT"])] == ["", "ET", "ET, TC, and WT"]
    assert format_key("t1+t1ce+lge") == "T1 + T1ce + lge"
