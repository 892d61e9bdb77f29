"""Which model is selected, and when it follows the volume; without the panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from kdnet.schema.labels import brats_labels, exclusive_labels
from KDNetLib.ModelInfo import ModelInfo
from KDNetSegmentationLib.ModelRanking import ScanKind
from KDNetSegmentationLib.ModelSelection import ModelSelection


def model(
    file: str, *modalities: str, name: str = "Brain tumor student", dice: float = 0.5, cases: int = 42, **card: Any
) -> ModelInfo:
    figures = {"dice": {"ET": dice, "WT": dice}, "test_cases": cases} if cases else {"validation_dice": {"ET": dice}}
    labels = card.pop("labels", brats_labels())
    return ModelInfo(Path(file), name, "student", modalities, labels, (2.0, 2.0, 2.0), figures=figures, **card)


FLAIR, T1CE, PAIR = (
    model("flair.safetensors", "flair"),
    model("t1ce.safetensors", "t1ce", dice=0.6),
    model("pair.safetensors", "t1", "t2"),
)
MODELS = (FLAIR, T1CE, PAIR)


@pytest.fixture
def selection() -> ModelSelection:
    """As in a new scene: nothing is remembered."""
    selection = ModelSelection()
    selection.refill(MODELS)
    return selection


def scans(*modalities: str) -> list[ScanKind]:
    return [ScanKind(modality) for modality in modalities]


def test_the_best_model_is_suggested_in_a_new_scene(selection: ModelSelection) -> None:
    assert (selection.current, selection.index, selection.file) == (T1CE, 1, "t1ce.safetensors")


def test_a_suggestion_follows_the_volume(selection: ModelSelection) -> None:
    assert selection.follow(scans("", "flair"), remembered="t1ce.safetensors")
    assert selection.current is FLAIR
    assert not selection.follow(scans("flair"), remembered="flair.safetensors")  # it fits already
    assert selection.follow(scans("t1ce"), remembered="flair.safetensors")


def test_the_best_pair_of_model_and_scan_is_suggested_whatever_the_order(selection: ModelSelection) -> None:
    selection.follow(scans("flair"), remembered="")
    assert selection.follow(scans("flair", "t1ce"), remembered="flair.safetensors")
    assert selection.current is T1CE


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (model("a", "t2", cases=3, dice=0.1), model("b", "t2", cases=9, dice=0.9, trainingData={"format": "phantom"})),
        (model("a", "t2", cases=42, dice=0.3), model("b", "t2", cases=3, dice=0.9)),
        (model("a", "t2", cases=3, dice=0.1), model("b", "t2", cases=0, dice=0.9)),
        (model("a", "t2", cases=28, dice=0.7), model("b", "t2", cases=42, dice=0.6)),
        (model("a", "t2", dice=0.6), model("b", "t1", "t2", dice=0.9)),
        (model("a", "t2", dice=0.6), model("b", "t2", dice=0.5)),
        (model("a", "t2", cases=3), model("b", "t2", cases=99, labels=exclusive_labels({1: "Prostate"}))),
    ],
    ids=[
        "real before synthetic",
        "cases tested",
        "tested before validated",
        "enough cases tested",
        "one scan before several",
        "mean Dice",
        "brain tumors before others",
    ],
)
def test_models_are_ranked(better: ModelInfo, worse: ModelInfo) -> None:
    selection = ModelSelection()
    selection.refill((worse, better))
    assert selection.current is better
    selection.refill((FLAIR, worse, better), "flair.safetensors")
    selection.follow(scans("t2"), remembered="")
    assert selection.current is better


@pytest.mark.parametrize("synthetic", [False, True])
def test_a_model_of_another_kind_than_the_scan_is_never_suggested(synthetic: bool) -> None:
    data = {} if synthetic else {"format": "phantom"}
    foreign, selection = model("foreign", "t2", trainingData=data), ModelSelection()
    selection.refill((T1CE, foreign))
    assert not selection.follow([ScanKind("t2", synthetic=synthetic)], remembered="")
    assert selection.current is T1CE


def test_a_model_of_another_body_part_is_never_suggested() -> None:
    selection = ModelSelection()
    selection.refill((T1CE, model("prostate", "t2", labels=exclusive_labels({1: "Prostate"}))))
    assert not selection.follow(scans("t2"), remembered="")


@pytest.mark.parametrize("modality", ["", "t2", "adc"])
def test_a_volume_that_no_student_takes_changes_nothing(selection: ModelSelection, modality: str) -> None:
    assert not selection.follow(scans(modality), remembered="")
    assert selection.current is T1CE


def test_a_selection_of_the_user_stays(selection: ModelSelection) -> None:
    selection.select(0)
    assert not selection.follow(scans("t1ce"), remembered="flair.safetensors")
    selection.refill(MODELS, remembered="flair.safetensors")  # as after an import
    assert not selection.follow(scans("t1ce"), remembered="flair.safetensors")
    assert selection.current is FLAIR


def test_a_model_that_the_scene_remembers_is_a_selection_of_the_user(selection: ModelSelection) -> None:
    selection.refill(MODELS, "flair.safetensors", remembered="flair.safetensors")
    assert selection.current is FLAIR
    assert not selection.follow(scans("t1ce"), remembered="flair.safetensors")


def test_a_remembered_model_that_is_gone_gives_way_to_a_suggestion(selection: ModelSelection) -> None:
    selection.refill(MODELS, "gone.safetensors", remembered="gone.safetensors")
    assert selection.current is T1CE
    assert selection.follow(scans("flair"), remembered="t1ce.safetensors")


def test_a_former_name_of_a_shipped_model_is_found() -> None:
    selection, shipped = ModelSelection(), model("Brain tumor T1ce.safetensors", "t1ce")
    former = "Brain tumour T1ce.safetensors"
    selection.refill((FLAIR, shipped), former, remembered=former)
    assert selection.current is shipped
    assert not selection.follow(scans("flair"), remembered=shipped.path.name)


def test_without_models_nothing_is_selected() -> None:
    selection = ModelSelection()
    selection.refill(())
    assert (selection.current, selection.index, selection.file) == (None, -1, "")
    assert not selection.follow(scans("t1ce"), remembered="")


def test_models_of_one_title_are_distinguished_by_their_files() -> None:
    selection = ModelSelection()
    selection.refill((T1CE, model("mine.safetensors", "t1ce"), PAIR))
    assert selection.titles() == [
        "Brain tumor student (T1ce) - t1ce.safetensors",
        "Brain tumor student (T1ce) - mine.safetensors",
        "Brain tumor student (T1 + T2)",
    ]


TOGETHER = model("both.safetensors", "t1ce", "flair", dice=0.7, cases=14)


def of_patient(patient: str, *modalities: str, synthetic: bool = False) -> list[ScanKind]:
    return [ScanKind(modality, synthetic, patient) for modality in modalities]


def test_a_better_model_of_several_scans_of_one_patient_is_suggested() -> None:
    selection = ModelSelection()
    selection.refill((FLAIR, T1CE, TOGETHER))
    assert selection.current is T1CE  # nothing is loaded yet
    assert selection.follow(of_patient("A", "flair", "t2", "t1ce"), remembered="")
    assert selection.current is TOGETHER


@pytest.mark.parametrize(
    "loaded",
    [
        of_patient("A", "t1ce"),
        of_patient("", "t1ce", "flair"),
        [*of_patient("A", "t1ce"), *of_patient("B", "flair")],
        [*of_patient("A", "t1ce"), *of_patient("A", "flair", synthetic=True)],
    ],
    ids=["one is missing", "patient unknown", "two patients", "one is synthetic"],
)
def test_scans_that_may_not_belong_together_are_not_combined(loaded: list[ScanKind]) -> None:
    selection = ModelSelection()
    selection.refill((FLAIR, T1CE, TOGETHER))
    selection.follow(loaded, remembered="")
    assert selection.current is T1CE


def test_a_model_of_several_scans_that_scored_lower_is_not_suggested() -> None:
    selection = ModelSelection()
    selection.refill((FLAIR, T1CE, model("both", "t1ce", "flair", dice=0.55)))
    selection.follow(of_patient("A", "flair", "t1ce"), remembered="")
    assert selection.current is T1CE
