"""A queue of runs that lives in the runs themselves."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch
from kdnet.errors import RunFolderError
from kdnet.files import write_json
from kdnet.runs.control import request_stop
from kdnet.runs.events import NO_EVENTS, EventKind, EventWriter
from kdnet.runs.folder import SCHEMA
from kdnet.runs.lock import exclusive
from kdnet.runs.status import RunState, read_status
from kdnet.schema.interruption import StopMode
from kdnet.study.queue import wait_for_runs
from kdnet.training.context import ComputeContext
from made_runs import ENDLESS, end, events, start, study, until


def run(folder: Path, kind: EventKind | None = None, **values: object) -> Path:
    folder.mkdir()
    write_json(folder / "study.json", {"schema": SCHEMA})
    if kind is not None:
        writer = EventWriter(folder / "events.jsonl")
        writer.write(kind, **values)
        writer.close()
    return folder


def wait(*runs: Path, own: Path, grace: float) -> float:
    started = time.monotonic()
    wait_for_runs(runs, own, NO_EVENTS, ComputeContext(torch.device("cpu")), grace=grace)
    return time.monotonic() - started


def test_a_finished_run_is_not_waited_for(tmp_path: Path) -> None:
    finished = run(tmp_path / "a", EventKind.STUDY_FINISHED, report="")
    assert wait(finished, own=tmp_path, grace=30) < 5


@pytest.mark.parametrize("intent", ["pause", "stop", None])
def test_a_run_that_has_ended_gets_a_while_to_begin_again(tmp_path: Path, intent: str | None) -> None:
    ended = run(tmp_path / "a", EventKind.STOPPED, reason="so", intent=intent)
    assert 0.9 < wait(ended, own=tmp_path, grace=1) < 5


def test_a_folder_without_a_run_is_refused_after_that_while(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not a run folder"):
        wait(tmp_path / "absent", own=tmp_path, grace=0.6)


def test_a_run_cannot_wait_for_itself(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="itself"):
        wait(tmp_path, own=tmp_path, grace=0)


@pytest.mark.slow
def test_a_queue_continues_when_the_run_ahead_is_paused_and_can_be_stopped_itself(phantom: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    ahead = start(*study(phantom, first, *ENDLESS))
    until(lambda: events(first, EventKind.STEP), ahead)
    behind = start(*study(phantom, second), "--wait-for", str(first))
    last = start(*study(phantom, third), "--wait-for", str(first), "--wait-for", str(second))
    for process, folder in ((behind, second), (last, third)):
        until(lambda folder=folder: events(folder, EventKind.WAITING), process)
        assert read_status(folder).state is RunState.WAITING
    request_stop(third, StopMode.STOP)
    assert end(last)[0] == 130
    assert read_status(third).state is RunState.STOPPED
    assert read_status(second).state is RunState.WAITING
    request_stop(first, StopMode.PAUSE)
    assert end(ahead)[0] == 130
    assert end(behind)[0] == 0
    assert read_status(second).state is RunState.FINISHED
    process = start("resume", str(third), "--wait-for", str(first), "--wait-for", str(second))
    until(lambda: events(third, EventKind.WAITING)[1:], process)
    with exclusive(first):  # it goes on again, so the queue waits although the second run has finished
        time.sleep(1)
        assert read_status(third).state is RunState.WAITING
    assert end(process)[0] == 0
