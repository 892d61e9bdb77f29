"""A queue of runs that lives in the runs themselves."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest
import torch
from gate import acting
from kdnet.cli import main
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
from made_runs import study
from waiting import PATIENCE


def run(folder: Path, kind: EventKind | None = None, **values: object) -> Path:
    folder.mkdir()
    write_json(folder / "study.json", {"schema": SCHEMA})
    if kind is not None:
        log(folder, kind, **values)
    return folder


def log(folder: Path, kind: EventKind, **values: object) -> None:
    writer = EventWriter(folder / "events.jsonl")
    writer.write(kind, **values)
    writer.close()


def wait(*runs: Path, own: Path, grace: float) -> float:
    started = time.monotonic()
    wait_for_runs(runs, own, NO_EVENTS, ComputeContext(torch.device("cpu")), grace=grace)
    return time.monotonic() - started


def test_a_finished_run_is_not_waited_for(tmp_path: Path) -> None:
    finished = run(tmp_path / "a", EventKind.STUDY_FINISHED, report="")
    assert wait(finished, own=tmp_path, grace=PATIENCE) < PATIENCE / 2


@pytest.mark.parametrize("intent", ["pause", "stop", None])
def test_a_run_that_has_ended_gets_a_while_to_begin_again(tmp_path: Path, intent: str | None) -> None:
    ended = run(tmp_path / "a", EventKind.STOPPED, reason="so", intent=intent)
    assert 0.9 < wait(ended, own=tmp_path, grace=1) < PATIENCE


def test_a_folder_without_a_run_is_refused_after_that_while(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not a run folder"):
        wait(tmp_path / "absent", own=tmp_path, grace=0.6)


def test_a_run_cannot_wait_for_itself(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="itself"):
        wait(tmp_path, own=tmp_path, grace=0)


@pytest.mark.slow
def test_a_queue_continues_when_the_run_ahead_is_paused_and_can_be_stopped_itself(phantom: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    run(first)
    run(second)

    def waits(folder: Path, act: Callable[[], None]) -> AbstractContextManager[None]:
        def check() -> None:
            assert read_status(folder).state is RunState.WAITING
            act()

        return acting(check, event="waiting")

    with exclusive(first), exclusive(second):  # as their processes do
        with waits(third, lambda: request_stop(third, StopMode.STOP)):
            waiting = ("--wait-for", str(first), "--wait-for", str(second))
            assert main([*study(phantom, third), *waiting]) == 130
        assert read_status(third).state is RunState.STOPPED
    shutil.rmtree(second)
    with ExitStack() as process:
        process.enter_context(exclusive(first))

        def pause() -> None:
            log(first, EventKind.STOPPED, reason="paused", intent="pause")
            process.close()

        with waits(second, pause):
            assert main([*study(phantom, second), "--wait-for", str(first)]) == 0
    assert read_status(first).state is RunState.PAUSED
    assert read_status(second).state is RunState.FINISHED
    with ExitStack() as process:  # it goes on again, so the queue waits although the second run has finished
        process.enter_context(exclusive(first))
        with waits(third, process.close):
            assert main(["resume", str(third), *waiting]) == 0
    assert read_status(third).state is RunState.FINISHED
