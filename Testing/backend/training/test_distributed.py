"""What a launcher's variables announce, and how several processes decide together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from kdnet.cli import main
from kdnet.errors import SettingsError
from kdnet.training.distributed import announced_processes, check_device_name
from made_runs import study
from waiting import PATIENCE

RENDEZVOUS = {"RANK": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


def test_without_a_launcher_there_is_one_process() -> None:
    assert announced_processes({}) == 1
    assert announced_processes({"WORLD_SIZE": "1"}) == 1
    assert announced_processes({"WORLD_SIZE": "2", **RENDEZVOUS}) == 2


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE"),
        ({"WORLD_SIZE": ""}, "WORLD_SIZE"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE"),
        ({"WORLD_SIZE": "2"}, "RANK and MASTER_ADDR and MASTER_PORT"),
        ({"WORLD_SIZE": "2", **RENDEZVOUS, "MASTER_ADDR": ""}, "MASTER_ADDR"),
        ({"WORLD_SIZE": "2", **RENDEZVOUS, "RANK": "2"}, "RANK is '2'"),
        ({"WORLD_SIZE": "2", **RENDEZVOUS, "LOCAL_RANK": "x"}, "LOCAL_RANK"),
        ({"WORLD_SIZE": "2", **RENDEZVOUS, "MASTER_PORT": "99999"}, "MASTER_PORT"),
    ],
)
def test_variables_that_were_left_over_are_refused_by_name(variables: dict[str, str], told: str) -> None:
    with pytest.raises(SettingsError, match=told) as caught:
        announced_processes(variables)
    assert "torchrun" in str(caught.value)


def test_a_study_with_a_leftover_variable_ends_in_one_sentence(
    phantom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert main(study(phantom, tmp_path / "run")) == 2
    assert "unset WORLD_SIZE" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_several_processes_do_not_share_one_gpu() -> None:
    check_device_name("cuda:1", 1)
    check_device_name("cpu", 2)
    with pytest.raises(SettingsError, match="--device cuda, so that each"):
        check_device_name("cuda:0", 2)


TOGETHER = """
import sys, torch
from kdnet.errors import DataError
from kdnet.schema.interruption import Interrupted, Stop, StopMode
from kdnet.training.distributed import joined_processes

def failing(rank):
    def work():
        if processes.rank == rank:
            raise DataError(f"case of process {rank}")
        return processes.rank
    return work

def told(call):
    try:
        return call()
    except (DataError, Interrupted) as error:
        return f"{type(error).__name__}: {error}"

def stopped():
    raise Interrupted(Stop(StopMode.PAUSE, "SIGTERM"))

with joined_processes(torch.device("cpu")) as processes:
    rank = processes.rank
    answers = [
        processes.gather(rank), processes.broadcast(rank), processes.total([rank, 1.0]),
        processes.once(lambda: f"made by {rank}"), processes.together(lambda: None),
        told(lambda: processes.once(failing(0))), told(lambda: processes.together(failing(1))),
        told(lambda: processes.once(stopped)),
    ]
    for one in range(2):
        if one == rank:
            print(answers, flush=True)
        processes.gather(None)
"""


@pytest.mark.slow
def test_processes_share_results_and_errors(tmp_path: Path) -> None:
    script = tmp_path / "together.py"
    script.write_text(TOGETHER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE, env=environment)
    answer = (
        "[[0, 1], 0, [1.0, 2.0], 'made by 0', [None, None], 'DataError: case of process 0', "
        "'DataError: case of process 1', 'Interrupted: paused by SIGTERM']"
    )
    assert done.stdout.splitlines() == [answer, answer], done.stderr


GRADIENTS = """
import sys
from contextlib import closing
import numpy as np, torch
from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.schema.labels import brats_labels
from kdnet.schema.network_id import Role
from kdnet.schema.recipe_files import read_recipe
from kdnet.training.batches import load_batches
from kdnet.training.distributed import joined_processes
from kdnet.training.job import TrainingJob
from kdnet.training.learner import Learner
from kdnet.training.optimization import PlateauState

random = np.random.default_rng(0)
labelmap = np.zeros((20, 20, 20), np.uint8)
labelmap[5:15, 5:15, 5:15] = 2
cases = [PreparedCase(f"case{i}", random.normal(size=(1, 20, 20, 20)).astype(np.float32), labelmap) for i in range(2)]
settings = ["network=segresnet-4", "patch=[16,16,16]", "batch=4", "steps=4", "precision=float32", "gradient_clip=0", "workers=0"]
job = TrainingJob("", Role.BASELINE, read_recipe("demo", settings), brats_labels(), (0,), cases, cases[:1], 0)
with joined_processes(torch.device("cpu")) as processes:
    learner = Learner(job, torch.device("cpu"))
    learner.join(processes)
    with closing(load_batches(job, processes, range(1))) as batches:
        learner.backward(next(batches), 0, PlateauState())
    if processes.is_main:
        torch.save({name: value.grad for name, value in learner.module.named_parameters()}, sys.argv[1])
"""


@pytest.mark.slow
def test_two_processes_have_the_gradients_of_one(tmp_path: Path) -> None:
    script = tmp_path / "gradients.py"
    script.write_text(GRADIENTS)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    found = []
    for launcher in ([], torchrun):
        target = tmp_path / f"{len(launcher)}.pt"
        command = [sys.executable, *launcher, str(script), str(target)]
        subprocess.run(command, check=True, timeout=PATIENCE, env=environment)
        found.append(torch.load(target, weights_only=True))
    one, two = found
    largest = max(float(value.abs().max()) for value in one.values())
    assert largest > 1e-3
    for name, value in one.items():
        assert torch.allclose(value, two[name], rtol=0, atol=1e-6 * largest), name
