"""What the panel remembers, checks and offers beside segmenting."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from gate import Gate

Wait = Callable[[Callable[[], bool]], None]


def test_choices_are_saved_and_restored_with_the_scene(panel: Any, phantom_volume: Any, wait: Wait, tmp_path: Path) -> None:
    panel.ui.islandSpinBox.value = 50
    panel.ui.inputSelector1.setCurrentNode(phantom_volume)
    panel.ui.deviceSelector.currentIndex = 3
    panel.ui.applyButton.click()
    wait(lambda: not panel.logic.busy)
    rows = panel.ui.volumesTable.rowCount
    whole = panel.ui.volumesTable.item(4, 1).text()
    scene = slicer.mrmlScene
    scene.SetRootDirectory(str(tmp_path))
    for node, suffix in ((phantom_volume, "nrrd"), (panel.parameters.result, "seg.nrrd")):
        if node.GetStorageNode() is None:
            node.AddDefaultStorageNode()
        node.GetStorageNode().SetFileName(str(tmp_path / f"node.{suffix}"))
        assert node.GetStorageNode().WriteData(node)
    scene.SetURL(str(tmp_path / "scene.mrml"))
    assert scene.Commit()
    panel._stored.forget()
    scene.Clear()
    assert panel.parameters.inputVolume is None
    assert panel.parameters.minComponent == 0
    assert not panel.ui.resultsSection.visible
    scene.SetURL(str(tmp_path / "scene.mrml"))
    scene.Import()
    assert panel.parameters.inputVolume.GetName() == phantom_volume.GetName()
    assert panel.ui.islandSpinBox.value == 50
    assert panel.ui.deviceSelector.currentText == "CPU"
    assert panel.ui.inputSelector1.currentNode() is panel.parameters.inputVolume
    assert panel.ui.resultsSection.visible
    assert panel.ui.volumesTable.rowCount == rows
    assert panel.ui.volumesTable.item(4, 1).text() == whole
    assert panel.ui.applyButton.enabled


def test_settings_of_a_scene_of_version_0_1_are_restored(panel: Any, tmp_path: Path) -> None:
    panel.ui.islandSpinBox.value = 50
    panel.ui.flipsCheckBox.checked = True
    scene, path = slicer.mrmlScene, tmp_path / "scene.mrml"
    scene.SetURL(str(path))
    assert scene.Commit()
    text = path.read_text()
    assert "minComponent" in text
    path.write_text(text.replace("minComponent", "smallestIsland").replace("tta", "flips"))
    panel._stored.forget()
    scene.Clear()
    assert not panel.ui.flipsCheckBox.checked
    scene.SetURL(str(path))
    scene.Import()
    assert (panel.parameters.minComponent, panel.parameters.tta) == (50, True)
    assert (panel.ui.islandSpinBox.value, panel.ui.flipsCheckBox.checked) == (50, True)
    assert "flips" not in panel.parameters.parameterNode.GetParameterNames()


def test_settings_that_are_not_about_a_scan_survive_a_closed_scene(panel: Any, phantom_volume: Any, tmp_path: Path) -> None:
    panel.ui.islandSpinBox.value = 50
    panel.ui.deviceSelector.currentIndex = 3
    panel.ui.forceCheckBox.checked = True
    panel.ui.batchInput.currentPath = str(tmp_path)
    slicer.mrmlScene.Clear(0)
    assert (panel.ui.islandSpinBox.value, panel.ui.deviceSelector.currentText) == (50, "CPU")
    assert panel.ui.batchInput.currentPath == str(tmp_path)
    assert not panel.parameters.force  # for one scan only


def test_the_card_shows_what_the_model_needs_and_can_do(panel: Any) -> None:
    card = panel.ui.modelCard.text
    for text in ("T1ce", "Edema", "synthetic", "ET 0.88", "research use only"):
        assert text in card


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("FLAIR axial", "looks like FLAIR"),
        ("t2w", "looks like T2"),
        ("ADC map", "appears to be a map"),
        ("T1 post contrast", ""),
        ("Scan 7", ""),
    ],
)
def test_a_volume_of_another_modality_is_warned_of(panel: Any, phantom_volume: Any, name: str, words: str) -> None:
    phantom_volume.SetName(name)
    panel.ui.inputSelector1.setCurrentNode(phantom_volume)
    assert panel.ui.warningLabel.visible == bool(words)
    assert words in panel.ui.warningLabel.text
    assert panel.ui.applyButton.enabled


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"0008,103e": "AX T2 FLAIR"}, "looks like FLAIR"),
        ({"0008,103e": "SAG T1 MPRAGE", "0018,0010": "Gadovist"}, ""),
        ({"0008,103e": "head", "0008,0060": "CT"}, "is a CT image"),
    ],
)
def test_what_dicom_says_counts_before_the_name_with_a_mock_database(
    panel: Any, phantom_volume: Any, monkeypatch: pytest.MonkeyPatch, values: dict[str, str], words: str
) -> None:
    database = SimpleNamespace(instanceValue=lambda _identifier, tag: values.get(tag, ""))
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    phantom_volume.SetName("T1ce")
    phantom_volume.SetAttribute("DICOM.instanceUIDs", "1.2.3 1.2.4")
    panel.ui.inputSelector1.setCurrentNode(phantom_volume)
    assert words in panel.ui.warningLabel.text
    assert panel.ui.warningLabel.visible == bool(words)


def test_a_whole_head_and_thick_slices_are_warned_of(panel: Any, add_volume: Callable[..., Any]) -> None:
    voxels = np.zeros((30, 100, 100), np.int16)
    voxels[1:-1, 10:90, 10:90] = 100
    panel.ui.inputSelector1.setCurrentNode(add_volume(voxels, np.diag([2.0, 2.0, 8.0, 1.0])))
    assert "whole head" in panel.ui.warningLabel.text
    assert "8.0 mm apart" in panel.ui.warningLabel.text


def test_traces_of_an_interpolation_do_not_make_a_brain_a_whole_head(panel: Any, add_volume: Callable[..., Any]) -> None:
    voxels = np.zeros((100, 100, 100), np.float32)
    voxels[1:-1, 1:-1, 1:-1] = np.random.default_rng(0).normal(0, 1e-3, (98, 98, 98))
    voxels[25:75, 25:75, 25:75] = 100
    panel.ui.inputSelector1.setCurrentNode(add_volume(voxels, np.diag([2.0, 2.0, 2.0, 1.0])))
    assert "whole head" not in panel.ui.warningLabel.text


def test_a_parent_transform_counts_for_the_orientation(panel: Any, add_volume: Callable[..., Any]) -> None:
    from KDNetLib.Geometry import affine_of

    volume = add_volume(np.zeros((4, 5, 6), np.int16), np.diag([2.0, 1.0, 3.0, 1.0]))
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    volume.SetAndObserveTransformNodeID(transform.GetID())
    reoriented = np.array([[0, -1, 0, 5], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(reoriented.ravel())
    transform.SetMatrixTransformToParent(matrix)
    assert np.allclose(affine_of(volume), reoriented @ np.diag([2.0, 1.0, 3.0, 1.0]))
    reoriented[0, 0] = 1.0  # a shear is no orientation
    matrix.DeepCopy(reoriented.ravel())
    transform.SetMatrixTransformToParent(matrix)
    assert np.allclose(affine_of(volume), np.diag([2.0, 1.0, 3.0, 1.0]))


@pytest.mark.parametrize(("device", "words"), [("CUDA", "does not detect this device"), ("CPU", "thread")])
def test_a_device_is_looked_for_when_it_is_chosen(panel: Any, wait: Wait, device: str, words: str) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("a CUDA device is here")
    choices = type(panel.parameters.device)
    panel.parameters.device = choices[device]
    wait(lambda: words in panel.ui.deviceHint.text)
    assert panel.ui.deviceHint.visible
    panel.parameters.device = choices.AUTO
    assert not panel.ui.deviceHint.visible


def states(panel: Any) -> dict[str, str]:
    """What the table of the batch says of each case."""
    table = panel.ui.batchTable
    return {table.item(row, 0).text(): table.item(row, 1).text() for row in range(table.rowCount)}


def test_a_canceled_batch_says_what_is_not_done(
    panel: Any, phantom: Path, model_file: Path, wait: Wait, tmp_path: Path, gate: Gate
) -> None:
    gate.close(stage="batch", done=1)
    (tmp_path / "in").mkdir()
    for index, file in enumerate(sorted(phantom.rglob("*_t1ce.nii.gz"))[:3]):
        (tmp_path / "in" / f"scan{index}.nii.gz").write_bytes(file.read_bytes())
    panel.logic.library.add(model_file)
    panel.refillModels("tiny.safetensors")
    panel.ui.batchInput.currentPath = str(tmp_path / "in")
    panel.ui.batchOutput.currentPath = str(tmp_path / "out")
    panel.ui.batchButton.click()
    wait(lambda: panel.ui.batchTable.rowCount == 3)
    panel.ui.batchButton.click()
    assert "Not segmented" in states(panel).values()
    assert "Canceled" in panel.ui.statusLabel.text


def test_a_batch_of_five_continues_after_a_bad_file(
    panel: Any, phantom: Path, model_file: Path, wait: Wait, tmp_path: Path, gate: Gate
) -> None:
    gate.close(stage="batch", done=0)
    (tmp_path / "in").mkdir()
    for index, file in enumerate(sorted(phantom.rglob("*_t1ce.nii.gz"))[:4]):
        (tmp_path / "in" / f"scan{index}.nii.gz").write_bytes(file.read_bytes())
    (tmp_path / "in" / "scan9.nii.gz").write_bytes(b"nothing")
    panel.logic.library.add(model_file)
    panel.refillModels("tiny.safetensors")
    assert not panel.ui.batchButton.enabled
    panel.ui.batchInput.currentPath = str(tmp_path / "in")
    panel.ui.batchOutput.currentPath = str(tmp_path / "out")
    panel.ui.batchButton.click()
    assert panel.ui.batchButton.text == "Cancel"
    wait(lambda: panel.ui.batchTable.rowCount == 5)
    assert states(panel)["scan3"] == "Waiting"
    assert "Segmenting..." in states(panel).values()
    gate.open()
    wait(lambda: not panel.logic.busy)
    assert len(states(panel)) == 5
    assert "mL" in states(panel)["scan0"]
    assert "is not a NIfTI file" in states(panel)["scan9"]
    assert "Segmented 4 of 5 cases, 1 failed" in panel.ui.statusLabel.text
    assert len(list((tmp_path / "out").glob("*_seg.nii.gz"))) == 4
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 0
    (tmp_path / "in" / "scan0_t1ce.nii.gz").write_bytes((tmp_path / "in" / "scan0.nii.gz").read_bytes())
    (tmp_path / "in" / "scan0_mask.nii.gz").write_bytes(b"")
    panel.ui.batchButton.click()
    wait(lambda: not panel.logic.busy)
    assert "does not state its modality" in states(panel)["scan1"]
    assert (
        "Segmented 1 of 6 cases, 0 failed, 5 skipped. Files ignored as labelmaps, masks, or maps: 1."
        in panel.ui.statusLabel.text
    )
    for name in ("scan0_t1ce", "scan9"):
        (tmp_path / "in" / f"{name}.nii.gz").unlink()
    panel.ui.batchButton.click()
    wait(lambda: not panel.logic.busy)
    assert states(panel)["scan0"].startswith("Already segmented. ")
    assert "Segmented 0 of 4 cases, 0 failed, 4 already segmented" in panel.ui.statusLabel.text


def test_a_good_model_is_imported_and_chosen_and_can_be_removed(panel: Any, model_file: Path, wait: Wait) -> None:
    import qt

    qt.QFileDialog.answer = str(model_file)
    panel.ui.importButton.click()
    wait(lambda: not panel.logic.busy)
    assert panel.model.name == "Tiny"
    assert "Imported" in panel.ui.statusLabel.text
    panel.ui.modelList.setCurrentRow(0)
    assert panel.ui.removeButton.enabled
    panel.ui.removeButton.click()
    assert panel.model.bundled
    panel.ui.modelList.setCurrentRow(0)
    assert not panel.ui.removeButton.enabled


def test_a_scene_with_the_former_name_of_a_shipped_model_selects_it(panel: Any) -> None:
    panel.parameters.model = "Brain tumour T2.safetensors"
    panel.exit()
    panel.enter()
    assert panel.model.path.name == panel.parameters.model == "Brain tumor T2.safetensors"
    assert panel.model.modalities == ("t2",)


def test_models_of_one_name_can_be_distinguished(panel: Any, model_file: Path) -> None:
    panel.logic.library.add(model_file)
    panel.logic.library.add(model_file)
    panel.refillModels()
    texts = [panel.ui.modelSelector.itemText(index) for index in range(panel.ui.modelSelector.count)]
    assert sum("Tiny" in text for text in texts) == 2
    assert len(set(texts)) == len(texts)


def test_a_broken_model_is_refused_with_the_reason(panel: Any, model_file: Path, wait: Wait, tmp_path: Path) -> None:
    import qt

    content = bytearray(model_file.read_bytes())
    content[-1] ^= 1
    for name, data, reason in (
        ("altered", bytes(content), "was modified"),
        ("truncated", bytes(content[:2000]), "truncated"),
        ("pickled", b"PK\x03\x04", "pickled"),
    ):
        (tmp_path / f"{name}.safetensors").write_bytes(data)
        qt.QFileDialog.answer = str(tmp_path / f"{name}.safetensors")
        panel.ui.importButton.click()
        wait(lambda: not panel.logic.busy)
        assert reason in panel.ui.statusLabel.text
    assert not list(panel.logic.library.folder.glob("*.safetensors"))


def test_sample_data_are_registered_with_checksums(module: Any, application: Any, monkeypatch: Any) -> None:
    import types

    registered: list[dict[str, Any]] = []
    logic = types.SimpleNamespace(registerCustomSampleDataSource=lambda **source: registered.append(source))
    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=logic))
    for slot in application.startup:
        slot()
    assert [source["sampleName"] for source in registered[:2]] == ["KDNetPhantom", "KDNetBraTS"]
    assert all(Path(source["thumbnailFileName"]).is_file() for source in registered)
    assert all(len(checksum) == 71 for checksum in registered[1]["checksums"])
    assert Path(registered[0]["uris"][0].removeprefix("file://")).is_file()


def test_the_self_tests_of_the_module_pass(module: Any) -> None:
    sys.modules["KDNetSegmentation"].KDNetSegmentationTest().runTest()


@pytest.mark.parametrize(
    ("names", "file"),
    [
        (["P1_flair", "P1_t1ce"], "Brain tumor T1ce FLAIR.safetensors"),
        (["P1_t1ce", "P1_t2"], "Brain tumor T1ce T2.safetensors"),
        (["P1_t1", "P1_t1ce", "P1_t2", "P1_flair"], "Brain tumor T1 T1ce T2 FLAIR.safetensors"),
        (["P1_t1ce", "P2_flair"], "Brain tumor T1ce.safetensors"),
        (["t1ce", "flair"], "Brain tumor T1ce.safetensors"),
    ],
    ids=["T1ce and FLAIR", "T1ce and T2", "all four", "of two patients", "of unknown patients"],
)
def test_the_scans_of_one_patient_are_used_together(
    panel: Any, application: Any, add_volume: Callable[..., Any], names: list[str], file: str
) -> None:
    panel.inputs.models.refill(panel.logic.models())  # as in a new scene, where nothing was selected
    for name in names:
        add_volume(np.random.default_rng(0).integers(0, 99, (20, 24, 22)).astype(np.int16), np.eye(4), name)
    application.process_events()
    assert panel.model.path.name == file
    inputs = [volume.GetName() for volume in panel.inputs.selected()]
    assert set(inputs) <= set(names)
    assert len(inputs) == len(panel.model.modalities)


@pytest.mark.real
def test_a_real_case_gives_overlays_at_one_millimeter(panel: Any, real_cases: Path, wait: Wait) -> None:
    """The demo model knows no patients, so only place, grid and the panel's answer are looked at."""
    file = min((real_cases / "1mm").rglob("*_t1ce.nii.gz"))
    volume = slicer.util.loadVolume(str(file))
    panel.ui.inputSelector1.setCurrentNode(volume)
    assert "was trained on synthetic heads" in panel.ui.warningLabel.text
    assert panel.ui.warningLabel.text.count("⚠") == 1
    panel.ui.applyButton.click()
    wait(lambda: not panel.logic.busy)
    assert panel.ui.statusLabel.text.startswith("Done in")
    image = panel.parameters.result.GetBinaryLabelmapInternalRepresentation("label_1")
    assert image.GetDimensions() == volume.GetImageData().GetDimensions()


def test_a_model_of_two_modalities_asks_for_two_volumes(
    panel: Any, phantom_volume: Any, repository: Path, wait: Wait, tmp_path: Path
) -> None:
    from dataclasses import replace

    from kdnet.model_file import load_model, save_model
    from kdnet.networks.factory import build_network

    card = load_model(repository / "Resources/Models/Phantom demo.safetensors").card
    spec = replace(card.network, in_channels=2)
    card = replace(card, name="Pair", network=spec, modalities=("t1ce", "flair"))
    save_model(tmp_path / "pair.safetensors", card, build_network(spec))
    panel.logic.library.add(tmp_path / "pair.safetensors")
    panel.refillModels("pair.safetensors")
    assert panel.ui.inputLabel2.text == "FLAIR volume:"
    assert panel.ui.inputSelector2.visible
    assert not panel.ui.inputSelector3.visible
    panel.ui.inputSelector1.setCurrentNode(phantom_volume)
    assert not panel.ui.applyButton.enabled
    panel.ui.inputSelector2.setCurrentNode(phantom_volume)
    assert "looks like T1ce" in panel.ui.warningLabel.text
    panel.ui.applyButton.click()
    wait(lambda: not panel.logic.busy)
    assert panel.ui.statusLabel.text.startswith("Done in")


def test_the_segment_editor_opens_with_the_result(
    panel: Any, phantom_volume: Any, application: Any, wait: Wait, monkeypatch: Any
) -> None:
    import types

    given: dict[str, Any] = {}
    editor = types.SimpleNamespace(
        setSegmentationNode=lambda node: given.update(segmentation=node),
        setSourceVolumeNode=lambda node: given.update(volume=node),
    )
    holder = types.SimpleNamespace(self=lambda: types.SimpleNamespace(editor=editor))
    representation = types.SimpleNamespace(widgetRepresentation=lambda: holder)
    monkeypatch.setattr(slicer.modules, "segmenteditor", representation, raising=False)
    panel.ui.inputSelector1.setCurrentNode(phantom_volume)
    panel.ui.applyButton.click()
    wait(lambda: not panel.logic.busy)
    panel.ui.editButton.click()
    assert application.selected[-1] == "SegmentEditor"
    assert given == {"segmentation": panel.parameters.result, "volume": phantom_volume}
