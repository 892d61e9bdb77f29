"""``kdnet calibrate`` on phantoms: what is learned is in the model file, and applies when it segments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kdnet.cli import main
from kdnet.data.phantom import write_phantom
from kdnet.model_file import load_model, save_model
from kdnet.schema.model_card import read_card

PEOPLE = 8


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phantoms with tumor, and a table of people "without", whose marked lesions all count as false."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_phantom(folder / "data", cases=PEOPLE, shape=(42, 50, 40), spacing=4.0)
    rows = [f"{path.relative_to(folder)},{path.parent.name}-healthy" for path in sorted(folder.rglob("*_t1ce.nii.gz"))]
    (folder / "heads.csv").write_text("\n".join(["scan,person", *rows]))
    return folder


@pytest.fixture
def model(repository: Path) -> Path:
    return repository / "Resources" / "Models" / "Phantom demo.safetensors"


def test_what_is_learned_is_written_to_the_card(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "calibrated.safetensors"
    command = ["calibrate", str(model), str(data / "data"), "-o", str(out), "--without-tumor", str(data / "heads.csv")]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert f"heads: {PEOPLE}" in told
    learned = read_card(out).lesion_confidence
    assert learned is not None
    assert (learned.region, learned.learned_from["tumors"]) == ("WT", PEOPLE)
    assert 0 <= learned.limit <= 0.5
    assert load_model(out).card.figures == load_model(model).card.figures
    other = tmp_path / "other.safetensors"
    assert main(["calibrate", str(model), str(data / "data"), "--like", str(out), "-o", str(other)]) == 0
    assert read_card(other).lesion_confidence == learned


def test_a_model_that_has_seen_all_cases_has_none_to_learn_from(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, mine = tmp_path / "run", tmp_path / "mine.safetensors"
    run.mkdir()
    loaded = load_model(model)
    card = loaded.card
    save_model(mine, type(card)(**{**vars(card), "training_data": {**card.training_data, "fold": 1}}), loaded.network)
    (run / "splits.json").write_text(json.dumps({"fold0": {"train": ["a"], "validation": ["b"], "test": ["c"]}}))
    command = ["calibrate", str(mine), str(data / "data"), "--run", str(run), "-o", str(tmp_path / "o.safetensors")]
    assert main(command) == 2
    assert "has no test cases of the model's fold (1)" in capsys.readouterr().err
    (run / "splits.json").write_text(json.dumps({"fold1": {"train": ["a"], "validation": ["b"], "test": ["c"]}}))
    assert main(command) == 2
    assert "has no case to learn from" in capsys.readouterr().err


def test_a_model_that_was_not_calibrated_has_nothing_to_apply(
    data: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "o.safetensors"
    assert main(["calibrate", str(model), str(data / "data"), "--like", str(model), "-o", str(out)]) == 2
    assert "run kdnet calibrate on it first" in capsys.readouterr().err
    assert not out.exists()
