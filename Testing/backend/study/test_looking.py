"""Looking at a run: its results, finished or not, and a case segmented by a network as it is now."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gate import acting
from kdnet.cli import main
from kdnet.data.volumes.io import read_volume
from kdnet.files import write_json
from kdnet.model_file import load_model
from kdnet.runs.control import request_stop
from kdnet.runs.events import EventKind
from kdnet.runs.folder import SCHEMA, NetworkFolder
from kdnet.schema.interruption import StopMode
from kdnet.study import reader as view_module
from kdnet.study.reader import open_readonly
from made_runs import ENDLESS, events, study

STUDENT = "fold0/seed0/student-t1ce"


def copied(run: Path, to: Path) -> Path:
    return Path(shutil.copytree(run, to))


def results(run: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    capsys.readouterr()
    assert main(["results", str(run), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def preview(run: Path, out: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, object]:
    capsys.readouterr()
    assert main(["predict-checkpoint", str(run), *more, "-o", str(out)]) == 0
    return json.loads(capsys.readouterr().out)


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_results_hold_figures_and_the_files_to_look_at(finished_run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = results(finished_run, capsys)
    assert found["missing"] == []
    assert [item["role"] for item in found["networks"]] == ["teacher", "baseline", "student"]
    assert found["teacher"] == ["t1", "t1ce", "t2", "flair"]
    (student,) = found["students"]
    load_model(Path(student["model"]))
    assert [row["region"] for row in student["comparisons"]] == ["ET", "TC", "WT", "mean"]
    dice = [case["dice"]["student"] for case in student["cases"]]
    assert dice == sorted(dice)
    for case in student["cases"]:
        files = found["files"][case["case"]]
        reference = read_volume(Path(files["reference"]["path"]))
        assert set(files["images"]) == {"t1", "t1ce", "t2", "flair"}
        for path in case["labelmaps"].values():
            assert read_volume(Path(path)).grid.matches(reference.grid)
    assert Path(found["report"]).is_file()
    assert main(["results", str(finished_run)]) == 0
    assert "student t1ce against baseline, mean" in capsys.readouterr().out


def test_partial_results_are_reported(finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = copied(finished_run, tmp_path / "partial")
    shutil.rmtree(run / STUDENT)
    shutil.rmtree(run / "report")
    found = results(run, capsys)
    assert [network["id"] for network in found["missing"]] == [STUDENT]
    assert found["report"] is None
    (student,) = found["students"]
    assert student["model"] is None
    assert student["comparisons"] == []
    assert set(student["cases"][0]["dice"]) == {"teacher", "baseline"}
    shutil.rmtree(run / "fold0")
    (run / "events.jsonl").unlink()
    found = results(run, capsys)
    assert (found["networks"], found["scores"], found["students"][0]["cases"]) == ([], [], [])


def test_results_are_read_when_the_data_is_gone(
    finished_run: Path, phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = copied(finished_run, tmp_path / "moved")
    shutil.rmtree(run / STUDENT)
    record = json.loads((run / "study.json").read_text(encoding="utf-8"))
    write_json(run / "study.json", {**record, "data": str(tmp_path / "gone")})
    found = results(run, capsys)
    assert (found["data_there"], found["files"]) == (False, {})
    assert found["labels"]["mode"] == "regions"
    assert found["teacher"] == ["t1", "t1ce", "t2", "flair"]
    told = refusal(["resume", str(run)], capsys)
    assert "gone" in told
    assert "--data FOLDER" in told
    assert "gone" in refusal(
        ["predict-checkpoint", str(run), "--network", STUDENT, "-o", str(tmp_path / "a.nii.gz")], capsys
    )
    assert "not a folder" not in told
    smaller = tmp_path / "smaller"
    shutil.copytree(phantom, smaller)
    shutil.rmtree(smaller / "Phantom_003")
    assert "was started with case Phantom_003" in refusal(["resume", str(run), "--data", str(smaller)], capsys)
    assert main(["resume", str(run), "--data", str(phantom)]) == 0
    assert results(run, capsys)["missing"] == []


@pytest.mark.parametrize(
    "command", [["results"], ["predict-checkpoint", "--network", STUDENT, "-o", "a.nii.gz"], ["resume"]]
)
def test_what_is_not_a_run_or_a_newer_one_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    arguments = [command[0], str(tmp_path), *command[1:]]
    assert "not a run folder" in refusal(arguments, capsys)
    write_json(tmp_path / "study.json", {"schema": SCHEMA + 1})
    assert "newer version" in refusal(arguments, capsys)
    write_json(tmp_path / "study.json", {"schema": SCHEMA})
    assert "damaged" in refusal(arguments, capsys)


def test_a_finished_network_is_previewed_with_its_model(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = preview(finished_run, tmp_path / "a.nii.gz", capsys, "--network", STUDENT)
    assert (found["finished"], found["part"], found["network"]) == (True, "validation", STUDENT)
    assert found["step"] in (3, 6)
    tested = open_readonly(finished_run).splits[0].test[0]
    found = preview(finished_run, tmp_path / "b.nii.gz", capsys, "--network", STUDENT, "--case", tested)
    assert found["part"] == "test"
    kept = read_volume(finished_run / STUDENT / "predictions" / f"{tested}.nii.gz")
    assert np.array_equal(read_volume(Path(found["labelmap"])).voxels, kept.voxels)
    for more, told in ((("--network", "fold9"), "no network"), (("--network", STUDENT, "--case", "X"), 'no case "X"')):
        assert told in refusal(["predict-checkpoint", str(finished_run), *more, "-o", str(tmp_path / "c.nii.gz")], capsys)


@pytest.mark.slow
@pytest.mark.parametrize("ema_decay", ["0", "0.9"])
def test_a_network_in_training_is_previewed_as_it_is(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], ema_decay: str
) -> None:
    run, teacher = tmp_path / "run", "fold0/seed0/teacher"
    more = ("--set", f"ema_decay={ema_decay}", "--set", "deep_supervision=1", "--set", "checkpoint_seconds=0")

    def look() -> None:
        found = preview(run, tmp_path / "a.nii.gz", capsys, "--network", teacher)
        assert found["finished"] is False
        assert found["step"] == 2
        first = next(iter(found["images"].values()))
        image = read_volume(Path(first["path"]), first["component"])
        assert read_volume(Path(found["labelmap"])).grid.matches(image.grid)
        assert "there is no checkpoint of" in refusal(
            ["predict-checkpoint", str(run), "--network", STUDENT, "-o", str(tmp_path / "b.nii.gz")], capsys
        )
        request_stop(run, StopMode.STOP)

    with acting(look, event="step", step=3):
        assert main(study(phantom, run, *ENDLESS, *more)) == 130
    assert events(run, EventKind.STOPPED)


def test_a_training_that_ends_meanwhile_is_previewed_with_its_model(
    finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state for resuming was there when it was looked for, and the model is when it is read."""
    model = NetworkFolder.model
    answers = iter([False])
    original = view_module.load_model

    class Late:
        def exists(self) -> bool:
            return next(answers, True)

    def load(path: object) -> object:
        return original(finished_run / STUDENT / "model.safetensors" if isinstance(path, Late) else path)

    run = copied(finished_run, tmp_path / "run")
    (run / STUDENT / "checkpoint.safetensors").write_bytes(b"gone in this moment")
    monkeypatch.setattr(view_module, "load_model", load)
    monkeypatch.setattr(
        NetworkFolder, "model", property(lambda self: Late() if self.root == run / STUDENT else model.fget(self))
    )
    found = preview(run, tmp_path / "a.nii.gz", capsys, "--network", STUDENT)
    assert found["finished"] is True


def test_figures_are_printed_where_their_signs_cannot_be(finished_run: Path) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "kdnet", "results", str(finished_run)]
    answer = subprocess.run(command, check=True, capture_output=True, encoding="utf-8", env=environment)
    assert " ? " in answer.stdout


def test_an_exported_model_says_how_well_it_did_on_cases_it_had_not_seen(finished_run: Path, tmp_path: Path) -> None:
    target = tmp_path / "student.safetensors"
    assert (
        main(["export", str(finished_run), "--network", STUDENT, "-o", str(target), "--name", "Mine", "--limits", "many"])
        == 0
    )
    exported, original = load_model(target), load_model(finished_run / STUDENT / "model.safetensors")
    scores = json.loads((finished_run / STUDENT / "scores.json").read_text())
    expected = np.mean([score["dice"] for score in scores if score["region"] == "WT"])
    assert (exported.card.name, exported.card.limits) == ("Mine", "many")
    assert exported.card.figures["dice"]["WT"] == pytest.approx(expected, abs=1e-4)
    assert exported.card.figures["test_cases"] == len({score["case"] for score in scores})
    assert {"teacher_dice", "baseline_dice", "validation_dice"} <= exported.card.figures.keys()
    weights = zip(exported.network.state_dict().values(), original.network.state_dict().values(), strict=True)
    assert all(bool((ours == theirs).all()) for ours, theirs in weights)


def test_an_unknown_network_is_not_exported(finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "student.safetensors"
    told = refusal(["export", str(finished_run), "--network", "fold9/seed0/teacher", "-o", str(target)], capsys)
    assert STUDENT in told
    assert not target.exists()
