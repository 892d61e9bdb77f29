"""How long the whole study still takes."""

from __future__ import annotations

import pytest
from kdnet.runs.events import Event, EventKind
from kdnet.runs.time_remaining import TimeRemaining
from kdnet.study.network_list import plan_networks

NETWORKS = plan_networks(("t1", "t1ce"), (("t1ce",),), [0], [0])
TEACHER, BASELINE, STUDENT = NETWORKS
CASES = dict.fromkeys((TEACHER, BASELINE, STUDENT), 10)


def test_all_that_is_to_come_counts() -> None:
    left = TimeRemaining(NETWORKS, 100, CASES)
    assert left.during_training(TEACHER, 50, 2.0) == pytest.approx(50 * 2 + 100 * 2 + 100 * 2.7)
    assert left.during_test(TEACHER, 4, 5.0) == pytest.approx(6 * 5 + 470 + 2 * 10 * 5)
    left.finish(TEACHER)
    assert left.during_training(BASELINE, 100, 1.0) == pytest.approx(100 * 2.7 + 2 * 50), "from the first that is known"
    left.finish(BASELINE)
    assert left.during_training(STUDENT, 90, 3.0) == pytest.approx(10 * 3 + 50)
    assert left.during_test(STUDENT, 10, 5.0) == 0


def test_what_earlier_sessions_reported_is_remembered() -> None:
    events = [
        Event(0, EventKind.NETWORK_FINISHED, TEACHER.key, {"seconds": 400.0}),
        Event(0, EventKind.EVALUATION, TEACHER.key, {"seconds_per_case": 3.0}),
        Event(0, EventKind.WARNING, "", {"text": ""}),
    ]
    left = TimeRemaining(NETWORKS, 100, CASES, done=[TEACHER], trained=[TEACHER], events=events)
    assert left.during_training(BASELINE, 0, 2.0) == pytest.approx(200 + 540 + 60)


def test_a_teacher_that_is_not_trained_is_only_tested() -> None:
    left = TimeRemaining(NETWORKS, 100, CASES, trained=[TEACHER])
    assert left.during_test(TEACHER, 0, 1.0) is None, "nothing is known of steps yet, and they take longest"
    assert left.during_training(BASELINE, 10, 2.0) == pytest.approx(90 * 2 + 270 + 30)
