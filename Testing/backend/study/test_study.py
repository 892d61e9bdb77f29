"""Training in real processes: killed and resumed, in two processes, with bad input (tiny networks, real files)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gate import Gate
from kdnet.cli import main
from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.errors import RunFolderError, SettingsError
from kdnet.model_file import load_model
from kdnet.runs.events import EventKind, EventWriter, effective, read_events
from kdnet.runs.folder import open_run
from kdnet.schema.augmentation_settings import Augmentation
from kdnet.schema.labels import brats_labels
from kdnet.schema.model_card import read_card
from kdnet.schema.network_id import Role
from kdnet.schema.recipe_files import read_recipe, recipe_names
from kdnet.schema.study_request import parse_students
from kdnet.study.network_list import plan_networks
from kdnet.study.time_budget import StepTimings, steps_for_budget
from kdnet.training.optimization import PlateauState, learning_rate
from kdnet.training.patches import PatchSampler
from made_runs import end, events, hashes, start, study
from waiting import wait_until


def test_a_study_leaves_models_scores_predictions_and_a_report(finished_run: Path) -> None:
    folder = finished_run / "fold0" / "seed0"
    assert {path.name for path in folder.iterdir()} == {"teacher", "baseline-t1ce", "student-t1ce"}
    student = folder / "student-t1ce"
    assert read_card(student / "model.safetensors").modalities == ("t1ce",)
    scores = json.loads((student / "scores.json").read_text())
    assert len(scores) == 2 * 3
    assert len(list((student / "predictions").glob("*.nii.gz"))) == 2
    assert {path.name for path in (finished_run / "report").iterdir()} == {
        *("report.html", "results.json", "results.md", "scores.csv", "summary.csv")
    }
    assert not list(finished_run.rglob("*.partial*"))
    assert not list(finished_run.rglob("checkpoint.safetensors"))


def test_baseline_and_student_see_the_same_data_and_differ_only_by_what_they_learn_from(finished_run: Path) -> None:
    made = hashes(finished_run)
    assert made["baseline-t1ce"] != made["student-t1ce"]


@pytest.mark.slow
def test_a_run_killed_in_a_step_and_a_test_case_ends_with_the_same_weights(
    phantom: Path, finished_run: Path, tmp_path: Path, gate: Gate
) -> None:
    run = tmp_path / "killed"
    for report in (
        {"event": "step", "network": "fold0/seed0/teacher", "step": 2},
        {"event": "evaluation", "network": "fold0/seed0/baseline-t1ce", "done": 1},
    ):
        gate.close(**report)
        process = start(*study(phantom, run), module=gate.module)
        wait_until(lambda report=report: reported(run, report), process)  # type: ignore[misc]
        process.kill()
        end(process)
    assert main(study(phantom, run)) == 0
    assert hashes(run) == hashes(finished_run)
    for path in run.rglob("*.json"):
        json.loads(path.read_text())
    assert read_events(run / "events.jsonl")[0][-1].event is EventKind.STUDY_FINISHED


def reported(run: Path, values: Mapping[str, object]) -> bool:
    found = read_events(run / "events.jsonl")[0]
    return any(
        values.items() <= {"event": event.event, "network": event.network, **event.values}.items() for event in found
    )


@pytest.mark.slow
def test_ctrl_c_stops_cleanly_and_resume_continues(phantom: Path, finished_run: Path, tmp_path: Path, gate: Gate) -> None:
    run = tmp_path / "stopped"
    gate.close(event="step")
    process = start(*study(phantom, run), module=gate.module)
    wait_until(lambda: events(run, EventKind.STEP), process)
    process.send_signal(signal.SIGINT)
    gate.open()
    code, errors = end(process)
    assert code == 130
    assert "kdnet resume" in errors
    assert main(["resume", str(run)]) == 0
    assert hashes(run) == hashes(finished_run)


@pytest.mark.slow
def test_two_processes_give_the_model_of_one(phantom: Path, finished_run: Path, tmp_path: Path) -> None:
    run = tmp_path / "two"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    arguments = ["-m", "kdnet", *study(phantom, run)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    begun = [*torchrun, *rendezvous, *arguments]
    done = subprocess.run(begun, check=False, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    for name in ("teacher", "baseline-t1ce", "student-t1ce"):
        path = Path("fold0", "seed0", name, "model.safetensors")
        one, two = (load_model(folder / path).network.state_dict() for folder in (finished_run, run))
        for key, value in one.items():
            assert torch.allclose(value, two[key], atol=1e-4), (name, key)


def test_a_run_of_a_version_that_knew_fewer_values_continues(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        assert not run.begin({"recipe": {"steps": 5, "augmentation": {"flip": 0.5}}})
        run.splits.write_text("{}", encoding="utf-8")
        assert run.begin({"recipe": {"steps": 5, "augmentation": {"flip": 0.5, "shading": 0.0}}, "excluded": []})
        with pytest.raises(RunFolderError, match="recipe"):
            run.begin({"recipe": {"steps": 5, "augmentation": {"flip": 0.5, "shading": 0.2}}})


def test_a_student_or_seed_given_twice_is_trained_once() -> None:
    modalities = ("t1", "t1ce", "t2")
    once = plan_networks(modalities, [("t1", "t2")], [0], [0])
    assert plan_networks(modalities, [("t1", "t2"), ("t2", "t1")], [0, 0], [0, 0]) == once


def test_another_request_for_the_same_folder_is_refused(
    phantom: Path, finished_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = shutil.copytree(finished_run, tmp_path / "run")
    assert main(study(phantom, run, "--set", "steps=7")) == 2
    assert "other settings" in capsys.readouterr().err


def test_a_run_is_the_same_however_its_command_was_written(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        assert not run.begin({"seeds": [0], "command": "kdnet study data"})
        run.splits.write_text("{}", encoding="utf-8")
        assert run.begin({"seeds": [0], "command": "kdnet study data --out here"})
        with pytest.raises(RunFolderError, match="seeds"):
            run.begin({"seeds": [1], "command": "kdnet study data"})


def test_a_mistake_in_an_option_does_not_use_up_the_folder(tmp_path: Path) -> None:
    with open_run(tmp_path) as run:
        assert not run.begin({"folds": [7], "command": "kdnet study data --folds 7"})
        assert not run.begin({"folds": [0], "command": "kdnet study data --folds 0"})
        run.splits.write_text("{}", encoding="utf-8")
        assert run.begin({"folds": [0], "command": "kdnet study data --folds 0"})


def test_a_folder_that_another_process_writes_is_refused(tmp_path: Path) -> None:
    with open_run(tmp_path), pytest.raises(RunFolderError, match="another process"), open_run(tmp_path):
        pass


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--student", "pd"], 'no modality "pd"'),
        (["--student", "t1+t1ce+t2+flair"], "nothing to learn"),
        (["--folds", "9"], "no fold 9"),
        (["--set", "distillation.lambda_=2"], "from 0 to 1"),
        (["--set", "stepz=2"], '"stepz"'),
        (["--recipe", "slow"], '"slow"'),
        (["--device", "cuda:9"], "not available"),
        (["--set", "network=vnet"], '"vnet"'),
    ],
)
def test_bad_requests_are_one_sentence(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert main([*study(phantom, tmp_path / "run"), *arguments]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert told in error
    assert error.startswith("kdnet: ")


def test_an_empty_data_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    assert main(study(tmp_path / "data", tmp_path / "run")) == 2
    assert "does not contain cases in a known format" in capsys.readouterr().err


def test_a_sample_depends_on_seed_step_and_slot_alone() -> None:
    noise = np.random.default_rng(0)
    cases = [
        PreparedCase(
            f"c{i}", noise.normal(size=(2, 20, 18, 22)).astype(np.float32), noise.integers(0, 4, (20, 18, 22), np.uint8)
        )
        for i in range(3)
    ]

    def sampler(seed: int) -> PatchSampler:
        settings = Augmentation(noise=0.1, contrast=0.2)
        return PatchSampler(
            cases, brats_labels(), patch=(16, 16, 24), batch=2, foreground=0.5, augmentation=settings, seed=seed
        )

    first, second = sampler(1), sampler(1)
    second.sample(5, 0)
    one, two = first.sample(7, 1), second.sample(7, 1)
    assert torch.equal(one.image, two.image)
    assert torch.equal(one.target, two.target)
    assert one.image.shape == (2, 16, 16, 24)
    assert not torch.equal(one.image, sampler(2).sample(7, 1).image)
    visited = [first.sample(step, slot).case for step in range(3) for slot in range(2)]
    assert sorted(visited[:3]) == sorted(visited[3:]) == ["c0", "c1", "c2"]


def test_the_learning_rate_follows_its_schedule() -> None:
    recipe = replace(read_recipe("fast"), steps=100, lr_warmup_steps=9, learning_rate=1.0)
    assert learning_rate(recipe, 0, PlateauState()) == pytest.approx(0.1)
    assert learning_rate(recipe, 50, PlateauState()) == pytest.approx(0.5**0.9)
    paper = replace(read_recipe("paper"), plateau_patience=2)
    state = PlateauState()
    for loss in (1.0, 1.1, 1.2, 1.3):
        state = state.after(loss, paper)
    assert learning_rate(paper, 0, state) == pytest.approx(1e-4 * 0.2)


@pytest.mark.parametrize(
    ("name", "changes"), [("gpu", ["network=dynunet-8", "window=64", "patch=[64,64,64]"]), ("paper", ["network=dynunet-8"])]
)
@pytest.mark.slow
def test_recipes_for_gpus_take_real_steps(phantom: Path, tmp_path: Path, name: str, changes: list[str]) -> None:
    """With their optimizer, precision, deep supervision, augmentation and losses; on small patches of coarse voxels."""
    run = tmp_path / "run"
    small = [f"--set={change}" for change in ("spacing=[6,6,6]", "patch=[32,32,32]", "batch=1", "workers=0", "steps=3")]
    often = [f"--set={change}" for change in ("validation_every=3", *changes)]
    where = ["--folds", "0", "--student", "t1ce", "--device", "cpu", "--threads", "1", "--out", str(run)]
    assert main(["study", str(phantom), "--recipe", name, *small, *often, *where]) == 0
    steps = events(run, EventKind.STEP)
    assert {event.network: event.values["step"] for event in steps} == dict.fromkeys({e.network for e in steps}, 3)
    assert all(np.isfinite(event.values["losses"]["total"]) for event in steps)
    assert set(hashes(run)) == {"teacher", "baseline-t1ce", "student-t1ce"}


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_survives_json_and_builds_its_networks(name: str) -> None:
    recipe = read_recipe(name)
    assert type(recipe).from_json(recipe.to_json()) == recipe


def test_fast_soft_is_fast_with_the_distillation_of_the_paper() -> None:
    soft, fast, paper = read_recipe("fast-soft"), read_recipe("fast"), read_recipe("paper")
    assert soft == replace(fast, name="fast-soft", init_from_teacher=False, distillation=paper.distillation)


def test_minutes_decide_the_steps_of_every_network_alike() -> None:
    recipe = read_recipe("fast")
    trained = (Role.TEACHER, Role.BASELINE, Role.STUDENT)
    arguments: Any = {"networks": dict.fromkeys(trained, 1), "validation_cases": 4, "tests": 3 * 14}
    fitted = steps_for_budget(recipe, minutes=30, measured=StepTimings((1.0, 1.0, 2.0), 1.0), **arguments)
    assert fitted.steps == int((30 * 60 * 0.9 - 3 * (40 + 42)) / 4)
    controlled: Any = {**arguments, "networks": dict.fromkeys(Role, 1)}
    fitted = steps_for_budget(recipe, minutes=30, measured=StepTimings((1.0, 1.0, 2.0), 1.0), **controlled)
    assert fitted.steps == int((30 * 60 * 0.9 - (4 * 40 + 3 * 42)) / 5), "a control steps like a baseline"
    learning = StepTimings((1.0, 1.0, 2.0), 1.0, decoding=5.0)
    fitted = steps_for_budget(recipe, minutes=30, measured=learning, decoded=36, **arguments)
    assert fitted.steps == int((30 * 60 * 0.9 - 3 * (40 + 42) - 36 * (3 + 5)) / 4), "learning the decoding takes time"
    with pytest.raises(SettingsError, match="give at least"):
        steps_for_budget(recipe, minutes=1, measured=StepTimings((1.0, 1.0, 2.0), 1.0), **arguments)


@pytest.mark.parametrize("speed", [0.001, 0.1, 1.0, 7.3])
def test_the_advised_minimum_is_enough_also_when_the_next_trial_steps_are_slower(speed: float) -> None:
    recipe = read_recipe("fast")
    arguments: Any = {"networks": dict.fromkeys(Role, 1), "validation_cases": 4, "tests": 42}
    with pytest.raises(SettingsError, match=r"give at least \d+ min") as caught:
        steps_for_budget(recipe, minutes=0.001, measured=StepTimings((speed, speed, 2 * speed), speed), **arguments)
    minutes = float(str(caught.value).rsplit(" ", 2)[1])
    slower = StepTimings((1.15 * speed, 1.15 * speed, 2.3 * speed), 1.15 * speed)
    assert minutes >= 1
    assert steps_for_budget(recipe, minutes=minutes, measured=slower, **arguments).steps >= 10


def test_students_of_any_proper_subset_are_planned_after_their_teacher() -> None:
    networks = plan_networks(("t1", "t1ce", "t2"), parse_students("t1ce,t2+t1"), [0], [0, 1])
    assert [network.role for network in networks[:3]] == [Role.TEACHER, Role.BASELINE, Role.STUDENT]
    assert networks[4].key == "fold0/seed0/student-t1+t2"
    assert len(networks) == 10


def test_a_partial_last_event_is_dropped_and_repeated_steps_count_once(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    writer.write(EventKind.STEP, "a", step=1, loss=1)
    writer.close()
    with path.open("a") as stream:
        stream.write('{"time": 1, "ev')
    assert len(read_events(path)[0]) == 1
    writer = EventWriter(path)
    writer.write(EventKind.STEP, "a", step=1, loss=2)
    writer.close()
    assert [event.values["loss"] for event in effective(read_events(path)[0])] == [2]


@pytest.mark.parametrize(
    "changes",
    [
        ["precision=bfloat16", "patch=[32,32,32]"],
        ["student_network=dynunet-8-shallow", "network=segresnet-4"],
        ["workers=1"],
    ],
)
def test_other_settings_train_to_the_end(phantom: Path, tmp_path: Path, changes: list[str]) -> None:
    settings = [part for change in changes for part in ("--set", change)]
    assert main([*study(phantom, tmp_path / "run", "--set", "steps=2", "--set", "validation_every=2"), *settings]) == 0
    assert len(hashes(tmp_path / "run")) == 3
