"""Pausing and stopping by a file in the run folder."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from gate import acting
from kdnet.cli import main
from kdnet.errors import RunFolderError
from kdnet.runs.control import clear_stop_request, pending_stop, request_stop
from kdnet.runs.events import EventKind
from kdnet.runs.status import RunState, read_status
from kdnet.runs.stop_request import StopRequest
from kdnet.schema.interruption import Interrupted, Stop, StopMode
from kdnet.training.context import ComputeContext
from kdnet.training.interruption import raise_if_stop_requested
from made_runs import ENDLESS, events, hashes, study
from waiting import PATIENCE, wait_until


def context(stop: StopRequest) -> ComputeContext:
    return ComputeContext(torch.device("cpu"), pending_stop=stop.pending)


def test_a_request_is_read_until_it_is_forgotten(tmp_path: Path) -> None:
    assert pending_stop(tmp_path) is None
    request_stop(tmp_path, StopMode.STOP)
    assert pending_stop(tmp_path) is StopMode.STOP
    clear_stop_request(tmp_path, before=time.time() - 60)
    assert pending_stop(tmp_path) is StopMode.STOP, "made while this process was starting"
    clear_stop_request(tmp_path, before=time.time() + 60)
    assert pending_stop(tmp_path) is None


def test_a_damaged_request_asks_for_a_pause(tmp_path: Path) -> None:
    (tmp_path / "control.json").write_text('{"intent": "st')
    assert pending_stop(tmp_path) is StopMode.PAUSE
    clear_stop_request(tmp_path, before=0)
    assert pending_stop(tmp_path) is None


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="does not exist"):
        request_stop(tmp_path / "absent", StopMode.PAUSE)


def test_all_that_is_asked_for_ends_with_its_reason(tmp_path: Path) -> None:
    stop = StopRequest(tmp_path)
    raise_if_stop_requested(context(stop))
    request_stop(tmp_path, StopMode.STOP)
    stop = StopRequest(tmp_path)
    with pytest.raises(Interrupted, match="stopped") as caught:
        raise_if_stop_requested(context(stop))
    assert caught.value.stop == Stop(StopMode.STOP)
    stop.signal = "SIGINT"
    assert stop.pending() == Stop(StopMode.PAUSE, "SIGINT")
    assert str(stop.pending()) == "paused by SIGINT"


def test_an_interruption_reaches_other_processes_as_it_is() -> None:
    assert pickle.loads(pickle.dumps(Interrupted(Stop(StopMode.STOP)))).stop == Stop(StopMode.STOP)


@pytest.mark.slow
@pytest.mark.parametrize("intent", list(StopMode))
def test_a_training_ends_on_request_and_its_request_is_forgotten_by_the_next(
    phantom: Path, tmp_path: Path, intent: StopMode, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"

    def request() -> None:
        status = read_status(run)
        assert (status.state, status.pid) == (RunState.RUNNING, os.getpid())
        request_stop(run, intent)

    with acting(request, event="step"):
        assert main(study(phantom, run, *ENDLESS)) == 130
    assert "kdnet resume" in capsys.readouterr().err
    status = read_status(run)
    assert (status.state.value, status.reason, status.pid) == (intent.done, intent.done, None)
    assert status.step == 2, "it ends after the step in which it was requested"
    assert events(run, EventKind.STOPPED)[-1].values["intent"] == intent.value
    with acting(request, event="step", step=status.step + 3):
        assert main(["resume", str(run)]) == 130


@pytest.mark.slow
def test_a_study_paused_again_and_again_ends_with_the_same_weights(
    phantom: Path, finished_run: Path, tmp_path: Path
) -> None:
    paused = tmp_path / "paused"
    for kind in (EventKind.PREPARATION, EventKind.VALIDATION, EventKind.EVALUATION):
        arguments = ["resume", str(paused)] if paused.exists() else study(phantom, paused)
        with acting(lambda: request_stop(paused, StopMode.PAUSE), event=kind):
            assert main(arguments) == 130
        assert read_status(paused).state is RunState.PAUSED
    assert main(["resume", str(paused)]) == 0
    assert read_status(paused).state is RunState.FINISHED
    assert hashes(paused) == hashes(finished_run)
    for name in hashes(finished_run):
        scores = Path("fold0", "seed0", name, "scores.json")
        assert (paused / scores).read_text(encoding="utf-8") == (finished_run / scores).read_text(encoding="utf-8")


@pytest.mark.slow
def test_several_processes_end_together_and_continue(phantom: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "kdnet"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with (tmp_path / "log").open("w") as log:
        for kind, more in ((EventKind.STEP, ENDLESS), (EventKind.STARTED, ())):
            arguments = study(phantom, run, *more) if more else ["resume", str(run)]
            process = subprocess.Popen([*torchrun, *arguments], stdout=log, stderr=log, env=environment)
            seen = len(events(run, kind))
            wait_until(lambda kind=kind, seen=seen: len(events(run, kind)) > seen, process)  # type: ignore[misc]
            request_stop(run, StopMode.PAUSE)
            process.wait(timeout=PATIENCE)
            assert read_status(run).state is RunState.PAUSED
