"""A disk that fills up while a study trains: one sentence, nothing lost, and it goes on when there is room again."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from kdnet.cli import main
from kdnet.errors import KDNetError, RunFolderError
from kdnet.files import atomic_write
from kdnet.runs.events import EventKind, EventWriter, read_events
from kdnet.runs.folder import open_run
from kdnet.runs.status import RunState, read_status
from kdnet.tensor_file import save_tensors
from kdnet.training import trainer
from made_runs import hashes, study

FULL = "No space left on device"


def test_a_full_disk_in_training_is_reported_and_resumed_from(
    phantom: Path, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, written = tmp_path / "run", trainer.write_checkpoint
    left = 2

    def full(path: Path, checkpoint: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            with atomic_write(path) as temporary:
                temporary.write_bytes(b"half")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written(path, checkpoint)

    with monkeypatch.context() as patch:
        patch.setattr(trainer, "write_checkpoint", full)
        assert main(study(phantom, run)) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert FULL in error
    assert error.startswith("kdnet: ")
    status = read_status(run)
    assert status.state is RunState.FAILED
    assert FULL in status.reason
    assert (run / "fold0/seed0/teacher/checkpoint.safetensors").exists()
    assert main(["resume", str(run)]) == 0
    assert hashes(run) == hashes(finished_run)
    assert not list(run.rglob(".partial*"))


def test_an_event_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    writer.write(EventKind.WARNING, text="first")

    class Full:
        def __init__(self, stream: object) -> None:
            self.stream = stream

        def write(self, content: bytes) -> int:
            return self.stream.write(content[:7])

        def __getattr__(self, name: str) -> object:
            return getattr(self.stream, name)

    sound, writer._stream = writer._stream, Full(writer._stream)
    with pytest.raises(RunFolderError, match=FULL):
        writer.write(EventKind.WARNING, text="second")
    writer._stream = sound
    writer.write(EventKind.WARNING, text="third")
    writer.close()
    assert [event.values["text"] for event in read_events(path)[0]] == ["first", "third"]


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare, to make a small disk")
@pytest.mark.slow
def test_a_really_full_disk_can_still_report_why(phantom: Path, tmp_path: Path) -> None:
    small, script = tmp_path / "small", tmp_path / "script.sh"
    small.mkdir()
    command = [sys.executable, "-m", "kdnet"]
    line = " ".join(f"'{part}'" for part in [*command, *study(phantom, small / "run", "--set", "network=segresnet-8")])
    script.write_text(
        f"mount -t tmpfs -o size=4m none {small} || exit 99\n{line} > /dev/null 2> {tmp_path}/errors\necho $? > {tmp_path}/rc\n"
        f"mkdir {tmp_path}/seen && cp {small}/run/*.json* {tmp_path}/seen\n"
        f"mount -o remount,size=64m {small} || exit 99\n"
        f"'{sys.executable}' -m kdnet resume {small}/run > /dev/null 2>> {tmp_path}/errors; echo $? >> {tmp_path}/rc\n"
    )
    answer = subprocess.run(["unshare", "-Urm", "bash", str(script)], check=False, capture_output=True, encoding="utf-8")
    if answer.returncode == 99 or "unshare" in answer.stderr:
        pytest.skip("may not make a small disk here")
    assert (tmp_path / "rc").read_text(encoding="utf-8").split() == ["2", "0"]
    errors = (tmp_path / "errors").read_text(encoding="utf-8")
    assert FULL in errors
    assert "Traceback" not in errors
    last = read_events(tmp_path / "seen" / "events.jsonl")[0][-1]
    assert last.event is EventKind.STOPPED
    assert FULL in last.values["reason"]
    assert read_status(tmp_path / "seen").state is RunState.FAILED


def test_tensors_are_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        save_tensors(tmp_path / "absent" / "a.safetensors", {"a": torch.zeros(2)}, {})
    with pytest.raises(KDNetError, match="cannot be written"), atomic_write(tmp_path / "absent" / "a.json") as temporary:
        temporary.write_text("")


def test_what_killed_processes_left_half_written_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "fold0" / "seed0" / "teacher"
    folder.mkdir(parents=True)
    for name in (".partial-12-checkpoint.safetensors", ".tmpAbCdEf", "checkpoint.safetensors"):
        (folder / name).touch()
    with open_run(tmp_path):
        assert [path.name for path in folder.iterdir()] == ["checkpoint.safetensors"]
