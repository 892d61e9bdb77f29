"""With a control, the gain of a student splits into that of its start and that of its losses."""

from __future__ import annotations

import pytest
from kdnet.evaluation.statistics import summarize
from kdnet.schema.network_id import Role
from made_studies import BASELINE, STUDENT, STUDY, scores_of

CONTROL = (Role.CONTROL, "t1ce")
VALUES = {**STUDY, CONTROL: [0.6, 0.7, 0.5, 0.5, 0.7, 0.4]}


def test_start_and_losses_add_up_to_the_gain() -> None:
    summary = summarize(scores_of(VALUES))
    start, losses = (part for part in summary.gains if part.region == "mean")
    assert [(part.network, part.reference) for part in (start, losses)] == [
        (Role.CONTROL, Role.BASELINE),
        (Role.STUDENT, Role.CONTROL),
    ]
    mean = summary.comparison("t1ce", "mean")
    assert mean is not None
    assert start.difference.value + losses.difference.value == pytest.approx(mean.difference.value)
    assert start.difference.value == pytest.approx(0.4 / 6)
    assert (start.patients, start.better) == (6, 4)
    assert start.difference.low <= start.difference.value <= start.difference.high
    assert 0 < start.p <= 1


def test_visits_of_a_patient_count_once() -> None:
    patients = {f"case0{index}": f"patient {index // 2}" for index in range(6)}
    parts = summarize(scores_of(VALUES), patients=patients).gains
    assert {(part.cases, part.patients) for part in parts} == {(6, 3)}


def test_without_a_control_there_are_no_parts() -> None:
    assert summarize(scores_of(STUDY)).gains == ()
    assert summarize(scores_of({CONTROL: VALUES[CONTROL], STUDENT: STUDY[STUDENT]})).gains[0].network is Role.STUDENT
    assert BASELINE[0] is Role.BASELINE
