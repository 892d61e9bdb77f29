"""The whole loop: segment, correct, collect, adapt, deploy, segment again; and what cannot be adapted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import torch
from kdnet.collection.correction import Correction
from kdnet.collection.store import Collection
from kdnet.data.formats.detect import read_dataset
from kdnet.data.references import read_reference
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.model_file import save_model
from kdnet.networks.factory import build_network
from kdnet.schema.adaptation import AdaptationResult, Change
from kdnet.schema.labels import brats_labels
from kdnet.schema.model_card import ModelCard, read_card
from kdnet.schema.network_id import Role
from kdnet.schema.networks import NetworkSpec, preset
from kdnet.schema.preprocessing import Preprocessing
from kdnet.schema.recipe import Recipe
from kdnet.schema.results import Interval
from segment_editor import paint

from .conftest import REPOSITORY, TINY, kill

MODEL = "Tiny student.safetensors"


@pytest.fixture(scope="module")
def student_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained student of a few thousand weights, whose card asks for tiny trainings."""
    shape, labels = preset("segresnet-4"), brats_labels()
    spec = NetworkSpec(shape.architecture, 1, labels.channels, shape.arguments)
    recipe = Recipe.from_json(TINY).to_json()
    torch.manual_seed(0)
    card = ModelCard(Role.STUDENT, "Tiny student", spec, ("t1ce",), labels, Preprocessing((6.0, 6.0, 6.0)), recipe)
    path = tmp_path_factory.mktemp("model") / MODEL
    save_model(path, card, build_network(spec))
    return path


@pytest.fixture
def segmentation(module: Any, student_file: Path, tmp_path: Path) -> Iterator[Any]:
    """The segmentation panel with the tiny student in its library, and an empty folder of training cases."""
    panel = module.panel
    panel.enter()
    panel.logic.library.add(student_file)
    panel.refillModels(MODEL)
    panel.inputs.models.select(panel.inputs.models.index)
    panel.ui.collectionEdit.currentPath = str(tmp_path / "corrections")
    yield panel
    for path in panel.logic.library.folder.glob("*.safetensors"):
        path.unlink()
    panel.cases.cleanup()


@pytest.fixture
def adapting(training: Any, segmentation: Any) -> Iterator[Any]:
    """The training panel with its section for adapting open."""
    training.ui.adaptSection.collapsed = False
    training.parameters.adaptModel = MODEL
    training.parameters.adaptCollection = segmentation.cases.cases.folder
    training.adapt.open()
    training.ui.threadsSpinBox.value = 1
    yield training
    training.adapt.cleanup()
    training.ui.adaptSection.collapsed = True


def collect(folder: Path, *patients: str, modality: str = "t1ce") -> None:
    """Small cases without any image, one for each patient."""
    grid = Grid((9, 10, 11), np.diag([6.0, 6.0, 6.0, 1.0]))
    labels = np.zeros(grid.shape, np.uint8)
    labels[3:6, 3:6, 3:6] = 2
    for seed, patient in enumerate(patients, start=len(list(folder.glob("case-*")))):
        scan = np.random.default_rng(seed).integers(1, 900, grid.shape).astype(np.int16)
        Collection(folder).add(
            Correction({modality: Volume(scan, grid)}, Volume(labels, grid), brats_labels(), patient=patient)
        )


def segment_and_correct(panel: Any, case: Any, labels: Any, until: Any) -> None:
    """Segment a scan, make its segments what the reference says, and add it to the training cases."""
    volume = slicer.util.loadVolume(str(case.images["t1ce"].path))
    panel.ui.inputSelector1.setCurrentNode(volume)
    panel.ui.applyButton.click()
    until(lambda: not panel.logic.busy)
    assert panel.ui.statusLabel.text.startswith("Done in"), panel.ui.statusLabel.text
    node, reference = panel.parameters.result, read_reference(case, labels).voxels.T
    for value in (1, 2, 3):
        paint(node, volume, f"label_{value}", slice(None), erase=True)
    for value in (1, 2, 3):
        paint(node, volume, f"label_{value}", reference == value)
    panel.ui.patientEdit.text = case.name
    panel.ui.addCaseButton.click()
    until(lambda: not panel.cases.running)
    assert panel.ui.casesHint.text.startswith("Saved case-"), panel.ui.casesHint.text


@pytest.mark.slow
@pytest.mark.timeout(900)  # a dozen processes on a busy machine
def test_corrections_teach_the_student(
    adapting: Any, segmentation: Any, cases: Path, until: Any, application: Any, tmp_path: Path
) -> None:
    ui, dataset = adapting.ui, read_dataset(cases)
    for case in dataset.cases[:2]:
        segment_and_correct(segmentation, case, dataset.labels, until)
    segmentation.exit()
    adapting.enter()
    until(lambda: adapting.adapt.adaptation.content is not None)
    assert ui.adaptCasesLabel.text == "2 cases of 2 patients. T1ce."
    ui.adaptButton.click()
    run = adapting.runs.run
    assert run.root.parent == tmp_path / "runs"
    until(lambda: adapting.runs.state in ("running", "finished", "failed"))
    kill(adapting, run)
    until(lambda: adapting.runs.state in ("failed", "finished") and not adapting.logic.alive(run))
    if adapting.runs.state == "failed":
        until(lambda: ui.resumeButton.enabled)
        assert "killed" in ui.runLabel.text
        ui.resumeButton.click()
    until_finished(adapting, run, until)
    until(lambda: "On patients not used for adapting: " in ui.adaptResultLabel.text)
    assert "(2 patients, p = " in ui.adaptResultLabel.text
    assert ui.adaptDeployButton.visible != ui.adaptKeepButton.visible
    assert ui.deployButton.enabled == ui.adaptDeployButton.visible
    found_again(adapting, run, until, application)
    if ui.adaptKeepButton.visible:  # chance decides whether a tiny training helps
        ui.adaptKeepButton.click()
    until(lambda: ui.adaptDeployButton.visible)
    ui.adaptDeployButton.click()
    until(lambda: application.selected[-1:] == ["KDNetSegmentation"])
    assert segmentation.model.path.name == "Tiny student adapted.safetensors"
    card = read_card(segmentation.model.path)
    assert card.training_data["ancestry"][-1]["name"] == "Tiny student"
    segmentation.ui.applyButton.click()
    until(lambda: not segmentation.logic.busy)
    assert segmentation.ui.statusLabel.text.startswith("Done in")
    assert segmentation.parameters.result.GetAttribute("KDNet.model") == "Tiny student adapted.safetensors"
    slicer.util.selectModule("KDNetTraining")


def until_finished(training: Any, run: Any, until: Any) -> None:
    """Wait as long as the run gets on: the patience is for a part of it."""
    events = run.root / "events.jsonl"
    while training.runs.state != "finished":
        size = events.stat().st_size
        until(lambda size=size: training.runs.state == "finished" or events.stat().st_size != size)
        assert training.runs.state != "failed" or training.logic.alive(run), training.ui.runLabel.text


def found_again(training: Any, run: Any, until: Any, application: Any) -> None:
    """Another panel, as after a restart of Slicer, shows the adaptation."""
    training.exit()
    before = application._widgets["KDNetTraining"]
    again = application.open_module("KDNetTraining", REPOSITORY / "KDNetTraining").panel
    try:
        until(lambda: again.runs.run == run and again.result.results is not None)
        until(lambda: "On patients not used for adapting: " in again.ui.adaptResultLabel.text)
    finally:
        again.cleanup()
        application._widgets["KDNetTraining"] = before
    training.enter()


@pytest.mark.parametrize(
    ("patients", "modality", "sentence"),
    [
        ((), "t1ce", "has no training cases: add some in KDNetSegmentation"),
        (("A",), "t1ce", "All cases are of one patient"),
        (("A", "a "), "t1ce", "All cases are of one patient"),
        (("A", "B"), "flair", "The model needs T1ce, which no training case has"),
        (("A", "B"), "t1ce", ""),
    ],
)
def test_what_cannot_be_adapted_is_said_before(
    adapting: Any, until: Any, tmp_path: Path, patients: tuple[str, ...], modality: str, sentence: str
) -> None:
    collect(tmp_path / "corrections", *patients, modality=modality)
    adapting.adapt.open()
    adapting.update()
    until(lambda: adapting.adapt.adaptation.content is not None)
    assert sentence in adapting.ui.adaptCasesLabel.text
    assert adapting.ui.adaptButton.enabled == (not sentence)
    adapting.ui.adaptForceCheckBox.checked = True
    assert adapting.ui.adaptButton.enabled == (not sentence or "one patient" in sentence)
    adapting.ui.adaptForceCheckBox.checked = False


def test_a_folder_of_something_else_and_a_file_that_is_no_model(adapting: Any, until: Any, tmp_path: Path) -> None:
    ui = adapting.ui
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("mine")
    ui.adaptCollectionEdit.currentPath = str(tmp_path / "thesis")
    until(lambda: "contains other files" in ui.adaptCasesLabel.text)
    selector = ui.adaptModelSelector
    selector.currentIndex = selector.count - 1
    assert ui.adaptModelFileEdit.visible
    assert "Choose a model" in ui.adaptButton.toolTip
    ui.adaptModelFileEdit.currentPath = str(tmp_path / "thesis" / "chapter.txt")
    assert "chapter.txt is not a model file" in ui.adaptButton.toolTip
    assert not ui.adaptButton.enabled


def test_a_refusal_of_the_backend_is_shown(adapting: Any, until: Any, tmp_path: Path) -> None:
    collect(tmp_path / "corrections", "A", "B")
    (tmp_path / "empty").mkdir()
    adapting.parameters.adaptUnlabeled = tmp_path / "empty"
    adapting.adapt.open()
    adapting.update()
    until(lambda: adapting.ui.adaptButton.enabled)
    adapting.ui.adaptButton.click()
    run = adapting.runs.run
    until(lambda: not adapting.logic.alive(run))
    until(lambda: str(tmp_path / "empty") in adapting.ui.runLabel.text)


def test_choices_become_arguments(adapting: Any, until: Any, tmp_path: Path) -> None:
    collect(tmp_path / "corrections", "A", "B")
    adapting.adapt.open()
    adapting.update()
    until(lambda: adapting.adapt.adaptation.content is not None)
    adapting.parameters.adaptMinutes = 5.0
    adapting.parameters.adaptUnlabeled = tmp_path / "more"
    adapting.parameters.adaptForce = True
    request = adapting.adapt.adaptation.request()
    run = tmp_path / "runs" / "adapt-corrections-Tiny student"
    model = str(adapting.adapt.adaptation.model.path)
    assert request.arguments() == [
        *("adapt", model, str(tmp_path / "corrections"), "--out", str(run / "Tiny student adapted.safetensors")),
        *("--unlabeled", str(tmp_path / "more"), "--minutes", "5", "--force", "--threads", "1", "--run", str(run)),
    ]
    run.mkdir(parents=True)
    assert adapting.adapt.adaptation.request().run.name == "adapt-corrections-Tiny student-2"


CHANGE = Change(0.61, 0.68, 8, 8, Interval(0.07, 0.02, 0.12), 0.02, 7)


def test_the_result_in_sentences(training: Any) -> None:
    from KDNetTrainingLib.ResultText import adaptation_text

    better = AdaptationResult("T1ce", CHANGE, written=Path("adapted.safetensors"))
    assert adaptation_text(better) == (
        "On patients not used for adapting: 0.61 -> 0.68 (8 patients, p = 0.02). The adapted model is better than before."
    )
    worse = replace(better, corrected=replace(CHANGE, difference=Interval(-0.1, -0.2, 0.0)), written=None)
    assert adaptation_text(worse).endswith("The adapted model is not better than before. Therefore it is not offered.")
    assert training.ui is not None


def test_a_model_that_is_not_better_is_not_offered(training: Any) -> None:
    from kdnet.schema.run_results import RunResults, StudentResult

    student = StudentResult(("t1ce",), Path("model.safetensors"), (), ())
    results = RunResults(Path("data"), students=(student,), adapts=True)
    assert results.offered(student) is None, "not finished"
    results = replace(results, adaptation=AdaptationResult("T1ce", CHANGE))
    assert results.offered(student) is None
    written = replace(results, adaptation=AdaptationResult("T1ce", CHANGE, written=Path("adapted.safetensors")))
    assert written.offered(student) == Path("adapted.safetensors")
    assert RunResults.from_json(json.loads(json.dumps(written.to_json()))).adaptation == written.adaptation
