"""Which model is selected, and when it follows the volume; without the panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from KDNetLib.ModelInfo import ModelInfo
from KDNetSegmentationLib.ModelSelection import ModelSelection


def model(file: str, *modalities: str, name: str = "Brain tumor student") -> ModelInfo:
    labels: Any = None  # not looked at
    return ModelInfo(Path(file), name, "student", modalities, labels, (2.0, 2.0, 2.0))


FLAIR, T1CE, PAIR = (
    model("flair.safetensors", "flair"),
    model("t1ce.safetensors", "t1ce"),
    model("pair.safetensors", "t1", "t2"),
)
MODELS = (FLAIR, T1CE, PAIR)


@pytest.fixture
def selection() -> ModelSelection:
    """As in a new scene: nothing is remembered."""
    selection = ModelSelection()
    selection.refill(MODELS)
    return selection


def test_the_first_model_is_suggested_in_a_new_scene(selection: ModelSelection) -> None:
    assert (selection.current, selection.index, selection.file) == (FLAIR, 0, "flair.safetensors")


def test_a_suggestion_follows_the_volume(selection: ModelSelection) -> None:
    assert selection.follow(["", "t1ce"], remembered="flair.safetensors")
    assert selection.current is T1CE
    assert not selection.follow(["t1ce"], remembered="t1ce.safetensors")  # it fits already
    assert selection.follow(["flair"], remembered="t1ce.safetensors")


def test_the_first_known_modality_decides(selection: ModelSelection) -> None:
    assert not selection.follow(["flair", "t1ce"], remembered="")
    assert selection.current is FLAIR


@pytest.mark.parametrize("modality", ["", "t2", "adc"])
def test_a_volume_that_no_student_takes_changes_nothing(selection: ModelSelection, modality: str) -> None:
    assert not selection.follow([modality], remembered="")
    assert selection.current is FLAIR


def test_a_selection_of_the_user_stays(selection: ModelSelection) -> None:
    selection.select(0)
    assert not selection.follow(["t1ce"], remembered="flair.safetensors")
    selection.refill(MODELS, remembered="flair.safetensors")  # as after an import
    assert not selection.follow(["t1ce"], remembered="flair.safetensors")
    assert selection.current is FLAIR


def test_a_model_that_the_scene_remembers_is_a_selection_of_the_user(selection: ModelSelection) -> None:
    selection.refill(MODELS, "t1ce.safetensors", remembered="t1ce.safetensors")
    assert selection.current is T1CE
    assert not selection.follow(["flair"], remembered="t1ce.safetensors")


def test_a_remembered_model_that_is_gone_gives_way_to_a_suggestion(selection: ModelSelection) -> None:
    selection.refill(MODELS, "gone.safetensors", remembered="gone.safetensors")
    assert selection.current is FLAIR
    assert selection.follow(["t1ce"], remembered="flair.safetensors")


def test_a_former_name_of_a_shipped_model_is_found() -> None:
    selection, shipped = ModelSelection(), model("Brain tumor T1ce.safetensors", "t1ce")
    former = "Brain tumour T1ce.safetensors"
    selection.refill((FLAIR, shipped), former, remembered=former)
    assert selection.current is shipped
    assert not selection.follow(["flair"], remembered=shipped.path.name)


def test_without_models_nothing_is_selected() -> None:
    selection = ModelSelection()
    selection.refill(())
    assert (selection.current, selection.index, selection.file) == (None, -1, "")
    assert not selection.follow(["t1ce"], remembered="")


def test_models_of_one_title_are_distinguished_by_their_files() -> None:
    selection = ModelSelection()
    selection.refill((T1CE, model("mine.safetensors", "t1ce"), PAIR))
    assert selection.titles() == [
        "Brain tumor student (T1ce) - t1ce.safetensors",
        "Brain tumor student (T1ce) - mine.safetensors",
        "Brain tumor student (T1 + T2)",
    ]
