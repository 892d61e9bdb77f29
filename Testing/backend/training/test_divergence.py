"""Steps that are not finite change nothing, and a training of nothing else ends with one sentence."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from kdnet.cli import main
from kdnet.errors import RunFolderError, SettingsError
from kdnet.model_file import load_model
from kdnet.networks.fill import first_not_finite
from kdnet.runs.events import EventKind
from kdnet.schema.recipe_files import read_recipe
from kdnet.training.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from kdnet.training.divergence import MOST_IN_A_ROW, Skipped
from kdnet.training.patches import PatchSampler, Sample
from made_runs import events, hashes, study


def poisoned(monkeypatch: pytest.MonkeyPatch, steps: range) -> None:
    """Put a NaN into the images of ``steps``."""
    sample = PatchSampler.sample

    def poisoned_sample(sampler: PatchSampler, step: int, slot: int) -> Sample:
        got = sample(sampler, step, slot)
        return Sample(got.image.fill_(math.nan), got.target, got.case) if step in steps else got

    monkeypatch.setattr(PatchSampler, "sample", poisoned_sample)


def test_one_bad_batch_is_skipped_and_reported(phantom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = tmp_path / "run"
    poisoned(monkeypatch, range(2, 3))
    assert main(study(phantom, run)) == 0
    told = [event.values["text"] for event in events(run, EventKind.WARNING)]
    assert told[0] == "step 3 of fold0/seed0/teacher was skipped: its loss or gradient is not finite."
    assert len(told) == 3
    for path in run.rglob("model.safetensors"):
        assert not first_not_finite(load_model(path).network.state_dict())


def test_bad_batches_only_end_the_training_and_keep_the_last_finite_state(
    phantom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        poisoned(patch, range(2, 99))
        assert main(study(phantom, run, "--set", "steps=40")) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert "fold0/seed0/teacher diverged by step 12" in error
    assert "learning_rate" in error
    state = read_checkpoint(run / "fold0/seed0/teacher/checkpoint.safetensors")
    assert 2 <= state.values["step"] < 12
    assert not hashes(run)


@pytest.mark.parametrize("rate", ["1e9", "1e17"])
def test_an_absurd_learning_rate_leaves_no_model(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rate: str
) -> None:
    run = tmp_path / "run"
    assert main(study(phantom, run, "--set", f"learning_rate={rate}", "--set", "gradient_clip=0")) == 2
    assert "diverged" in capsys.readouterr().err
    assert not hashes(run)


def test_more_skipped_steps_than_done_ones_are_no_training() -> None:
    recipe, skipped = read_recipe("demo", ["steps=9"]), Skipped()
    for step in range(1, 10):
        skipped = skipped.after(finite=step % 2 == 0)
        if step < 9:
            skipped.check("teacher", step, recipe)
    assert skipped == Skipped(1, 5)
    with pytest.raises(SettingsError, match="5 of its 9 steps"):
        skipped.check("teacher", 9, recipe)
    with pytest.raises(SettingsError, match="in a row"):
        Skipped(MOST_IN_A_ROW, MOST_IN_A_ROW).check("teacher", 10, recipe)


def test_a_state_with_weights_that_are_not_finite_is_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, Checkpoint({"step": 1}, {"trainee": {"weight": torch.tensor([1.0, math.nan])}}))
    with pytest.raises(RunFolderError, match="diverged"):
        read_checkpoint(path)


def test_a_state_that_was_read_is_not_held(tmp_path: Path) -> None:
    """Windows neither replaces nor deletes a file that is mapped."""
    path = tmp_path / "state.safetensors"
    write_checkpoint(path, Checkpoint({"step": 1}, {"trainee": {"weight": torch.ones(9)}}, {0: {"exp_avg": torch.ones(9)}}))
    state = read_checkpoint(path)
    if Path("/proc/self/maps").exists():
        assert str(path) not in Path("/proc/self/maps").read_text()
    assert state.optimizer[0]["exp_avg"].sum() == 9
