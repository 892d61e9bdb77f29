"""Results per group of cases, and on cases without a region."""

from __future__ import annotations

import pytest
from kdnet.evaluation.groups import AbsentRegion, absent_regions, summarize_groups
from kdnet.schema.network_id import Role
from kdnet.schema.results import MEAN, Empty, Score


def score(role: Role, case: str, dice: float, region: str = "ET", empty: Empty | None = Empty.NEITHER) -> Score:
    modalities = "t1+t1ce" if role is Role.TEACHER else "t1ce"
    return Score(role, modalities, 0, 0, case, region, dice, 0.0, empty)


def test_each_group_is_summarized_on_its_own() -> None:
    scores = [
        score(role, case, dice)
        for case, values in {"a": (0.9, 0.4, 0.6), "b": (0.8, 0.2, 0.6), "c": (0.7, 0.5, 0.4), "d": (1.0, 1.0, 1.0)}.items()
        for role, dice in zip((Role.TEACHER, Role.BASELINE, Role.STUDENT), values, strict=True)
    ]
    groups = summarize_groups(scores, {"c": "Site 1", "a": "Site 2", "b": "Site 2"})
    assert list(groups) == ["Site 1", "Site 2"]  # d has no group
    second = groups["Site 2"].comparison("t1ce", MEAN)
    assert second is not None
    assert (second.cases, second.student, second.baseline) == (2, pytest.approx(0.6), pytest.approx(0.3))
    first = groups["Site 1"].comparison("t1ce", MEAN)
    assert first is not None
    assert first.difference.value == pytest.approx(-0.1)


def test_visits_of_a_patient_count_once_in_a_group() -> None:
    scores = [score(role, case, dice) for case, dice in (("a1", 0.2), ("a2", 0.4), ("b", 0.9)) for role in Role]
    summary = summarize_groups(scores, dict.fromkeys(("a1", "a2", "b"), "Site"), {"a1": "a", "a2": "a"})["Site"]
    row = summary.network(Role.STUDENT, "t1ce", "ET")
    assert row is not None
    assert (row.cases, row.patients, row.dice) == (3, 2, pytest.approx(0.6))


def test_absent_regions_are_counted_per_network() -> None:
    scores = [
        score(Role.STUDENT, "a", 1.0, empty=Empty.BOTH),
        score(Role.STUDENT, "b", 0.0, empty=Empty.REFERENCE),
        score(Role.STUDENT, "c", 0.0, empty=Empty.PREDICTION),
        score(Role.STUDENT, "d", 0.5, "WT", empty=None),
        score(Role.BASELINE, "a", 0.0, empty=Empty.REFERENCE),
    ]
    assert list(absent_regions(scores)) == [
        AbsentRegion(Role.STUDENT, "t1ce", "ET", 2, 1),
        AbsentRegion(Role.BASELINE, "t1ce", "ET", 1, 0),
    ]
