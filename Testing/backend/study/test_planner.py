"""What a study would do and need, before it begins; and the options that decide it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from kdnet.cli import main
from kdnet.data.phantom import write_phantom
from kdnet.schema.formatting import duration
from kdnet.schema.model_card import read_card
from kdnet.schema.recipe_files import read_recipe
from kdnet.schema.study_request import StudyRequest
from kdnet.study.planner import _study_seconds, make_plan
from kdnet.study.setup import PreparedStudy, prepare_study
from kdnet.study.time_budget import StepTimings, steps_for_epochs
from made_runs import study


def plan(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, object], str]:
    capsys.readouterr()
    assert main(["plan", *arguments[1:], "--json"]) == 0
    out, err = capsys.readouterr()
    return json.loads(out), err


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert main(arguments) == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_a_plan_states_what_the_study_then_does(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    run = tmp_path / "run"
    arguments = study(phantom, run, "--exclude", "Phantom_001")
    found, told = plan(arguments, capsys)
    ids = [network["id"] for network in found["networks"]]
    assert ids == [f"fold0/seed0/{name}" for name in ("teacher", "baseline-t1ce", "student-t1ce")]
    assert found["steps"] == 6
    assert found["excluded"] == {"Phantom_001": "excluded on request"}
    (fold,) = found["folds"]
    assert fold["train"] + fold["validation"] + fold["test"] == 5
    assert 0 < found["minutes"] < 2
    assert found["memory_bytes"] > 1e8
    assert "inspecting cases: 6 of 6" in told
    for words in ("3 networks of 6 steps", "cases to train", "Phantom_001"):
        assert words in found["summary"]
    assert not run.exists()
    assert not list((tmp_path / "temporary").iterdir())
    assert main(arguments) == 0
    used = sum(path.stat().st_size for path in run.rglob("*") if path.is_file())
    assert used < found["disk_bytes"] < 4 * used + 6e6
    splits = json.loads((run / "splits.json").read_text(encoding="utf-8"))
    assert {part: len(names) for part, names in splits["fold0"].items()} == {
        part: fold[part] for part in ("train", "validation", "test")
    }


@pytest.mark.parametrize("init", [False, True])
def test_a_student_that_learns_nothing_from_its_teacher_is_warned_of(phantom: Path, init: bool) -> None:
    recipe = read_recipe(
        "demo", ["distillation.lambda_=0", "distillation.gamma=0", f"init_from_teacher={str(init).lower()}"]
    )
    setup = prepare_study(StudyRequest(phantom, (("t1ce",),), recipe, folds=(0,)))
    (warning,) = (text for text in setup.warnings if "Both distillation weights are 0" in text)
    assert ("no loss compares the two" if init else "exactly like its baseline") in warning


def test_a_plan_counts_what_learning_the_decoding_takes(phantom: Path) -> None:
    tiny = replace(read_recipe("demo"), spacing=(6.0, 6.0, 6.0), patch=(16, 16, 16), network="segresnet-4", steps=6)
    setup = prepare_study(StudyRequest(phantom, (("t1ce",),), replace(tiny, decoding_cases=100), folds=(0,)))
    split = setup.split_of(setup.student)
    assert setup.decoded_cases(setup.student) == len(split.train) + len(split.validation)
    timings = StepTimings((1.0, 1.0, 1.0), 1.0, decoding=60.0)
    without = with_decoding(setup, 0)
    seconds = [_study_seconds(each, each.recipe, timings) for each in (without, with_decoding(setup, 2))]
    assert seconds[1] - seconds[0] == 3 * 2 * (60 + 3)


def with_decoding(setup: PreparedStudy, cases: int) -> PreparedStudy:
    return replace(setup, recipe=replace(setup.recipe, decoding_cases=cases))


def test_minutes_are_planned_with_a_reserve(phantom: Path) -> None:
    recipe = replace(read_recipe("demo"), spacing=(6.0, 6.0, 6.0), patch=(16, 16, 16), network="segresnet-4")
    made = make_plan(StudyRequest(phantom, (("t1ce",),), recipe, folds=(0,), minutes=1.0), torch.device("cpu"))
    assert 0.2 < made.minutes <= 1.1
    assert made.steps > 10


@pytest.mark.parametrize(("minutes", "told"), [(0.5, "30 s"), (25.2, "25 min"), (450, "7 h 30 min")])
def test_durations_are_formatted_for_people(minutes: float, told: str) -> None:
    assert duration(60 * minutes) == told


def test_epochs_decide_the_steps(phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = plan(study(phantom, tmp_path / "run", "--epochs", "5"), capsys)
    assert found["steps"] == 5 * 2, "three training cases in batches of two"
    recipe = replace(read_recipe("demo"), batch=4, lr_warmup_steps=5, validation_every=50)
    fitted = steps_for_epochs(recipe, 3, 10)
    assert (fitted.steps, fitted.lr_warmup_steps, fitted.validation_every) == (9, 0, 1)
    assert steps_for_epochs(recipe, 0.01, 10).steps == 1


def test_modalities_of_the_teacher_can_be_chosen(phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    shutil.copytree(phantom, data)
    (data / "Phantom_001" / "Phantom_001_t2.nii.gz").unlink()
    found, _ = plan(study(data, run, "--modalities", "t1,t1ce"), capsys)
    assert found["excluded"] == {}, "what is not used need not be there"
    assert main(study(data, run, "--modalities", "t1,t1ce", "--set", "steps=1")) == 0
    assert read_card(run / "fold0/seed0/teacher/model.safetensors").modalities == ("t1", "t1ce")
    found, _ = plan(study(data, run), capsys)
    assert found["excluded"] == {}, "a case without T2 still trains the student of T1ce"
    assert any("Phantom_001" in note for note in found["warnings"])


def test_names_of_cases_cannot_steer_the_terminal(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, name = tmp_path / "data", "P1\x1b[2J\nP2"
    shutil.copytree(phantom, data)
    for file in list((data / "Phantom_001").iterdir()):
        file.rename(file.with_name(file.name.replace("Phantom_001", name)))
    assert main(["plan", *study(data, tmp_path / "run")[1:], "--exclude", name]) == 0
    out = capsys.readouterr().out
    assert "excluded: P1?[2J?P2" in out
    assert "\x1b" not in out


def test_folds_can_be_dealt_out(phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found, _ = plan(study(phantom, tmp_path, "--fold-count", "2", "--folds", "0,1"), capsys)
    assert [fold["test"] for fold in found["folds"]] == [3, 3]
    data = tmp_path / "data"
    shutil.copytree(phantom, data)
    rows = "".join(f"Phantom_00{number},{number % 3}\n" for number in range(6))
    (data / "cases.csv").write_text("case,fold\n" + rows)
    found, _ = plan(study(data, tmp_path, "--fold-count", "2", "--folds", "0,1,2"), capsys)
    assert [fold["test"] for fold in found["folds"]] == [2, 2, 2], "cases.csv decides where it is there"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--modalities", "t1,pd"), 'does not have the modality "pd"'),
        (("--modalities", "t1ce"), "a teacher needs more modalities"),
        (("--modalities", "t1,t2"), 'no modality "t1ce" for a student'),
        (("--fold-count", "9"), "too few for 9 folds"),
        (("--fold-count", "1"), "at least 2"),
        (("--fold-count", "2", "--folds", "2"), "no fold 2"),
        (("--folds=-1",), '"-1" is not a fold'),
        (("--folds", "0,first"), '"first" is not a fold'),
        (("--folds", "0,"), '"" is not a fold'),
        (("--minutes", "-1"), "positive"),
        (("--minutes", "0.001"), "give at least"),
        (("--minutes", "5", "--epochs", "5"), "one of them"),
        (("--epochs", "-1"), "positive"),
        (tuple(part for case in range(1, 5) for part in ("--exclude", f"Phantom_00{case}")), "2 usable cases"),
    ],
)
@pytest.mark.parametrize("command", ["plan", "study"])
def test_what_makes_no_sense_is_one_sentence(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, options: tuple[str, ...], told: str
) -> None:
    error = refusal([command, *study(phantom, tmp_path / "run", *options)[1:]], capsys)
    assert told in error
    assert error.startswith("kdnet: ")


def test_three_cases_are_enough(tmp_path: Path) -> None:
    write_phantom(tmp_path / "data", cases=3, shape=(28, 33, 26), spacing=6.0)
    assert main(study(tmp_path / "data", tmp_path / "run", "--set", "steps=1")) == 0


def test_folds_for_some_of_the_cases_are_refused(phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    shutil.copytree(phantom, data)
    (data / "cases.csv").write_text("case,fold\nPhantom_001,0\n")
    assert "lists no fold for 5 of 6 cases, for example Phantom_000" in refusal(study(data, tmp_path / "run"), capsys)
    (data / "cases.csv").write_text("case,fold\nSomebodyElse,0\n")
    found, _ = plan(study(data, tmp_path / "run"), capsys)
    assert [fold["test"] for fold in found["folds"]] == [2], "a list of other cases beside the folder means nothing"
