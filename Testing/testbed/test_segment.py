"""From a loaded volume to overlays, through the real panel, its real .ui and the real worker."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
from gate import Gate
from kdnet.cli import main as kdnet
from kdnet.data.volumes.io import read_volume

Wait = Callable[[Callable[[], bool]], None]


def segmentations() -> int:
    return slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")


def click_segment(panel: Any, volume: Any) -> None:
    panel.ui.inputSelector1.setCurrentNode(volume)
    panel.ui.applyButton.click()


def segmented(panel: Any, volume: Any, wait: Wait) -> Any:
    click_segment(panel, volume)
    wait(lambda: not panel.logic.busy)
    return panel.parameters.result


def hold(panel: Any, gate: Gate, passes: int = 1) -> None:
    """Let the worker wait after a number of the eight passes over mirrored images."""
    panel.ui.flipsCheckBox.checked = True
    gate.close(stage="forward", done=passes)


def test_the_button_needs_a_volume(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    wait(lambda: panel.parameters.inputVolume is phantom_volume)
    panel.ui.inputSelector1.setCurrentNode(None)
    assert not panel.ui.applyButton.enabled
    assert "volume" in panel.ui.applyButton.toolTip
    panel.ui.inputSelector1.setCurrentNode(phantom_volume)
    assert panel.ui.applyButton.enabled


def test_the_volume_that_looks_right_is_chosen_by_itself(panel: Any, add_volume: Callable[..., Any], wait: Wait) -> None:
    voxels = np.random.default_rng(0).normal(size=(12, 12, 12)).astype(np.float32)
    others = [add_volume(voxels, np.eye(4), name) for name in ("case_flair", "case_t2")]
    panel.inputs.complete()
    assert panel.parameters.inputVolume in others  # one scan is better than none; the panel warns of it
    assert "looks like" in panel.ui.warningLabel.text
    panel.ui.inputSelector1.setCurrentNode(None)
    fitting = add_volume(voxels, np.eye(4), "case_t1ce")
    wait(lambda: panel.parameters.inputVolume is not None)
    assert panel.parameters.inputVolume is fitting
    add_volume(voxels, np.eye(4), "another_t1ce")
    panel.inputs.complete()
    assert panel.parameters.inputVolume is fitting  # what is chosen stays


def test_the_model_follows_the_volume_until_the_user_has_chosen_one(
    panel: Any, add_volume: Callable[..., Any], wait: Wait
) -> None:
    names = [model.path.name for model in panel.logic.models()]
    panel.ui.modelSelector.currentIndex = names.index("Brain tumor FLAIR.safetensors")
    panel.parameters.model = ""  # as when the panel is first opened
    panel.refillModels()
    voxels = np.random.default_rng(0).normal(size=(12, 12, 12)).astype(np.float32)
    volume = add_volume(voxels, np.eye(4), "case_t1ce")
    wait(lambda: panel.parameters.inputVolume is volume)
    assert panel.model.modalities == ("t1ce",)
    panel.ui.modelSelector.currentIndex = names.index("Brain tumor FLAIR.safetensors")
    assert panel.model.modalities == ("flair",)  # chosen by the user: it stays, with a warning
    panel.inputs.complete()
    assert panel.model.modalities == ("flair",)
    assert "looks like T1ce" in panel.ui.warningLabel.text


def test_the_model_follows_the_volume_also_after_the_scene_was_closed(
    panel: Any, add_volume: Callable[..., Any], wait: Wait
) -> None:
    names = [model.path.name for model in panel.logic.models()]
    panel.ui.modelSelector.currentIndex = names.index("Brain tumor FLAIR.safetensors")
    slicer.mrmlScene.Clear(0)
    voxels = np.random.default_rng(0).normal(size=(12, 12, 12)).astype(np.float32)
    volume = add_volume(voxels, np.eye(4), "case_t1ce")
    wait(lambda: panel.parameters.inputVolume is volume)
    assert panel.model.modalities == ("t1ce",)
    panel.refillModels()  # as after an import
    panel.ui.inputSelector1.setCurrentNode(None)
    slicer.mrmlScene.RemoveNode(volume)
    other = add_volume(voxels, np.eye(4), "case_flair")
    wait(lambda: panel.parameters.inputVolume is other)
    assert panel.model.modalities == ("flair",)


def test_the_model_follows_the_volume_that_the_user_chooses(panel: Any, add_volume: Callable[..., Any], wait: Wait) -> None:
    slicer.mrmlScene.Clear(0)
    voxels = np.random.default_rng(0).normal(size=(30, 30, 30)).astype(np.float32)
    # of the size of a head, so that there is nothing to warn of
    first, second = (add_volume(voxels, np.diag([4.0, 4.0, 4.0, 1.0]), f"case_{name}") for name in ("t1ce", "flair"))
    wait(lambda: panel.parameters.inputVolume in (first, second))
    for volume, modality in ((second, "flair"), (first, "t1ce"), (second, "flair")):
        panel.ui.inputSelector1.setCurrentNode(volume)
        assert panel.model.modalities == (modality,)
        assert panel.parameters.inputVolume is volume
        assert not panel.ui.warningLabel.visible


def test_slices_go_to_a_new_overlay_and_stay_with_a_replaced_one(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    view = slicer.vtkMRMLSliceNode()
    view.SetName("Red")
    view.SetLayoutName("Red")
    view = slicer.mrmlScene.AddNode(view)
    view.SetOrientationToAxial()
    view.SetSliceOffset(500.0)
    node = segmented(panel, phantom_volume, wait)
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    assert bounds[4] <= view.GetSliceOffset() <= bounds[5]
    view.SetSliceOffset(500.0)
    panel.parameters.outputSegmentation = node
    segmented(panel, phantom_volume, wait)
    assert view.GetSliceOffset() == 500.0


def test_a_click_gives_overlay_volumes_and_background(
    panel: Any, phantom_volume: Any, application: Any, wait: Wait
) -> None:
    node = segmented(panel, phantom_volume, wait)
    assert panel.ui.statusLabel.text.startswith("Done in")
    assert [node.GetSegmentation().GetNthSegment(index).GetName() for index in range(3)] == [
        "Necrotic and non-enhancing core",
        "Edema",
        "Enhancing tumor",
    ]
    table = panel.ui.volumesTable
    volumes = {table.item(row, 0).text(): float(table.item(row, 1).text()) for row in range(table.rowCount)}
    volumes = {name.partition(" (")[0]: amount for name, amount in volumes.items()}
    assert volumes["WT"] == pytest.approx(sum(list(volumes.values())[:3]), abs=0.02)
    assert volumes["TC"] > 5
    assert application.background is phantom_volume
    assert panel.ui.resultsSection.visible
    assert "forward" in panel.ui.detailsText.plainText


def test_the_labels_are_those_of_the_command_voxel_for_voxel(
    panel: Any, phantom_volume: Any, wait: Wait, tmp_path: Path, repository: Path
) -> None:
    from KDNetLib.SegmentationNode import labelmap_of

    file = repository / "Resources" / "SampleData" / "Phantom_002_t1ce.nii.gz"
    assert kdnet(["segment", str(panel.model.path), str(file), "-o", str(tmp_path), "--device", "cpu"]) == 0
    expected = read_volume(min(tmp_path.glob("*_seg.nii.gz"))).voxels
    node = segmented(panel, phantom_volume, wait)
    assert np.array_equal(labelmap_of(node, panel.model.labels, phantom_volume).T, expected)


def test_cancel_takes_effect_at_once_and_leaves_the_scene(panel: Any, phantom_volume: Any, wait: Wait, gate: Gate) -> None:
    segmented(panel, phantom_volume, wait)
    before = slicer.mrmlScene.GetNumberOfNodes()
    hold(panel, gate)
    click_segment(panel, phantom_volume)
    assert panel.ui.applyButton.text == "Cancel"
    wait(lambda: "pass" in panel.ui.statusLabel.text)
    worker = panel.logic.worker.pid
    panel.ui.applyButton.click()
    assert panel.ui.applyButton.text == "Segment"
    assert "Canceled" in panel.ui.statusLabel.text
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    gate.open()
    panel.ui.flipsCheckBox.checked = False
    assert segmented(panel, phantom_volume, wait) is not None


def test_a_killed_worker_gives_its_cause_and_the_next_click_works(
    panel: Any, phantom_volume: Any, wait: Wait, gate: Gate
) -> None:
    hold(panel, gate)
    click_segment(panel, phantom_volume)
    wait(lambda: "pass" in panel.ui.statusLabel.text)
    os.kill(panel.logic.worker.pid, signal.SIGKILL)
    wait(lambda: not panel.logic.busy)
    assert "killed" in panel.ui.statusLabel.text
    panel.ui.detailsButton.click()
    assert "code -9" in panel.ui.detailsText.plainText
    assert panel.ui.detailsText.visible
    assert segmentations() == 0
    gate.open()
    panel.ui.flipsCheckBox.checked = False
    segmented(panel, phantom_volume, wait)
    assert segmentations() == 1


def test_another_module_can_be_opened_meanwhile(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    click_segment(panel, phantom_volume)
    panel.exit()
    wait(lambda: not panel.logic.busy)
    assert segmentations() == 1
    panel.enter()
    assert panel.ui.statusLabel.text.startswith("Done in")
    assert panel.ui.resultsSection.visible
    assert panel.ui.segmentsTable.segmentationNode() is panel.parameters.result


def test_an_existing_segmentation_is_replaced_only_when_chosen(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    first = segmented(panel, phantom_volume, wait)
    second = segmented(panel, phantom_volume, wait)
    assert first is not second
    panel.ui.outputSelector.setCurrentNode(first)
    assert segmented(panel, phantom_volume, wait) is first
    assert segmentations() == 3  # with a hidden copy of what was replaced


def test_a_volume_that_cannot_be_segmented_is_reported_in_one_sentence(
    panel: Any, add_volume: Callable[..., Any], wait: Wait
) -> None:
    click_segment(panel, add_volume(np.zeros((20, 20, 20), np.int16), np.eye(4), "Nothing"))
    wait(lambda: not panel.logic.busy)
    assert panel.ui.statusLabel.text.startswith("Nothing has the value 0 in every voxel")
    assert segmentations() == 0


def test_a_node_without_voxels_is_reported(panel: Any, wait: Wait) -> None:
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    panel.ui.inputSelector1.setCurrentNode(empty)
    assert not panel.ui.applyButton.enabled
    assert "no voxels" in panel.ui.applyButton.toolTip
    assert "no voxels" in panel.ui.warningLabel.text


def test_a_second_overlay_of_a_volume_hides_the_first(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    first = segmented(panel, phantom_volume, wait)
    second = segmented(panel, phantom_volume, wait)
    assert first is not second
    assert not first.GetDisplayNode().GetVisibility()
    assert second.GetDisplayNode().GetVisibility()


def test_a_deleted_result_is_shown_no_more(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    slicer.mrmlScene.RemoveNode(segmented(panel, phantom_volume, wait))
    assert not panel.ui.resultsSection.visible
    assert panel.results.node is None
    assert not panel.ui.compareButton.enabled


def test_volumes_follow_what_is_edited(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    node = segmented(panel, phantom_volume, wait)
    before = panel.results.volumes["WT"]
    node.GetSegmentation().RemoveSegment("label_2")
    wait(lambda: panel.results.volumes["WT"] != before)
    assert panel.results.volumes["Edema"] == 0
    assert panel.results.volumes["WT"] == pytest.approx(panel.results.volumes["TC"])


def test_a_volume_removed_meanwhile_is_reported(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    click_segment(panel, phantom_volume)
    slicer.mrmlScene.RemoveNode(phantom_volume)
    wait(lambda: not panel.logic.busy)
    assert "removed" in panel.ui.statusLabel.text


def test_the_time_left_is_shown_when_several_passes_are_made(
    panel: Any, phantom_volume: Any, wait: Wait, gate: Gate
) -> None:
    hold(panel, gate, passes=2)
    click_segment(panel, phantom_volume)
    wait(lambda: "2 of 8 passes" in panel.ui.statusLabel.text)
    assert "s left" in panel.ui.statusLabel.text
    assert 0 < panel.ui.progressBar.value < panel.ui.progressBar.maximum
    panel.ui.applyButton.click()


def test_closing_the_scene_cancels(panel: Any, phantom_volume: Any, wait: Wait, gate: Gate) -> None:
    hold(panel, gate)
    click_segment(panel, phantom_volume)
    slicer.mrmlScene.Clear()
    assert not panel.logic.busy
    assert not panel.ui.resultsSection.visible
    assert panel.ui.applyButton.text == "Segment"


def test_probabilities_and_uncertainty_are_added_on_request(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    panel.ui.probabilitiesCheckBox.checked = True
    panel.ui.uncertaintyCheckBox.checked = True
    node = segmented(panel, phantom_volume, wait)
    names = [node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")]
    for part in ("probability ET", "probability WT", "uncertainty"):
        assert any(part in name for name in names)
    whole = next(n for n in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if "probability WT" in n.GetName())
    edema = slicer.util.arrayFromSegmentBinaryLabelmap(node, "label_2", phantom_volume)
    assert slicer.util.arrayFromVolume(whole)[edema > 0].min() >= 50


def test_results_can_be_shown_edited_and_exported(
    panel: Any, phantom_volume: Any, application: Any, wait: Wait, tmp_path: Path
) -> None:
    import qt

    node = segmented(panel, phantom_volume, wait)
    panel.ui.opacitySlider.value = 0.3
    assert node.GetDisplayNode().GetOpacity2DFill() == pytest.approx(0.3)
    resets = slicer.app.layoutManager().resets
    panel.ui.show3DButton.click()
    assert node.GetSegmentation().ContainsRepresentation("Closed surface")
    assert slicer.app.layoutManager().resets == resets + 1
    panel.ui.show3DButton.click()
    assert not node.GetSegmentation().ContainsRepresentation("Closed surface")
    qt.QFileDialog.answer = str(tmp_path / "volumes.csv")
    panel.ui.exportButton.click()
    lines = (tmp_path / "volumes.csv").read_text().splitlines()
    assert lines[0] == "name,volume (mL)"
    assert len(lines) == 6
    qt.QFileDialog.answer = str(tmp_path / "missing" / "volumes.csv")
    panel.ui.exportButton.click()
    assert "cannot be written" in panel.ui.statusLabel.text


def test_a_segmentation_is_compared_with_a_reference(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    reference = segmented(panel, phantom_volume, wait)
    reference.SetName("Reference")
    segmented(panel, phantom_volume, wait)
    panel.ui.referenceSelector.setCurrentNode(reference)
    panel.ui.compareButton.click()
    wait(lambda: not panel.logic.busy)
    table = panel.ui.comparisonTable
    scores = {table.item(row, 0).text(): float(table.item(row, 1).text()) for row in range(table.rowCount)}
    assert scores == {"ET": 1.0, "TC": 1.0, "WT": 1.0}


def test_a_reference_without_names_counts_by_its_values(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    from KDNetLib.SegmentationNode import labelmap_of

    node, labels = segmented(panel, phantom_volume, wait), panel.model.labels
    reference = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "BraTS 2021")
    reference.SetReferenceImageGeometryParameterFromVolumeNode(phantom_volume)
    for value, name in ((1, "Segment_1"), (2, "Segment_2"), (3, "Segment_4")):  # 4 was enhancing tumor until 2021
        segment = slicer.vtkSegment()
        image = node.GetSegmentation().GetSegment(f"label_{value}").GetRepresentation("Binary labelmap")
        segment.AddRepresentation("Binary labelmap", image)
        segment.SetLabelValue(value)
        segment.SetName(name)
        reference.GetSegmentation().AddSegment(segment, name)
    assert np.array_equal(labelmap_of(reference, labels, phantom_volume), labelmap_of(node, labels, phantom_volume))


def test_the_second_click_pays_for_the_work_alone(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    segmented(panel, phantom_volume, wait)
    stages = []
    panel.logic.start(phantom_volume, panel.model, onFinished=lambda result: stages.append(result.stages))
    wait(lambda: not panel.logic.busy)
    assert set(stages[0]) == {"send", "prepare", "forward", "label", "import"}
    assert sum(stages[0].values()) - stages[0]["forward"] < stages[0]["forward"]
