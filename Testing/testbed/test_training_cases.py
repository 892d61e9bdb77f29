"""Corrected segmentations become training cases: checked, at once or not at all, and without patient data."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from kdnet.collection.store import Collection
from kdnet.data.volumes.io import read_volume
from kdnet.schema.collection import BrainMask, CollectedCase
from kdnet.schema.labels import brats_labels
from KDNetLib.SegmentationNode import labelmap_of, replace_labels, show_labelmap
from segment_editor import paint
from training.conftest import rows

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def folder(panel: Any, tmp_path: Path) -> Iterator[Path]:
    panel.ui.collectionEdit.currentPath = str(tmp_path / "cases")
    panel.cases.running = False
    yield tmp_path / "cases"
    panel.cases.cleanup()


@pytest.fixture
def result(panel: Any, phantom_volume: Any) -> Any:
    """A segmentation of the phantom as the model makes it, but without its work."""
    from KDNetSegmentationLib.CaseSource import record_source
    from KDNetSegmentationLib.Originals import keep_original
    from KDNetSegmentationLib.Provenance import record

    voxels = np.zeros(phantom_volume.GetImageData().GetDimensions()[::-1], np.uint8)
    voxels[20:30, 20:30, 20:30] = 2
    voxels[22:26, 22:26, 22:26] = 3
    node = show_labelmap(voxels, panel.model.labels, phantom_volume)
    keep_original(node, voxels)
    record(node, panel.model, "No brain extraction.", ())
    record_source(node, [phantom_volume], None, BrainMask.NONE)
    panel.showSegmentation(node, phantom_volume)
    return node


def add(panel: Any, wait: Wait) -> str:
    """Click the button and wait; what is shown then."""
    panel.ui.addCaseButton.click()
    wait(lambda: not panel.logic.busy and panel.cases.cases._query is None)
    return panel.ui.casesHint.text


def cases_of(folder: Path) -> tuple[CollectedCase, ...]:
    return Collection(folder).content().cases


EDEMA, CORNER = "label_2", (slice(0, 4), slice(0, 5), slice(0, 6))


def test_a_correction_is_collected_with_its_provenance(panel: Any, phantom_volume: Any, folder: Path, wait: Wait) -> None:
    ui = panel.ui
    ui.inputSelector1.setCurrentNode(phantom_volume)
    assert not ui.addCaseButton.enabled
    ui.applyButton.click()
    wait(lambda: not panel.logic.busy)
    result = panel.parameters.result
    assert ui.addCaseButton.enabled
    assert not ui.casesTable.visible
    model = labelmap_of(result, panel.model.labels, phantom_volume)
    paint(result, phantom_volume, EDEMA, CORNER)
    ui.patientEdit.text = "Lovelace^Ada"
    text = add(panel, wait)
    voxel_ml = abs(np.prod(phantom_volume.GetSpacing())) / 1000
    assert text.startswith("Saved case-001. Corrected: Edema ")
    assert text.endswith("1 case of 1 patient.")
    (case,) = cases_of(folder)
    assert case.changed_ml["Edema"] == pytest.approx(120 * voxel_ml, abs=1e-3)
    assert (case.model, case.modalities, case.brain_mask) == ("Phantom demo", ("t1ce",), BrainMask.NONE)
    header = [ui.casesTable.horizontalHeaderItem(column).text() for column in range(ui.casesTable.columnCount)]
    assert header == ["Case", "Patient", "Modality", "ET mL", "TC mL", "WT mL", "Date"]
    changed = f"{120 * voxel_ml:.1f}"
    assert rows(ui.casesTable) == [["case-001", case.patient[:6], "T1ce", "0.0", "0.0", changed, case.date]]

    part = {name: read_volume(folder / "case-001" / f"case-001_{name}.nii.gz") for name in ("t1ce", "seg", "model")}
    np.testing.assert_array_equal(part["t1ce"].voxels.T, slicer.util.arrayFromVolume(phantom_volume))
    np.testing.assert_array_equal(part["model"].voxels.T, model)
    np.testing.assert_array_equal(part["seg"].voxels.T, labelmap_of(result, panel.model.labels, phantom_volume))
    affine = slicer.util.arrayFromVTKMatrix(_matrix(phantom_volume))
    np.testing.assert_allclose(part["seg"].grid.affine, affine, atol=1e-4)
    for path in folder.rglob("*"):
        assert path.is_dir() or b"lovelace" not in path.read_bytes().lower()
        assert phantom_volume.GetName().lower() not in path.name.lower()


def _matrix(node: Any) -> Any:
    import vtk

    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return matrix


def test_the_same_case_is_corrected_again(panel: Any, phantom_volume: Any, result: Any, folder: Path, wait: Wait) -> None:
    paint(result, phantom_volume, EDEMA, CORNER)
    add(panel, wait)
    (first,) = cases_of(folder)
    assert panel.ui.addCaseButton.text == "Update case-001"
    paint(result, phantom_volume, EDEMA, (slice(4, 8), *CORNER[1:]))
    add(panel, wait)
    (second,) = cases_of(folder)
    assert second.changed_ml["Edema"] == pytest.approx(2 * first.changed_ml["Edema"], abs=2e-3)
    assert (second.patient, second.model, second.scans) == (first.patient, first.model, first.scans)


def test_a_case_is_opened_corrected_and_removed(
    panel: Any, phantom_volume: Any, result: Any, folder: Path, wait: Wait, application: Any
) -> None:
    add(panel, wait)
    slicer.mrmlScene.Clear()
    assert panel.ui.addCaseButton.text == "Add to training cases"
    panel.ui.casesTable.setCurrentCell(0, 0)
    panel.ui.openCaseButton.click()
    wait(lambda: panel.parameters.result is not None)
    node, volume = panel.parameters.result, panel.parameters.resultVolume
    assert node.GetName() == "case-001 segmentation"
    assert panel.ui.addCaseButton.text == "Update case-001"
    assert panel.ui.resultsSection.visible
    assert application.background is volume
    paint(node, volume, EDEMA, CORNER)
    panel.ui.openCaseButton.click()
    assert panel.parameters.result is node, "what was not saved is not lost"
    add(panel, wait)
    (case,) = cases_of(folder)
    assert case.changed_ml["Edema"] > 0
    assert case.model == "Phantom demo"

    application.confirm = False
    panel.ui.removeCaseButton.click()
    assert cases_of(folder) == (case,)
    application.confirm = True
    panel.ui.removeCaseButton.click()
    wait(lambda: panel.cases.cases.names == ())
    assert cases_of(folder) == ()
    assert panel.ui.addCaseButton.text == "Add to training cases"


def test_a_scan_that_is_segmented_again_replaces_its_case_if_the_user_agrees(
    panel: Any, phantom_volume: Any, result: Any, folder: Path, wait: Wait, application: Any
) -> None:
    add(panel, wait)
    (before,) = cases_of(folder)
    from KDNetSegmentationLib.Provenance import record

    again = show_labelmap(labelmap_of(result, panel.model.labels, phantom_volume), panel.model.labels, phantom_volume)
    record(again, panel.model, "", ())
    panel.showSegmentation(again, phantom_volume)
    assert panel.ui.addCaseButton.text == "Add to training cases"
    paint(again, phantom_volume, EDEMA, CORNER)
    application.confirm = False
    assert add(panel, wait).startswith("Nothing was changed.")
    assert cases_of(folder) == (before,)
    application.confirm = True
    assert add(panel, wait).startswith("Saved case-001. Corrected: Edema")
    assert len(cases_of(folder)) == 1


def test_a_segmentation_of_another_tool_counts_the_same(
    panel: Any, phantom_volume: Any, result: Any, folder: Path, wait: Wait
) -> None:
    """An imported labelmap: its segments are named by value, its order differs, and it knows no volume."""
    voxels = labelmap_of(result, panel.model.labels, phantom_volume)
    voxels[CORNER] = 3
    imported = show_labelmap(voxels, brats_labels(), phantom_volume, name="nnInteractive")
    role = type(imported).GetReferenceImageGeometryReferenceRole()
    imported.SetNodeReferenceID(role, None)
    for value in (1, 2, 3):
        segment = imported.GetSegmentation().GetSegment(f"label_{value}")
        segment.SetName(f"Segment_{value}")
        segment.SetTag("KDNet.label", "")
    panel.ui.correctedSelector.setCurrentNode(imported)
    assert "Corrected: " in add(panel, wait)
    (case,) = cases_of(folder)
    np.testing.assert_array_equal(read_volume(folder / "case-001" / "case-001_seg.nii.gz").voxels.T, voxels)
    assert (folder / "case-001" / "case-001_model.nii.gz").is_file()
    assert case.model == "Phantom demo"


def test_no_tumor_has_to_be_confirmed(panel: Any, phantom_volume: Any, result: Any, folder: Path, wait: Wait) -> None:
    replace_labels(result, panel.model.labels, np.zeros_like(_voxels(phantom_volume)), phantom_volume, (1, 2, 3))
    assert add(panel, wait).startswith("the corrected segmentation is empty")
    assert cases_of(folder) == ()
    panel.ui.noTumorCheckBox.click()
    assert add(panel, wait).startswith("Saved case-001, without tumor.")
    assert not panel.ui.noTumorCheckBox.checked, "it is asked each time"
    assert rows(panel.ui.casesTable)[0][3] == "no tumor"


def _voxels(volume: Any) -> Any:
    return slicer.util.arrayFromVolume(volume).astype(np.uint8)


def unknown_segment(panel: Any, result: Any, _volume: Any, _add_volume: Any) -> str:
    result.GetSegmentation().GetSegment(EDEMA).SetName("Cavity")
    result.GetSegmentation().GetSegment(EDEMA).SetTag("KDNet.label", "Other")
    return 'has the segment "Cavity", which is none of Necrotic and non-enhancing core, Edema, Enhancing tumor'


def another_scan(panel: Any, _result: Any, _volume: Any, add_volume: Any) -> str:
    other = add_volume(np.ones((10, 12, 14), np.float32), np.diag([2.0, 2.0, 2.0, 1.0]), "Other patient")
    node = show_labelmap(np.ones((10, 12, 14), np.uint8), brats_labels(), other, name="Theirs")
    panel.ui.correctedSelector.setCurrentNode(node)
    return "Theirs was made for Other patient, whose geometry is not that of"


def unknown_scan(panel: Any, _result: Any, _volume: Any, add_volume: Any) -> str:
    """As a labelmap that was imported from a file."""
    other = add_volume(np.ones((10, 12, 14), np.float32), np.diag([2.0, 2.0, 2.5, 1.0]), "Gone")
    node = show_labelmap(np.ones((10, 12, 14), np.uint8), brats_labels(), other, name="Theirs")
    slicer.mrmlScene.RemoveNode(other)
    panel.ui.correctedSelector.setCurrentNode(node)
    return "Theirs was made for another scan, whose geometry is not that of"


def no_label_at_all(panel: Any, result: Any, _volume: Any, _add_volume: Any) -> str:
    for index in range(3):
        segment = result.GetSegmentation().GetNthSegment(index)
        segment.SetName(f"Organ {chr(65 + index)}")
        segment.SetTag("KDNet.label", "Other")
    return "has no segment named"


def other_folder(panel: Any, _result: Any, _volume: Any, _add_volume: Any) -> str:
    folder = panel.cases.cases.folder
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    return "contains other files: choose an empty or new folder"


def lost_mask(_panel: Any, result: Any, _volume: Any, _add_volume: Any) -> str:
    result.SetAttribute("KDNet.brain", "extracted")
    return "is not in the scene: segment"


@pytest.mark.parametrize(
    "spoil",
    [unknown_segment, another_scan, unknown_scan, no_label_at_all, other_folder, lost_mask],
    ids=lambda f: f.__name__,
)
def test_what_cannot_be_trained_on_is_refused_in_a_sentence(
    panel: Any, phantom_volume: Any, result: Any, folder: Path, wait: Wait, add_volume: Any, spoil: Any
) -> None:
    sentence = spoil(panel, result, phantom_volume, add_volume)
    text = add(panel, wait)
    assert sentence in text
    assert panel.ui.statusLabel.text in text
    assert not list(folder.glob("case-*"))
    assert panel.ui.addCaseButton.enabled, "it can be tried again"


def test_the_brain_mask_of_the_scene_is_applied(
    panel: Any, phantom_volume: Any, folder: Path, wait: Wait, add_volume: Any
) -> None:
    mask = (_voxels(phantom_volume) > 0).astype(np.uint8)
    mask[: len(mask) // 2] = 0
    brain = show_labelmap(mask, brats_labels(), phantom_volume, name="Brain")
    settings = {"brain": "mask", "brainMask": brain, "brainSegment": "label_1"}
    from KDNetSegmentationLib.Settings import Settings

    made = panel.logic.segment(phantom_volume, panel.model, settings=Settings(**settings))
    case = panel.logic.collect(folder, made.segmentationNode, phantom_volume, noTumor=not any(made.volumes.values()))
    assert case.brain_mask is BrainMask.SUPPLIED
    assert case.preparation == "The supplied brain mask was used."
    scan = read_volume(folder / case.name / f"{case.name}_t1ce.nii.gz").voxels.T
    assert not scan[mask == 0].any()
    np.testing.assert_array_equal(scan[mask > 0], slicer.util.arrayFromVolume(phantom_volume)[mask > 0])


def test_a_killed_worker_leaves_no_half_case(
    panel: Any, phantom_volume: Any, result: Any, folder: Path, wait: Wait
) -> None:
    """When the worker dies, the case is there completely or not at all, and adding it again works."""
    panel.ui.addCaseButton.click()
    wait(lambda: panel.logic.worker.pid is not None)
    os.kill(panel.logic.worker.pid, signal.SIGKILL)
    wait(lambda: not panel.logic.busy)
    for case in cases_of(folder):
        assert read_volume(folder / case.name / f"{case.name}_seg.nii.gz").voxels.any()
    assert "worker" in panel.ui.casesHint.text or cases_of(folder)
    add(panel, wait)
    assert [case.name for case in cases_of(folder)] == ["case-001"]


def test_adding_can_be_canceled(panel: Any, phantom_volume: Any, result: Any, folder: Path, wait: Wait) -> None:
    panel.ui.addCaseButton.click()
    assert panel.ui.addCaseButton.text == "Cancel"
    panel.ui.addCaseButton.click()
    assert panel.ui.casesHint.text == "Canceled."
    assert not panel.logic.busy
    assert panel.ui.addCaseButton.text == "Add to training cases"


def test_a_case_that_was_removed_elsewhere_can_be_added_again(
    panel: Any, phantom_volume: Any, result: Any, folder: Path, wait: Wait
) -> None:
    add(panel, wait)
    Collection(folder).remove("case-001")
    assert panel.ui.addCaseButton.text == "Update case-001"
    assert 'no case named "case-001"' in add(panel, wait)
    assert panel.ui.addCaseButton.text == "Add to training cases"
    assert add(panel, wait).startswith("Saved case-001")


def test_a_case_is_added_although_the_scene_is_closed(panel: Any, result: Any, folder: Path, wait: Wait) -> None:
    panel.ui.addCaseButton.click()
    slicer.mrmlScene.Clear()
    wait(lambda: not panel.logic.busy)
    assert [case.name for case in cases_of(folder)] == ["case-001"]
    assert panel.ui.casesHint.text.startswith("Saved case-001")
    assert not panel.ui.addCaseButton.enabled


def test_the_folder_is_remembered(panel: Any, folder: Path) -> None:
    from KDNetLib.CollectionFolder import remembered_collection
    from KDNetSegmentationLib.TrainingCases import TrainingCases

    assert remembered_collection() == folder
    assert TrainingCases(lambda: None, lambda _node, _volume: None).folder == folder


def test_the_model_segmentation_is_saved_with_the_scene(
    panel: Any, phantom_volume: Any, result: Any, tmp_path: Path
) -> None:
    from KDNetSegmentationLib.Originals import original_of

    shape = phantom_volume.GetImageData().GetDimensions()[::-1]
    before = original_of(result, shape)
    np.testing.assert_array_equal(before, labelmap_of(result, panel.model.labels, phantom_volume))
    assert original_of(result, (3, 3, 3)) is None
    slicer.mrmlScene.SetURL(str(tmp_path / "scene.mrml"))
    slicer.mrmlScene.Commit()
    text = (tmp_path / "scene.mrml").read_text(encoding="utf-8")
    assert "KDNet.original" in text
