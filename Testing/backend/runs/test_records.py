"""What a run keeps about itself: its lock, its events, damaged files, and figures of another run."""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from kdnet.cli import main
from kdnet.errors import RunFolderError
from kdnet.runs.control import clear_stop_request, pending_stop, request_stop
from kdnet.runs.events import EventKind, read_events
from kdnet.runs.folder import open_run
from kdnet.runs.lock import exclusive, is_locked
from kdnet.runs.process_record import FILE as PROCESS
from kdnet.runs.process_record import record_process, recorded_process_lives
from kdnet.runs.status import RunState, read_status
from kdnet.schema.interruption import StopMode
from made_runs import events, hashes

TEACHER = "fold0/seed0/teacher"
STUDENT = "fold0/seed0/student-t1ce"


@pytest.fixture
def run(finished_run: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl")

    def flock(*_arguments: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_run_is_written_with_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_run(tmp_path):
        pass
    assert "without locks" in capsys.readouterr().err


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_living_process_of_this_machine_is_respected(tmp_path: Path) -> None:
    record_process(tmp_path)
    record = json.loads((tmp_path / PROCESS).read_text())
    (tmp_path / PROCESS).write_text(json.dumps({**record, "pid": os.getppid()}))
    (tmp_path / "lock").touch()
    assert is_locked(tmp_path)
    with pytest.raises(RunFolderError, match="another process"), exclusive(tmp_path):
        pass


@pytest.mark.usefixtures("no_locks")
def test_without_locks_a_finished_run_is_finished(run: Path) -> None:
    record_process(run)  # the shared run may be one of another test process, which still lives
    assert read_status(run).state is RunState.FINISHED


def test_a_process_that_only_has_the_number_of_the_recorded_one_is_another(tmp_path: Path) -> None:
    record_process(tmp_path)
    record = json.loads((tmp_path / PROCESS).read_text())
    assert not recorded_process_lives(tmp_path), "it is this process"
    (tmp_path / PROCESS).write_text(json.dumps({**record, "pid": os.getppid(), "started": 1.0}))
    assert not recorded_process_lives(tmp_path) or not Path("/proc").exists()
    (tmp_path / PROCESS).write_text("[1, 2")
    assert not recorded_process_lives(tmp_path)


def test_a_stop_request_of_a_machine_whose_clock_is_wrong_counts(tmp_path: Path) -> None:
    request_stop(tmp_path, StopMode.STOP)
    path = tmp_path / "control.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "time": 0.0}))
    clear_stop_request(tmp_path, before=time.time() - 60)
    assert pending_stop(tmp_path) is StopMode.STOP
    os.utime(path, (time.time() - 600, time.time() - 600))
    clear_stop_request(tmp_path, before=time.time() - 60)
    assert pending_stop(tmp_path) is None


def test_what_a_kill_after_the_model_file_left_undone_is_done(run: Path, finished_run: Path) -> None:
    lines = (run / "events.jsonl").read_text().splitlines(keepends=True)
    at = next(index for index, line in enumerate(lines) if '"network_finished"' in line)
    (run / "events.jsonl").write_text("".join(lines[:at]))
    shutil.rmtree(run / "report")
    for path in run.rglob("scores.json"):
        path.unlink()
    for name in ("baseline-t1ce", "student-t1ce"):
        shutil.rmtree(run / "fold0/seed0" / name)
    (run / TEACHER / "checkpoint.safetensors").write_bytes(b"left behind")
    assert main(["resume", str(run)]) == 0
    assert not list(run.rglob("checkpoint.safetensors"))
    assert hashes(run) == hashes(finished_run)
    made, known = (events(folder, EventKind.NETWORK_FINISHED)[0] for folder in (run, finished_run))
    assert (made.network, made.values) == (known.network, known.values)


def test_half_written_files_are_swept_wherever_they_are(run: Path) -> None:
    places = [run, min((run / "cache").iterdir()), run / "report", run / TEACHER / "predictions"]
    for place in places:
        (place / ".partial-4711-abcd.npy").touch()
    with open_run(run):
        pass
    assert not list(run.rglob(".partial-*"))


def test_damaged_scores_are_named_and_scored_again(
    run: Path, finished_run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run / STUDENT / "scores.json"
    path.write_bytes(path.read_bytes()[:100])
    assert main(["results", str(run)]) == 2
    assert "scores.json" in capsys.readouterr().err
    assert main(["resume", str(run)]) == 0
    assert path.read_bytes() == (finished_run / STUDENT / "scores.json").read_bytes()


def test_a_damaged_recipe_is_named(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = run / "recipe.json"
    for content in (path.read_bytes()[:100], b"{}", b"null"):
        path.write_bytes(content)
        assert main(["resume", str(run)]) == 2
        assert "recipe.json" in capsys.readouterr().err.strip().splitlines()[-1]


def set_in(name: str, *keys: str, value: object) -> Callable[[Path], None]:
    def change(run: Path) -> None:
        content = item = json.loads((run / name).read_text())
        for key in keys[:-1]:
            item = item[key]
        item[keys[-1]] = value
        (run / name).write_text(json.dumps(content))

    return change


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda run: (run / name).write_text(text)


def remove(name: str) -> Callable[[Path], None]:
    return lambda run: (run / name).unlink()


DEEP = '{"x":' + "[" * 100_000


@pytest.mark.parametrize(
    ("command", "damage", "told"),
    [
        ("results", set_in("study.json", "folds", value=[1e300]), "study.json is damaged"),
        ("results", set_in("study.json", "seeds", value=[1.5]), "study.json is damaged"),
        ("resume", set_in("study.json", "students", value="t1ce"), "study.json is damaged"),
        ("predict-checkpoint", remove("splits.json"), "splits.json is missing"),
        ("predict-checkpoint", set_in("splits.json", "fold0", "validation", value=[]), "splits.json is missing or damaged"),
        ("predict-checkpoint", set_in("splits.json", "fold0", "train", value="abc"), "splits.json is damaged"),
        ("resume", write("splits.json", DEEP), "splits.json cannot be read"),
        ("resume", set_in("contents.json", "Phantom_000", value="abc"), "contents.json is damaged"),
        ("results", remove("events.jsonl"), "events.jsonl is missing"),
        ("export", remove("events.jsonl"), "events.jsonl is missing"),
    ],
)
def test_a_damaged_file_of_a_run_is_named(
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    damage: Callable[[Path], object],
    told: str,
) -> None:
    damage(run)
    more = {
        "predict-checkpoint": ["-o", str(tmp_path / "labels.nii.gz")],
        "export": ["-o", str(tmp_path / "student.safetensors")],
    }
    network = ["--network", STUDENT, *more[command]] if command in more else []
    assert main([command, str(run), *network]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("kdnet: ")
    assert told in error


@pytest.mark.parametrize(
    "damage",
    [
        write("inspection.json", DEEP),
        write("inspection.json", '{"version": 2, "cases": {"a": [1]}}'),
        write("control.json", DEEP),
        lambda run: (run / "control.json").mkdir(),
        remove("events.jsonl"),
    ],
)
def test_what_can_be_made_anew_is_made_anew(run: Path, finished_run: Path, damage: Callable[[Path], object]) -> None:
    damage(run)
    assert main(["resume", str(run)]) == 0
    assert hashes(run) == hashes(finished_run)
    assert main(["results", str(run)]) == 0


@pytest.mark.parametrize("content", ["nothing", "baseline", "another case"])
def test_scores_of_something_else_are_scored_again(run: Path, finished_run: Path, content: str) -> None:
    path, wanted = run / STUDENT / "scores.json", (finished_run / STUDENT / "scores.json").read_text()
    baseline = (finished_run / "fold0/seed0/baseline-t1ce/scores.json").read_text()
    other = {"nothing": "[]", "baseline": baseline, "another case": wanted.replace("Phantom_", "Other_")}
    path.write_text(other[content])
    assert main(["resume", str(run)]) == 0
    assert path.read_text() == wanted


@pytest.mark.parametrize("command", ["predict-checkpoint", "export"])
def test_the_model_of_another_network_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    shutil.copy(run / TEACHER / "model.safetensors", run / STUDENT / "model.safetensors")
    target = tmp_path / ("labels.nii.gz" if command == "predict-checkpoint" else "student.safetensors")
    assert main([command, str(run), "--network", STUDENT, "-o", str(target)]) == 2
    assert "not the student of t1ce" in capsys.readouterr().err
    assert not target.exists()


def test_models_of_the_run_and_other_files_are_not_exported_over(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other, target = tmp_path / "scan.nii.gz", tmp_path / "student.safetensors"
    other.write_bytes(b"scan")
    teacher = run / TEACHER / "model.safetensors"
    before = teacher.read_bytes()
    for path in (other, teacher):
        assert main(["export", str(run), "--network", STUDENT, "-o", str(path)]) == 2
        assert "choose another file name" in capsys.readouterr().err
    assert other.read_bytes() == b"scan"
    assert teacher.read_bytes() == before
    for _ in range(2):  # its own file may be written again
        assert main(["export", str(run), "--network", STUDENT, "-o", str(target)]) == 0


def test_the_data_is_not_previewed_over(phantom: Path, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted(phantom.rglob("Phantom_000*.nii.gz")):
        before = path.read_bytes()
        assert main(["predict-checkpoint", str(run), "--network", STUDENT, "-o", str(path)]) == 2
        assert "belongs to case Phantom_000" in capsys.readouterr().err
        assert path.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_not_a_model_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "model.safetensors")
    assert main(["model-info", str(tmp_path / "model.safetensors")]) == 2
    assert "not a regular file" in capsys.readouterr().err


@pytest.mark.parametrize("target", [".", "/", "folder"])
def test_a_model_is_not_exported_to_a_folder(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["export", str(run), "--network", STUDENT, "-o", target]) == 2
    assert "is a folder" in capsys.readouterr().err


def changed_recipe(run: Path) -> str:
    path = run / "recipe.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "learning_rate": 0.5}))
    return "learning_rate"


def changed_bookkeeping(run: Path) -> str:
    path = run / "recipe.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "workers": 3, "checkpoint_seconds": 5.0}))
    return ""


def other_case(run: Path) -> str:
    path = run / "splits.json"
    path.write_text(path.read_text().replace("Phantom_001", "Other_001"))
    return "case Other_001 differs"


def other_content(run: Path) -> str:
    path = run / "contents.json"
    content = json.loads(path.read_text())
    content["Phantom_001"]["reference"] = "0" * 128
    path.write_text(json.dumps(content))
    return "case Phantom_001 differs"


@pytest.mark.parametrize("change", [changed_recipe, changed_bookkeeping, other_case, other_content])
def test_figures_of_another_training_are_refused(
    run: Path, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: object
) -> None:
    told, target = change(run), tmp_path / "student.safetensors"  # type: ignore[operator]
    code = main(["export", str(finished_run), "--network", STUDENT, "-o", str(target), "--metrics-from", str(run)])
    assert code == (2 if told else 0)
    assert told in capsys.readouterr().err
    assert target.exists() == (not told)


def test_the_record_holds_no_number_that_is_not_finite(finished_run: Path) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(name)

    for line in (finished_run / "events.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=refuse)
    assert read_events(finished_run / "events.jsonl")[0]
