"""When the results of a run are gathered again; the process that gathers them is a stand-in here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from kdnet.runs.status import RunState, RunStatus
from kdnet.schema.network_id import NetworkId, Role

STUDENT = NetworkId(Role.STUDENT, ("t1ce",), 0, 0)


class Logic:
    """Starts nothing, and keeps what would be called at the end."""

    def __init__(self) -> None:
        self.started: list[Any] = []

    def startResults(self, run: Any, onFinished: Any, onFailed: Any) -> Any:
        self.started.append(SimpleNamespace(run=run, finish=onFinished, fail=onFailed))
        return SimpleNamespace(cancel=lambda: None)


@pytest.fixture
def logic() -> Logic:
    return Logic()


@pytest.fixture
def shown() -> list[Any]:
    return []


@pytest.fixture
def updates(training: Any, logic: Any, shown: list[Any]) -> Any:
    from KDNetTrainingLib.ResultUpdates import ResultUpdates

    return ResultUpdates(logic, shown.append, shown.append)


def snapshot(state: RunState) -> Any:
    from KDNetTrainingLib.RunMonitor import RunSnapshot

    return RunSnapshot(Path("run"), RunStatus(state, done=(STUDENT,)))


@pytest.mark.parametrize("failed", [False, True])
def test_the_end_of_a_run_while_results_are_gathered_is_not_missed(
    updates: Any, logic: Logic, shown: list[Any], failed: bool
) -> None:
    run: Any = "run"
    assert updates.take(run, snapshot(RunState.RUNNING))
    assert not updates.take(run, snapshot(RunState.FINISHED))  # the last snapshot: the run changes no more
    (logic.started[0].fail if failed else logic.started[0].finish)("first")
    assert len(logic.started) == 2
    logic.started[1].finish("last")
    assert shown == ["first", "last"]
    assert len(logic.started) == 2


def test_results_are_gathered_once_for_each_state(updates: Any, logic: Logic) -> None:
    run: Any = "run"
    assert updates.take(run, snapshot(RunState.RUNNING))
    assert not updates.take(run, snapshot(RunState.RUNNING))
    logic.started[0].finish("first")
    assert not updates.take(run, snapshot(RunState.RUNNING))
    assert len(logic.started) == 1


def test_what_was_canceled_is_gathered_when_it_is_asked_for_again(updates: Any, logic: Logic) -> None:
    run: Any = "run"
    updates.take(run, snapshot(RunState.FINISHED))
    updates.cancel()
    assert updates.take(run, snapshot(RunState.FINISHED))
    assert len(logic.started) == 2
