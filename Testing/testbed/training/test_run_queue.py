"""Which run is chosen, in which state it is shown, and what is said about it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kdnet.runs.status import RunState, RunStatus


class Logic:
    """Three runs, of which the second has a process."""

    def __init__(self) -> None:
        from KDNetTrainingLib.Runs import Run

        self.known = tuple(Run(Path("/runs") / name) for name in ("first", "second", "third"))
        self.is_starting = False

    def runs(self) -> Any:
        return self.known

    def alive(self, run: Any) -> bool:
        return bool(run.name == "second")

    def starting(self, run: Any) -> bool:
        return self.is_starting and run.name == "second"

    def startup_error(self, _run: Any) -> str:
        return "the folder holds files but no run"


@pytest.fixture
def queue(training: Any) -> Any:
    from KDNetTrainingLib.RunQueue import RunQueue

    queue = RunQueue(Logic())  # type: ignore[arg-type]
    queue.refresh()
    return queue


def snapshot(name: str, state: RunState | None, reason: str = "", problem: str = "") -> Any:
    from KDNetTrainingLib.RunMonitor import RunSnapshot

    return RunSnapshot(Path("/runs") / name, RunStatus(state, reason) if state else None, problem)


def test_an_active_run_is_chosen_first_and_the_choice_is_kept(queue: Any) -> None:
    assert queue.run.name == "second"
    queue.refresh(Path("/runs/third"))
    assert queue.run.name == "third"
    queue.refresh()
    assert queue.run.name == "third"
    queue._logic.known = queue._logic.known[:1]
    queue.refresh()
    assert queue.run.name == "first"


def test_a_run_off_the_list_is_ignored(queue: Any) -> None:
    assert not queue.take(snapshot("other", RunState.RUNNING))
    assert queue.take(snapshot("first", RunState.RUNNING))
    assert queue.states()[0] is RunState.RUNNING


def test_a_process_that_has_written_nothing_is_starting(queue: Any) -> None:
    from KDNetTrainingLib.RunQueue import PanelState

    queue._logic.is_starting = True
    assert queue.state is PanelState.STARTING
    queue.take(snapshot("second", RunState.PAUSED))  # from before it was resumed
    assert queue.state is PanelState.STARTING
    assert queue.message() is None
    queue.take(snapshot("second", RunState.RUNNING))
    assert queue.state is RunState.RUNNING


@pytest.mark.parametrize(
    ("state", "reason", "message"),
    [
        (RunState.FAILED, "the disk is full: free some space.", "second: the disk is full: free some space."),
        (RunState.WAITING, "waiting for first", "second: waiting for first"),
        (RunState.RUNNING, "", ""),
        (RunState.PAUSED, "paused on request", ""),
        (RunState.NEW, "", None),
    ],
)
def test_only_what_keeps_a_run_from_running_is_said(queue: Any, state: RunState, reason: str, message: str | None) -> None:
    queue.take(snapshot("second", state, reason))
    assert queue.message() == message


def test_a_folder_that_cannot_be_read_has_its_reason(queue: Any) -> None:
    from KDNetTrainingLib.RunQueue import PanelState

    queue.take(snapshot("second", None, problem="/runs/second cannot be read."))
    assert queue.state is PanelState.UNREADABLE
    assert queue.message() == "second: the folder holds files but no run"
