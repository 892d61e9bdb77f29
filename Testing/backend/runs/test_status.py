"""What can be told of a run from its folder alone, whatever its process does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kdnet.errors import RunFolderError
from kdnet.files import write_json
from kdnet.runs.events import EventKind, EventWriter
from kdnet.runs.folder import SCHEMA, open_run
from kdnet.runs.lock import exclusive, is_locked
from kdnet.runs.planned_networks import network_records
from kdnet.runs.status import RunState, StatusReader, read_status
from kdnet.study.network_list import plan_networks
from made_runs import ENDLESS, end, events, start, study
from waiting import wait_until

NETWORKS = plan_networks(("t1", "t1ce"), (("t1ce",),), [0], [0])
TEACHER = NETWORKS[0].key


@pytest.fixture
def run(tmp_path: Path) -> Path:
    write_json(tmp_path / "study.json", {"schema": SCHEMA})
    return tmp_path


def write(run: Path, *what: tuple[EventKind, str, dict[str, object]]) -> None:
    writer = EventWriter(run / "events.jsonl")
    for kind, network, values in what:
        writer.write(kind, network, **values)
    writer.close()


def test_no_run_and_a_newer_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not a run folder"):
        read_status(tmp_path)
    write_json(tmp_path / "study.json", {"schema": SCHEMA + 1})
    with pytest.raises(RunFolderError, match="newer version"):
        read_status(tmp_path)


def test_a_folder_that_a_process_just_opened_is_new(tmp_path: Path) -> None:
    with open_run(tmp_path):
        status = read_status(tmp_path)
    assert (status.state, status.pid) == (RunState.NEW, os.getpid())


def test_a_run_without_events_is_new(run: Path) -> None:
    assert read_status(run).state is RunState.NEW


def test_progress_is_reported_while_it_runs(run: Path) -> None:
    write(
        run,
        (EventKind.STUDY_STARTED, "", {"networks": network_records(NETWORKS), "steps": 50}),
        (EventKind.NETWORK_STARTED, TEACHER, {"step": 0, "steps": 50}),
        (EventKind.STEP, TEACHER, {"step": 20, "steps": 50, "study_seconds_left": 99.5}),
    )
    (run / TEACHER).mkdir(parents=True)
    (run / TEACHER / "scores.json").write_text("[]")
    with open_run(run):
        status = read_status(run)
    assert (status.state, status.network, status.step, status.steps) == (RunState.RUNNING, NETWORKS[0], 20, 50)
    assert (status.networks, status.done) == (NETWORKS, (NETWORKS[0],))
    assert (status.seconds_left, status.pid) == (99.5, os.getpid())
    assert read_status(run).state is RunState.FAILED


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"reason": "paused", "intent": "pause"}, RunState.PAUSED),
        ({"reason": "stopped", "intent": "stop"}, RunState.STOPPED),
        ({"reason": "stopped by SIGINT"}, RunState.PAUSED),
        ({"reason": "disk full"}, RunState.FAILED),
    ],
)
def test_the_last_event_shows_how_it_ended(run: Path, values: dict[str, object], state: RunState) -> None:
    write(run, (EventKind.STOPPED, "", values))
    status = read_status(run)
    assert (status.state, status.reason) == (state, values["reason"])


def test_a_finished_run_has_no_time_left(run: Path) -> None:
    write(run, (EventKind.STUDY_FINISHED, "", {"report": "report/report.html"}))
    assert (read_status(run).state, read_status(run).seconds_left) == (RunState.FINISHED, 0.0)


def test_waiting_is_reported_with_what_for(run: Path) -> None:
    write(run, (EventKind.WAITING, "", {"runs": ["/runs/first"]}))
    with exclusive(run):
        status = read_status(run)
    assert (status.state, status.reason) == (RunState.WAITING, "waiting for first")


def test_a_reader_follows_and_survives_what_it_does_not_understand(run: Path) -> None:
    path = run / "events.jsonl"
    reader = StatusReader(run)
    write(run, (EventKind.STUDY_STARTED, "", {"networks": network_records(NETWORKS), "steps": 50}))
    assert [event.event for event in reader.refresh()[1]] == [EventKind.STUDY_STARTED]
    assert reader.refresh()[1] == []
    with path.open("ab") as stream:
        stream.write(json.dumps({"time": 1, "event": "dreaming", "network": ""}).encode() + b"\n")
        stream.write(b"\0\0\0\n[1]\n" + b'{"time": 1, "event": "warning", "network": "", "text": "ha')
    assert reader.refresh()[1] == []
    with path.open("ab") as stream:
        stream.write(b'lf"}\n')
    assert [event.values["text"] for event in reader.refresh()[1]] == ["half"]
    path.write_bytes(b"")
    write(run, (EventKind.WARNING, "", {"text": "anew"}))
    status, found = reader.refresh()
    assert [event.values["text"] for event in found] == ["anew"]
    assert status.networks == NETWORKS


def test_following_a_large_file_reads_only_what_is_new(run: Path) -> None:
    writer = EventWriter(run / "events.jsonl")
    for step in range(20_000):
        writer.write(EventKind.STEP, TEACHER, step=step, steps=20_000, losses={"total": 1.0, "segmentation": 1.0})
    reader = StatusReader(run)
    before = time.thread_time()
    reader.refresh()
    whole = time.thread_time() - before
    writer.write(EventKind.STEP, TEACHER, step=20_000, steps=20_000, losses={})
    before = time.thread_time()
    assert len(reader.refresh()[1]) == 1
    assert time.thread_time() - before < whole / 10
    writer.close()


def test_asking_for_the_lock_never_turns_a_writer_away(tmp_path: Path) -> None:
    with open_run(tmp_path):
        assert is_locked(tmp_path)
    reader = (tmp_path / "lock").open("rb")
    import fcntl
    import threading

    fcntl.flock(reader, fcntl.LOCK_SH)
    threading.Timer(0.2, reader.close).start()
    with exclusive(tmp_path):
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)


@pytest.mark.slow
def test_a_killed_process_leaves_a_broken_run_that_can_be_resumed(phantom: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    process = start(*study(phantom, run, *ENDLESS))
    wait_until(lambda: events(run, EventKind.STEP), process)
    assert read_status(run).state is RunState.RUNNING
    process.send_signal(signal.SIGKILL)
    end(process)
    status = read_status(run)
    assert status.state is RunState.FAILED
    assert "resume" in status.reason
    assert status.pid is None


def test_the_panel_can_ask_without_loading_torch() -> None:
    modules = "kdnet.runs.status, kdnet.runs.control, kdnet.runs.events"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
