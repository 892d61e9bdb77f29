"""A training reports through callbacks, saves its state on request, and resumes to the same weights; no run is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.schema.interruption import Interrupted, Stop, StopMode
from kdnet.schema.labels import brats_labels
from kdnet.schema.network_id import Role
from kdnet.schema.recipe import Precision
from kdnet.schema.recipe_files import read_recipe
from kdnet.tensor_file import weights_hash
from kdnet.training.callbacks import StepReport, TrainingCallbacks
from kdnet.training.context import ComputeContext
from kdnet.training.job import TrainingJob
from kdnet.training.trainer import Trainer
from kdnet.training.validation import Validation

CPU = torch.device("cpu")
SMALL = ["network=segresnet-4", "patch=[16,16,16]", "batch=1", "steps=4", "validation_every=2", "checkpoint_seconds=999"]


class Heard(TrainingCallbacks):
    """Notes the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, int]] = []

    def on_start(self, step: int, _steps: int, _precision: Precision) -> None:
        self.calls.append(("start", step))

    def on_step(self, report: StepReport) -> None:
        self.calls.append(("last step" if report.last else "step", report.step))

    def on_validation(self, step: int, _validation: Validation) -> None:
        self.calls.append(("validation", step))


@pytest.fixture
def job() -> TrainingJob:
    random = np.random.default_rng(0)
    labelmap = np.zeros((20, 20, 20), np.uint8)
    labelmap[5:15, 5:15, 5:15] = 2
    cases = [PreparedCase(f"case{i}", random.normal(size=(1, 20, 20, 20)).astype(np.float32), labelmap) for i in range(2)]
    return TrainingJob("the network", Role.BASELINE, read_recipe("demo", SMALL), brats_labels(), (0,), cases, cases[:1], 0)


def test_everything_is_reported_in_order(job: TrainingJob, tmp_path: Path) -> None:
    heard = Heard()
    result = Trainer(job, ComputeContext(CPU), tmp_path / "state.safetensors", heard).train()
    validated = ["start", "step", "step", "validation", "step", "last step", "validation"]
    assert [name for name, _ in heard.calls] == validated
    assert result.step in (2, 4)
    assert result.elapsed.seconds > 0
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("mode", list(StopMode))
def test_a_stopped_training_resumes_to_the_same_weights(job: TrainingJob, tmp_path: Path, mode: StopMode) -> None:
    whole = Trainer(job, ComputeContext(CPU), tmp_path / "whole.safetensors").train()
    path, heard = tmp_path / "state.safetensors", Heard()

    def stop_after_three_steps() -> Stop | None:
        return Stop(mode) if ("validation", 2) in heard.calls else None

    with pytest.raises(Interrupted) as caught:
        Trainer(job, ComputeContext(CPU, pending_stop=stop_after_three_steps), path, heard).train()
    assert caught.value.stop.mode is mode
    assert heard.calls[-1] == ("step", 3)
    resumed = Heard()
    result = Trainer(job, ComputeContext(CPU), path, resumed).train()
    assert resumed.calls == [("start", 3), ("last step", 4), ("validation", 4)]
    assert weights_hash(result.network.state_dict()) == weights_hash(whole.network.state_dict())
    assert (result.step, result.validation) == (whole.step, whole.validation)


def test_without_an_average_the_trained_weights_are_the_model(job: TrainingJob, tmp_path: Path) -> None:
    job = replace(job, recipe=replace(job.recipe, ema_decay=0.0))
    trainer = Trainer(job, ComputeContext(CPU), tmp_path / "state.safetensors")
    assert trainer.learner.evaluated is trainer.learner.module.network
    assert trainer.train().network is trainer.learner.module.network
