"""Training the brain student: cases, changes, resuming, model file."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.cli import main
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import write_volume
from kdnet.errors import DataError
from kdnet.model_file import load_model
from kdnet.preparation.brain import BrainExtractor
from kdnet.schema.preprocessing import Intensities
from kdnet.study.brain_cases import COLUMNS, prepare_heads, read_brain_cases
from kdnet.study.brain_changes import HeadChanges, changed_head
from kdnet.study.brain_training import BrainRecipe, BrainTrainer
from made_heads import head


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Four synthetic heads of three people, one held out."""
    with (tmp_path / "cases.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        for index, (person, modality, held_out) in enumerate(
            [("a", "T1", 0), ("a", "T2", 0), ("b", "T1", 0), ("c", "T1", 1)]
        ):
            volume, brain = head(index)
            write_volume(tmp_path / f"{index}.nii.gz", volume)
            write_volume(tmp_path / f"{index}_mask.nii.gz", Volume(brain.astype(np.uint8), volume.grid))
            writer.writerow([person, modality, f"{index}.nii.gz", f"{index}_mask.nii.gz", held_out])
    return tmp_path / "cases.csv"


def test_cases_are_read_and_rare_modalities_drawn_more_often(table: Path) -> None:
    cases = read_brain_cases(table)
    assert [case.held_out for case in cases] == [False, False, False, True]
    heads = prepare_heads(cases[:3], BrainRecipe().preprocessing)
    assert heads[1].weight > heads[0].weight
    assert heads[0].image.min() == 0
    assert heads[0].image.max() == 1
    assert 0.9 < heads[0].share.astype(float).sum() * 64 / 1000 / 1480 < 1.1


def test_a_person_is_held_out_as_a_whole(table: Path) -> None:
    table.write_text(table.read_text().replace("a,T2,1.nii.gz,1_mask.nii.gz,0", "a,T2,1.nii.gz,1_mask.nii.gz,1"))
    with pytest.raises(DataError, match="some scans of a"):
        read_brain_cases(table)


def test_a_table_without_a_column_is_refused(table: Path) -> None:
    table.write_text(table.read_text().replace("held_out", "held"))
    with pytest.raises(DataError, match="columns"):
        read_brain_cases(table)


def test_changes_keep_image_and_brain_together(table: Path) -> None:
    """Without changes of intensity, what is brain has the intensity of brain wherever the head was moved."""
    prepared = prepare_heads(read_brain_cases(table)[:1], BrainRecipe().preprocessing)[0]
    quiet = HeadChanges(tone=0, gamma=0, shading=0, noise=0, thick=0, lesion=0, deface=0, strip=0)
    for seed in range(5):
        image, share = changed_head(prepared, (48, 64, 48), quiet, [seed])
        assert image.shape == share.shape == (1, 48, 64, 48)
        inside = image[share > 0.99]
        assert len(inside) > 1000
        assert (inside > 0.25).float().mean() > 0.9


def test_a_seed_decides_all_changes(table: Path) -> None:
    prepared = prepare_heads(read_brain_cases(table)[:1], BrainRecipe().preprocessing)[0]
    often = HeadChanges(lesion=1, deface=1, strip=0.5, thick=1, cut=1, tone=1, turn=1)
    first, again, other = (changed_head(prepared, (48, 64, 48), often, [seed]) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    assert not torch.equal(first[0], other[0])
    assert first[0].min() >= 0
    assert first[0].max() <= 1
    assert torch.isfinite(first[0]).all()


def test_an_interrupted_training_ends_as_an_uninterrupted_one(table: Path, tmp_path: Path) -> None:
    recipe = replace(BrainRecipe(), network="dynunet-8-shallow", steps=4, patch=(24, 24, 24))
    heads = prepare_heads(read_brain_cases(table)[:2], recipe.preprocessing)
    whole = BrainTrainer(recipe, heads).train(tmp_path / "a", lambda _step, _loss: None, every=2)

    def interrupt(step: int, _loss: float) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        BrainTrainer(recipe, heads).train(tmp_path / "b", interrupt, every=2)
    resumed = BrainTrainer(recipe, heads).train(tmp_path / "b", lambda _step, _loss: None, every=2)
    for one, other in zip(whole.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_commands_make_a_model_and_test_it(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "brain.safetensors"
    assert main(["train-brain", str(table), "-o", str(model), "--steps", "3"]) == 0
    loaded = load_model(model)
    assert loaded.card.preprocessing.intensities is Intensities.RANGE
    assert loaded.card.training_data["people"] == ["a", "b"]
    assert (
        main(["test-brain", str(model), str(table), "-o", str(tmp_path / "scores.csv"), "--threads", "1", "--update"]) == 0
    )
    card = load_model(model).card
    assert card.figures["test_cases"] == 1
    assert set(card.figures["modality_dice"]) == {"t1"}
    assert "1 of 1 people" in capsys.readouterr().out
    with (tmp_path / "scores.csv").open(newline="") as stream:
        assert [row["person"] for row in csv.DictReader(stream)] == ["c"]
    volume, _ = head(5)
    assert BrainExtractor(torch.device("cpu"), model).mask(volume).shape == volume.grid.shape
