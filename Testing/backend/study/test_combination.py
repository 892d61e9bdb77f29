"""``kdnet combine``: one model file from several, with the card and the labels that its parts give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kdnet.cli import main
from kdnet.data.phantom import write_phantom
from kdnet.data.volumes.io import read_volume
from kdnet.inference.precision import BFLOAT16_AGREEMENT
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model, save_model
from kdnet.schema.labels import exclusive_labels
from kdnet.schema.model_card import ModelCard, read_card

DEMO = "Resources/Models/Phantom demo.safetensors"


def variant(repository: Path, path: Path, **changes: Any) -> Path:
    """Write the demo model with another card."""
    model = load_model(repository / DEMO)
    dice = changes.pop("dice", None)
    figures = {**model.card.figures, **({"dice": dice} if dice else {})}
    save_model(path, replace(model.card, figures=figures, **changes), model.network)
    return path


@pytest.fixture
def pair(repository: Path, tmp_path: Path) -> tuple[Path, Path]:
    """The demo model for T1ce, good at the core, and for FLAIR, good at the whole tumor."""
    first, second = {"ET": 0.8, "TC": 0.7, "WT": 0.5}, {"ET": 0.2, "TC": 0.3, "WT": 0.9}
    return (
        variant(repository, tmp_path / "t1ce.safetensors", dice=first, intended_use="core", limits="no edema"),
        variant(repository, tmp_path / "flair.safetensors", modalities=("flair",), dice=second, limits="no core"),
    )


def test_each_region_comes_from_the_model_with_the_best_test_dice(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "both.safetensors"
    assert main(["combine", *map(str, reversed(pair)), "-o", str(out), "--name", "Both"]) == 0
    assert "ET from T1ce, TC from T1ce, WT from FLAIR" in capsys.readouterr().out
    card = read_card(out)
    assert (card.name, card.modalities) == ("Both", ("t1ce", "flair"))
    assert card.network.arguments["sources"] == [[1], [1], [0]]
    assert card.network.arguments["contained"] == [[], [], [0, 1]]
    assert (card.intended_use, card.limits) == ("core", "no core no edema")
    assert "dice" not in card.figures  # it has not been tested
    assert card.figures.get(BFLOAT16_AGREEMENT) == read_card(pair[0]).figures.get(BFLOAT16_AGREEMENT)


def test_the_same_scan_twice_gives_the_labels_of_one_model(
    pair: tuple[Path, Path], repository: Path, tmp_path: Path
) -> None:
    out = tmp_path / "both.safetensors"
    assert main(["combine", *map(str, pair), "-o", str(out)]) == 0
    scan = read_volume(repository / "Resources/SampleData/Phantom_002_t1ce.nii.gz")
    alone = Predictor(load_model(pair[0]), torch.device("cpu")).predict([scan]).labelmap
    both = Predictor(load_model(out), torch.device("cpu")).predict([scan, scan]).labelmap
    assert np.array_equal(both.voxels, alone.voxels)
    assert both.voxels.any()


def test_half_precision_halves_the_file_and_keeps_the_labels(
    pair: tuple[Path, Path], repository: Path, tmp_path: Path
) -> None:
    files = tmp_path / "whole.safetensors", tmp_path / "half.safetensors"
    for path, options in zip(files, ([], ["--half"]), strict=True):
        assert main(["combine", *map(str, pair), "-o", str(path), *options]) == 0
    assert files[1].stat().st_size < 0.6 * files[0].stat().st_size
    scan = read_volume(repository / "Resources/SampleData/Phantom_002_t1ce.nii.gz")
    models = [load_model(path) for path in files]
    assert {value.dtype for value in models[1].network.state_dict().values()} == {torch.float32}
    first, second = (Predictor(model, torch.device("cpu")).predict([scan, scan]).labelmap.voxels for model in models)
    assert np.mean(first != second) < 1e-4


def test_it_is_tested_on_the_cases_given(pair: tuple[Path, Path], tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "both.safetensors"
    write_phantom(data, cases=2, shape=(42, 50, 40), spacing=4.0)
    assert main(["combine", *map(str, pair), "-o", str(out), "--test", str(data), "--case", "Phantom_001"]) == 0
    figures = read_card(out).figures
    assert figures["test_cases"] == 1
    assert set(figures["dice"]) == {"ET", "TC", "WT"}
    assert figures["dice"]["WT"] > 0.2


def test_a_region_can_be_chosen(pair: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "both.safetensors"
    choice = ["--region", "TC=t1ce.safetensors", "--region", f"TC={pair[1]}", "--region", "WT=t1ce.safetensors"]
    assert main(["combine", *map(str, pair), "-o", str(out), *choice]) == 0
    assert read_card(out).network.arguments["sources"] == [[0], [0, 1], [0]]


def untested(card: ModelCard) -> dict[str, Any]:
    return {"figures": {name: value for name, value in card.figures.items() if name != "dice"}}


@pytest.mark.parametrize(
    ("change", "options", "problem"),
    [
        ({}, ["--region", "WT=other.safetensors"], "is not REGION=MODEL with one of the models"),
        ({}, ["--region", "XY=t1ce.safetensors"], 'no region "XY": choose from ET, TC, WT'),
        ({"labels": exclusive_labels({1: "A", 2: "B"})}, [], "find other regions"),
        ({"sliding_window_size": 64}, [], "prepare scans differently"),
        (untested, [], "has no test Dice of ET, so the models cannot be compared: choose with --region ET=MODEL"),
    ],
    ids=["unknown model", "unknown region", "other labels", "other windows", "untested"],
)
def test_models_that_do_not_fit_are_refused_in_a_sentence(
    pair: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Any,
    options: list[str],
    problem: str,
) -> None:
    model = load_model(pair[1])
    changes = change(model.card) if callable(change) else change
    if "labels" in changes:
        changes = {**changes, "decoding": None, "lesion_confidence": None}
    save_model(pair[1], replace(model.card, **changes), model.network)
    out = tmp_path / "both.safetensors"
    assert main(["combine", *map(str, pair), "-o", str(out), *options]) == 2
    assert problem in capsys.readouterr().err
    assert not out.exists()


def test_one_model_or_a_combination_is_refused(
    pair: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "both.safetensors"
    assert main(["combine", str(pair[0]), "-o", str(out)]) == 2
    assert "at least two" in capsys.readouterr().err
    assert main(["combine", *map(str, pair), "-o", str(out)]) == 0
    again = ["combine", str(out), str(pair[0]), "-o", str(tmp_path / "more"), *["--region", "WT=t1ce.safetensors"]]
    assert main([*again, "--region", "TC=t1ce.safetensors", "--region", "ET=t1ce.safetensors"]) == 2
    assert "is a combination already" in capsys.readouterr().err
