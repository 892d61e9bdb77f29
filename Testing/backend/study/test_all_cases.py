"""Training on every case, for a model that is to be used (tiny networks, real processes and files)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from kdnet.cli import main
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.model_card import read_card
from kdnet.schema.network_id import Role
from kdnet.schema.study_request import parse_students
from kdnet.study.network_list import plan_networks
from kdnet.study.results import read_results
from made_runs import study

STUDENT = "all/seed0/student-t1ce"


@pytest.fixture(scope="module")
def everything(phantom: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run") / "everything"
    assert main(study(phantom, run, "--folds", "all")) == 0
    return run


@pytest.fixture(scope="module")
def validated(phantom: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("run") / "validated"
    assert main(study(phantom, run, "--folds", "0,1,all")) == 0
    return run


def test_every_case_trains_and_there_is_no_baseline(everything: Path, phantom: Path) -> None:
    names = {path.parent.name for path in phantom.rglob("*flair.nii.gz")}
    ((fold, split),) = json.loads((everything / "splits.json").read_text()).items()
    assert (fold, set(split["train"]), split["test"]) == ("all", names, [])
    assert {path.name for path in (everything / "all/seed0").iterdir()} == {"teacher", "student-t1ce"}
    card = read_card(everything / STUDENT / "model.safetensors")
    assert (card.training_data["cases"], card.training_data["fold"]) == (len(names), "all")
    assert set(card.figures) == {"bfloat16_agreement"}  # scores of cases that it learned from would deceive


def test_the_report_says_that_nothing_was_tested(everything: Path) -> None:
    told = (everything / "report/results.md").read_text(encoding="utf-8")
    assert "none is left to test" in told
    assert "Test folds: none" in told
    assert "not finished" not in told


def test_figures_come_from_the_cross_validation_of_the_same_run(validated: Path, tmp_path: Path) -> None:
    target = tmp_path / "student.safetensors"
    assert main(["export", str(validated), "--network", STUDENT, "-o", str(target)]) == 0
    paths = [validated / f"fold{fold}/seed0/student-t1ce/scores.json" for fold in (0, 1)]
    scores = [score for path in paths for score in json.loads(path.read_text())]
    figures = read_card(target).figures
    assert figures["dice"]["WT"] == pytest.approx(np.mean([s["dice"] for s in scores if s["region"] == "WT"]), abs=1e-4)
    assert figures["test_cases"] == len({score["case"] for score in scores})
    assert figures == read_card(validated / STUDENT / "model.safetensors").figures  # a deployed model tells them too


def test_figures_come_from_the_run_that_is_named(everything: Path, validated: Path, tmp_path: Path) -> None:
    target, other = tmp_path / "student.safetensors", tmp_path / "other.safetensors"
    line = ["export", str(everything), "--network", STUDENT, "-o"]
    assert main([*line, str(target), "--metrics-from", str(validated)]) == 0
    assert main(["export", str(validated), "--network", STUDENT, "-o", str(other)]) == 0
    assert read_card(target).figures == read_card(other).figures


def test_a_model_without_a_test_is_not_exported_as_if_it_had_one(
    everything: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "student.safetensors"
    assert main(["export", str(everything), "--network", STUDENT, "-o", str(target)]) == 2
    assert "--metrics-from" in capsys.readouterr().err
    assert not target.exists()


def test_the_student_of_all_cases_is_the_one_to_deploy(validated: Path) -> None:
    (student,) = read_results(validated).students
    assert student.model is not None
    assert student.model.parent == (validated / STUDENT).resolve()
    assert {case.fold for case in student.cases} == {0, 1}


def test_a_plan_says_that_nothing_is_tested(phantom: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [argument for argument in study(phantom, Path("unused"), "--folds", "all") if argument != "study"]
    arguments = arguments[: arguments.index("--out")] + arguments[arguments.index("--out") + 2 :]
    assert main(["plan", *arguments]) == 0
    assert "none to test" in capsys.readouterr().out


def test_networks_of_all_cases_have_keys() -> None:
    teacher, student = plan_networks(("t1", "t1ce"), parse_students("t1ce"), [ALL_CASES], [0])
    assert (teacher.role, student.role, student.key) == (Role.TEACHER, Role.STUDENT, STUDENT)
