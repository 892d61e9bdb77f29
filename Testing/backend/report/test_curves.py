"""Curves are read from the events of a run."""

from __future__ import annotations

from dataclasses import replace

from kdnet.report.curves import training_curves
from kdnet.runs.events import Event, EventKind
from kdnet.runs.planned_networks import network_records
from kdnet.schema.network_id import NetworkId, Role
from made_studies import events_of

TEACHER = NetworkId(Role.TEACHER, ("t1", "t2", "t1ce"), fold=0, seed=0)
STUDENT = NetworkId(Role.STUDENT, ("t1", "t2"), fold=0, seed=0)


def test_each_training_has_a_curve_of_its_reference_loss() -> None:
    events = events_of(TEACHER, STUDENT, replace(STUDENT, fold=1))
    curves = training_curves(events, EventKind.STEP)
    assert [curve.network for curve in curves] == [TEACHER, STUDENT, replace(STUDENT, fold=1)]
    assert curves[0].values[:2].tolist() == [1.0, 0.5]


def test_validation_curves_mark_the_weights_that_were_kept() -> None:
    (curve,) = training_curves(events_of(TEACHER), EventKind.VALIDATION)
    assert curve.steps.tolist() == [30, 60, 90]
    assert curve.values.tolist() == [0.3, 0.6, 0.9]
    assert curve.chosen == 60


def test_steps_done_again_after_a_resume_count_once_and_the_later_time() -> None:
    started = Event(0.0, EventKind.STUDY_STARTED, "", {"networks": network_records([TEACHER])})
    events = [
        Event(float(index), EventKind.STEP, "fold0/seed0/teacher", {"step": step, "losses": {"segmentation": loss}})
        for index, (step, loss) in enumerate([(1, 0.9), (2, 0.8), (2, 0.5), (3, 0.4)])
    ]
    (curve,) = training_curves([started, *events], EventKind.STEP)
    assert curve.steps.tolist() == [1, 2, 3]
    assert curve.values.tolist() == [0.9, 0.5, 0.4]


def test_events_of_foreign_networks_are_passed_over() -> None:
    assert training_curves(events_of(STUDENT)[1:], EventKind.STEP) == []
