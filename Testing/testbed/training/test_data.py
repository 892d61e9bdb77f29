"""Choosing data: what is in a folder, what is wrong with it, and what can be learnt from it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import slicer
from gate import Gate
from kdnet.data.phantom import write_phantom

from .conftest import choose_data, rows


def test_a_folder_is_recognized_and_its_cases_are_listed(training: Any, cases: Path, until: Any) -> None:
    choose_data(training, cases, until)
    assert training.ui.dataLabel.text == "BraTS: 6 usable cases."
    assert rows(training.ui.caseTable)[0] == ["Phantom_000", "T1 T1ce T2 FLAIR", "28 x 33 x 26", "1 2 4", ""]
    assert training.data.teacher.checked == ("t1", "t1ce", "t2", "flair")
    assert training.data.student.checked == ("t1ce",)


def test_problems_are_reported_with_their_remedy(training: Any, cases: Path, until: Any, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(cases, folder)
    min(folder.glob("*_001/*_t2.nii.gz")).unlink()
    choose_data(training, folder, until)
    assert "5 usable cases. 1 case has problems." in training.ui.dataLabel.text
    training.ui.caseTable.setCurrentCell(1, 0)
    assert training.ui.caseLabel.visible
    assert "T2 is missing: add the file or exclude the case" in training.ui.caseLabel.text
    training.ui.caseTable.setCurrentCell(0, 0)
    assert not training.ui.caseLabel.visible


def test_a_folder_without_cases_is_reported_in_one_sentence(training: Any, until: Any, tmp_path: Path) -> None:
    training.ui.dataFolderEdit.currentPath = str(tmp_path)
    until(lambda: "does not contain cases in a known format" in training.ui.dataLabel.text)
    assert not training.ui.startButton.enabled
    assert training.ui.inspectButton.enabled
    training.ui.dataFolderEdit.currentPath = str(tmp_path / "missing")
    until(lambda: "is not a folder" in training.ui.dataLabel.text)


def test_an_inspection_can_be_canceled_and_started_again(training: Any, cases: Path, until: Any, held: Gate) -> None:
    held.close(index=2)
    training.ui.dataFolderEdit.currentPath = str(cases)
    until(lambda: training.data.selection.inspecting)
    assert training.ui.inspectButton.text == "Cancel"
    training.ui.inspectButton.click()
    held.open()
    assert "Canceled after" in training.ui.dataLabel.text
    training.ui.inspectButton.click()
    until(lambda: training.data.selection.summary is not None)
    assert len(training.data.selection.cases) == 6


def test_a_double_click_loads_a_case_with_its_reference(training: Any, cases: Path, until: Any) -> None:
    choose_data(training, cases, until)
    for _ in range(2):  # loading it again replaces it
        training.ui.caseTable.cellDoubleClicked.emit(2, 0)
        until(lambda: not training.data.loader.busy)
    assert "Loaded Phantom_002" in training.ui.caseLabel.text
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    assert [node.GetName() for node in volumes] == [f"Phantom_002 {name}" for name in ("T1", "T1ce", "T2", "FLAIR")]
    (node,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    found = slicer.util.arrayFromSegmentBinaryLabelmap(node, "label_3", volumes[0])
    assert found.sum() > 0  # enhancing tumor is 4 in the file and 3 in the label table
    assert slicer.app.background is volumes[1]  # the input of the student


def test_opening_a_case_removes_the_one_before_and_a_click_removes_all(training: Any, cases: Path, until: Any) -> None:
    from vtk.util.numpy_support import vtk_to_numpy

    ui = training.ui
    choose_data(training, cases, until)
    assert not ui.removeCasesButton.enabled
    assert "No case is loaded" in ui.removeCasesButton.toolTip

    def open_case(row: int) -> list[str]:
        ui.caseTable.cellDoubleClicked.emit(row, 0)
        until(lambda: not training.data.loader.busy)
        classes = ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode")
        return [node.GetName() for name in classes for node in slicer.util.getNodesByClass(name)]

    assert {name.split()[0] for name in open_case(0)} == {"Phantom_000"}
    assert {name.split()[0] for name in open_case(1)} == {"Phantom_001"}
    (node,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    node.CreateClosedSurfaceRepresentation()  # shown in 3D: not an edit
    node.GetDisplayNode().SetVisibility(False)
    assert "Phantom_001 reference" not in open_case(2)
    (node,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    image = node.GetSegmentation().GetNthSegment(0).GetRepresentation("Binary labelmap")
    vtk_to_numpy(image.GetPointData().GetScalars())[:10] = 1
    image.Modified()
    names = open_case(3)
    assert names.count("Phantom_002 reference") == 1
    assert len([name for name in names if name.startswith("Phantom_002")]) == 1
    assert "Kept, because it was edited: Phantom_002 reference." in ui.caseLabel.text
    ui.removeCasesButton.click()
    assert [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")] == ["Phantom_002 reference"]
    assert slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") == []
    assert not ui.removeCasesButton.enabled


def test_sentences_about_a_scene_end_with_it(training: Any, cases: Path, until: Any) -> None:
    ui = training.ui
    choose_data(training, cases, until)
    ui.caseTable.cellDoubleClicked.emit(0, 0)
    assert "Loading Phantom_000" in ui.caseLabel.text
    slicer.mrmlScene.Clear()
    assert ui.caseLabel.text == "Loading was canceled."
    ui.caseTable.cellDoubleClicked.emit(0, 0)
    until(lambda: not training.data.loader.busy)
    slicer.mrmlScene.Clear()
    assert not ui.caseLabel.visible


def test_cases_can_be_excluded(training: Any, chosen: Any) -> None:
    import qt

    chosen()
    training.ui.caseTable.item(1, 0).setCheckState(qt.Qt.Unchecked)
    assert list(training.parameters.excludedCases) == ["Phantom_001"]
    assert training.request().excluded == ("Phantom_001",)


def test_too_few_cases_for_the_folds_are_reported(training: Any, chosen: Any) -> None:
    chosen()
    training.ui.foldCountSpinBox.value = 7
    assert not training.ui.startButton.enabled
    assert "6 usable cases, too few for 7 folds" in training.ui.startButton.toolTip
    training.ui.foldCountSpinBox.value = 3
    assert training.ui.startButton.enabled
    training.ui.testFoldsEdit.text = "3"
    assert "no fold 3" in training.ui.startButton.toolTip
    training.ui.testFoldsEdit.text = "first"
    assert '"first" is not a fold' in training.ui.startButton.toolTip


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ((), "Select at least one student modality"),
        (("t1", "t1ce", "t2", "flair"), "needs fewer modalities than its teacher"),
    ],
)
def test_students_that_make_no_sense_are_reported(training: Any, chosen: Any, student: tuple[str, ...], words: str) -> None:
    chosen()
    for name, box in training.data.student.boxes.items():
        box.checked = name in student
    assert words in training.ui.startButton.toolTip


def test_several_students_share_a_teacher(training: Any, chosen: Any) -> None:
    chosen()
    training.data.student.boxes["flair"].checked = True
    assert training.request().students == (("t1ce", "flair"),)
    training.ui.separateCheckBox.checked = True
    assert training.request().students == (("t1ce",), ("flair",))
    training.data.teacher.boxes["flair"].checked = False
    assert "must be a subset of the teacher's" in training.ui.startButton.toolTip


def test_folds_of_the_data_are_taken(training: Any, cases: Path, until: Any, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    shutil.copytree(cases, folder)
    lines = [f"Phantom_{index:03d},{index % 2}" for index in range(6)]
    (folder / "cases.csv").write_text("\n".join(["case,fold", *lines]))
    choose_data(training, folder, until)
    assert training.data.selection.summary.folds == (0, 1)
    assert not training.ui.foldCountSpinBox.enabled
    training.ui.testFoldsEdit.text = "2"
    assert "no fold 2. Choose from 0, 1" in training.data.selection.problem()


def test_all_cases_can_be_trained_on(training: Any, chosen: Any) -> None:
    chosen()
    training.ui.testFoldsEdit.text = "0, all"
    assert training.ui.startButton.enabled
    arguments = training.request().arguments()
    assert arguments[arguments.index("--folds") + 1] == "0,all"


def test_choices_are_saved_and_restored_with_the_scene(training: Any, chosen: Any, until: Any, tmp_path: Path) -> None:
    chosen()
    training.ui.gammaSpinBox.value = 0.7
    training.data.student.boxes["t2"].checked = True
    before = training.request().arguments("plan")
    scene = slicer.mrmlScene
    scene.SetRootDirectory(str(tmp_path))
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    training._stored.forget()
    scene.Clear()
    assert training.data.selection.folder is None
    assert training.ui.caseTable.rowCount == 0
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Import()
    until(lambda: training.data.selection.summary is not None)
    until(lambda: not training.problem())
    assert training.request().arguments("plan") == before


def test_choices_survive_a_closed_scene_and_a_restart(training: Any, chosen: Any, application: Any, until: Any) -> None:
    from .conftest import REPOSITORY

    chosen()
    training.ui.gammaSpinBox.value = 0.7
    training.ui.runNameEdit.text = "mine"
    training.parameters.excludedCases = ["Phantom_001"]
    before = training.request().arguments("plan")
    slicer.mrmlScene.Clear()
    assert training.request().arguments("plan") == before
    assert training.ui.caseTable.rowCount == 6
    assert training.ui.runNameEdit.text == ""  # a name is for one run
    slicer.mrmlScene.RemoveNode(training.parameters.parameterNode)
    training.exit()
    known = application._widgets["KDNetTraining"]
    again = application.open_module("KDNetTraining", REPOSITORY / "KDNetTraining").panel
    try:
        until(lambda: not again.problem())
        assert again.request().arguments("plan") == before
    finally:
        again.cleanup()
        application._widgets["KDNetTraining"] = known
        training.enter()


@pytest.mark.parametrize(
    "text", ["", "[]", "no JSON", '{"gamma": "much", "labels": "martian", "seeds": 3, "processes": 1000}']
)
def test_stored_choices_that_make_no_sense_are_skipped(training: Any, text: str) -> None:
    from KDNetTrainingLib.Runs import InMemorySettings
    from KDNetTrainingLib.StoredChoices import KEY, StoredChoices, as_json

    settings = InMemorySettings()
    settings.setValue(KEY, text)
    before = as_json(training.parameters)
    StoredChoices(settings).restore(training.parameters)
    assert as_json(training.parameters) == before


def test_five_hundred_cases_fill_the_table(training: Any, until: Any, tmp_path: Path) -> None:
    """Without a tight limit on time; Testing/benchmarks/bench_panel.py measures it."""
    write_phantom(tmp_path / "one", cases=1, shape=(16, 16, 16), spacing=6.0)
    (source,) = (folder for folder in (tmp_path / "one").iterdir() if folder.is_dir())
    for index in range(500):
        target = tmp_path / "many" / f"Case_{index:03d}"
        target.mkdir(parents=True)
        for file in source.iterdir():
            (target / file.name.replace(source.name, target.name)).hardlink_to(file)
    choose_data(training, tmp_path / "many", until)
    assert training.ui.caseTable.rowCount == 500
    assert "same voxels as case Case_000" in training.ui.caseTable.item(499, 4).text()
