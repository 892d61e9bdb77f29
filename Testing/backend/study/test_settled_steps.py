"""A time budget is kept although the computer is slower or faster than the trial steps, and comparisons stay fair."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kdnet.cli import main
from kdnet.errors import RunFolderError
from kdnet.runs.events import EventKind, read_events
from kdnet.schema.model_card import read_card
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.recipe_files import read_recipe
from kdnet.schema.study_request import StudyRequest
from kdnet.study import settled_steps, time_budget
from kdnet.study.settled_steps import Settled, group_of, keep_timings, steps_still_fitting
from kdnet.study.setup import PreparedStudy, prepare_study
from kdnet.study.time_budget import StepTimings
from made_runs import study

TIMINGS = StepTimings((0.1, 0.1, 0.1), 0.0)
MINUTES = 20 * 3 * 0.1 / 60 / time_budget.RESERVE + 1e-6  # for 20 steps of each of the three networks


@pytest.fixture(scope="module")
def setup(phantom: Path) -> PreparedStudy:
    recipe = replace(read_recipe("demo"), spacing=(6.0, 6.0, 6.0), patch=(16, 16, 16), network="segresnet-4", steps=20)
    return prepare_study(StudyRequest(phantom, (("t1ce",),), recipe, folds=(0,)))


def fitting(setup: PreparedStudy, seconds: Mapping[NetworkId, float], folder: Path) -> int:
    """Steps of baseline and student after a teacher of 20 steps that took ``seconds``."""
    running: Any = SimpleNamespace(
        setup=setup, recipe=setup.recipe, folder=lambda network: SimpleNamespace(scores=folder / network.key)
    )
    known = Settled(TIMINGS, {group_of(network): 20 for network in seconds})
    return steps_still_fitting(MINUTES, running, known, seconds)


@pytest.mark.parametrize(("pace", "steps"), [(1.0, 20), (1.25, 14), (0.8, 28), (5.0, 10), (0.1, 40)])
def test_what_is_left_of_the_budget_is_shared_at_the_pace_of_the_teacher(
    setup: PreparedStudy, tmp_path: Path, pace: float, steps: int
) -> None:
    """6 s in all: a teacher that took 2 s times the pace leaves the rest to two networks; at most half or double the steps."""
    teacher = setup.networks[0]
    assert fitting(setup, {teacher: pace * 20 * 0.1}, tmp_path) == pytest.approx(steps, abs=1)


def test_networks_that_are_compared_share_their_steps() -> None:
    roles = (Role.BASELINE, Role.CONTROL, Role.STUDENT)
    assert len({group_of(NetworkId(role, ("t1ce",), 2, 1)) for role in roles}) == 1
    assert len({group_of(NetworkId(Role.STUDENT, ("t1ce",), fold, 1)) for fold in (0, 1)}) == 2
    assert group_of(NetworkId(Role.TEACHER, ("t1", "t1ce"), 2, 1)) != group_of(NetworkId(Role.STUDENT, ("t1ce",), 2, 1))


def test_steps_are_settled_once_written_down_and_the_same_for_baseline_and_student(
    phantom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    monkeypatch.setattr(time_budget, "benchmark_steps", lambda *_arguments: TIMINGS)
    seconds = {"": 1.25}  # of what the trial steps promised
    monkeypatch.setattr(
        settled_steps,
        "_training_seconds",
        lambda running: {
            network: seconds[""] * 20 * 0.1 for network in running.setup.trained if running.folder(network).model.exists()
        },
    )
    assert main([*study(phantom, run), "--minutes", str(MINUTES)]) == 0
    settled = json.loads((run / "steps.json").read_text(encoding="utf-8"))["steps"]
    assert settled["fold0/seed0/teacher"] == 20
    assert 13 <= settled["fold0/seed0/students"] <= 15
    started = {event.network: event.values["steps"] for event in read_events(run / "events.jsonl")[0] if _starts(event)}
    own = settled["fold0/seed0/students"]
    assert started == {
        "fold0/seed0/teacher": 20,
        "fold0/seed0/baseline-t1ce": own,
        "fold0/seed0/student-t1ce": own,
    }
    student = run / "fold0" / "seed0" / "student-t1ce"
    (model,) = student.rglob("*.safetensors")
    assert read_card(model).recipe["steps"] == own
    assert "instead of 20 steps" in capsys.readouterr().err
    assert f"{own} to 20 steps per network" in (run / "report" / "results.md").read_text(encoding="utf-8")
    model.unlink()  # as if it had been killed while the student was trained
    for file in student.rglob("scores.json"):
        file.unlink()
    seconds[""] = 0.1  # a much faster computer changes nothing that was settled
    assert main(["resume", str(run)]) == 0
    assert json.loads((run / "steps.json").read_text(encoding="utf-8"))["steps"] == settled
    (model,) = student.rglob("*.safetensors")
    assert read_card(model).recipe["steps"] == own


def test_a_damaged_record_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "steps.json"
    assert Settled.read(path) is None
    keep_timings(path, TIMINGS)
    assert Settled.read(path) == Settled(TIMINGS, {})
    path.write_text('{"timings": {"step": [1]}}', encoding="utf-8")
    with pytest.raises(RunFolderError, match=r"steps\.json"):
        Settled.read(path)


def _starts(event: Any) -> bool:
    return event.event is EventKind.NETWORK_STARTED
