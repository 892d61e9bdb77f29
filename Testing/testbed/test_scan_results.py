"""A result belongs to its scan: what is shown, edited and written when scans and segmentations come, change and go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import slicer
import vtk

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def scans(add_volume: Callable[..., Any]) -> tuple[Any, Any]:
    voxels = np.random.default_rng(0).normal(100, 5, (30, 30, 30)).astype(np.float32)
    first, second = (
        add_volume(voxels, np.diag([4.0, 4.0, 4.0, 1.0]), name) for name in ("Phantom_A_t1ce", "Phantom_B_t1ce")
    )
    return first, second


def select(panel: Any, volume: Any) -> None:
    panel.ui.inputSelector1.setCurrentNode(volume)


def test_the_result_of_another_scan_is_neither_shown_nor_written(
    panel: Any, scans: tuple[Any, Any], result_of: Callable[..., Any]
) -> None:
    first, second = scans
    node = result_of(first)
    select(panel, first)
    assert panel.parameters.result is node
    assert "Phantom_A_t1ce" in panel.ui.resultTitle.text
    assert "Phantom demo" in panel.ui.resultTitle.text
    assert "20" in panel.ui.resultTitle.text  # the date
    assert node.GetDisplayNode().GetVisibility()
    select(panel, second)
    assert panel.parameters.result is None
    assert panel.results.node is None
    assert not panel.ui.resultsSection.visible
    assert not node.GetDisplayNode().GetVisibility()
    assert not panel.ui.reportButton.enabled
    assert "Segment a volume first" in panel.ui.reportButton.toolTip
    select(panel, first)
    assert panel.results.node is node
    assert node.GetDisplayNode().GetVisibility()


def test_the_newest_result_of_the_scan_is_shown_and_its_background_too(
    panel: Any, scans: tuple[Any, Any], result_of: Callable[..., Any], application: Any
) -> None:
    first, second = scans
    result_of(first, 400)
    newer = result_of(first, 2000)
    other = result_of(second)
    assert len({node.GetName() for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")}) == 3
    select(panel, second)
    assert panel.results.node is other
    select(panel, first)
    assert panel.results.node is newer
    assert application.background is first
    slicer.mrmlScene.RemoveNode(newer)
    assert panel.results.node is not None  # the one before
    assert panel.results.node is not other


def test_what_the_user_has_hidden_stays_hidden(panel: Any, scans: tuple[Any, Any], result_of: Callable[..., Any]) -> None:
    node = result_of(scans[0])
    select(panel, scans[0])
    node.SetDisplayVisibility(False)
    select(panel, scans[1])
    select(panel, scans[0])
    assert not node.GetDisplayNode().GetVisibility()


def test_a_scan_that_is_loaded_replaces_the_suggested_one_with_its_results(
    panel: Any, result_of: Callable[..., Any], repository: Path, wait: Wait
) -> None:
    file = str(repository / "Resources" / "SampleData" / "Phantom_002_t1ce.nii.gz")
    first = slicer.util.loadVolume(file)
    node = result_of(first)
    panel.activate()
    assert panel.results.node is node
    second = slicer.util.loadVolume(file)
    wait(lambda: panel.parameters.inputVolume is second)
    assert panel.results.node is None
    assert not node.GetDisplayNode().GetVisibility()


def test_volumes_follow_added_and_renamed_segments(
    panel: Any, scans: tuple[Any, Any], result_of: Callable[..., Any], wait: Wait
) -> None:
    node = result_of(scans[0])
    select(panel, scans[0])
    segmentation = node.GetSegmentation()
    assert panel.results.volumes["Edema"] == pytest.approx(500 * 0.064)
    cavity = slicer.vtkSegment()
    cavity.SetName("cavity")
    edema = segmentation.GetSegment("label_2")
    cavity.DeepCopy(edema)
    cavity.SetName("cavity")
    cavity.RemoveTag("KDNet.label")
    segmentation.AddSegment(cavity, "cavity")
    wait(lambda: "cavity" in panel.results.volumes)
    edema.SetName("FLAIR abnormality")
    wait(lambda: "FLAIR abnormality" in panel.results.volumes)
    assert panel.results.volumes["FLAIR abnormality"] == pytest.approx(500 * 0.064)
    assert "Edema" not in panel.results.volumes
    assert panel.results.volumes["WT"] == pytest.approx(1000 * 0.064)


def test_volumes_follow_a_scaling_transform(
    panel: Any, scans: tuple[Any, Any], result_of: Callable[..., Any], wait: Wait
) -> None:
    node = result_of(scans[0])
    select(panel, scans[0])
    before = panel.results.volumes["WT"]
    transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
    matrix = vtk.vtkMatrix4x4()
    for axis in range(3):
        matrix.SetElement(axis, axis, 2.0)
    transform.SetMatrixTransformToParent(matrix)
    for each in (scans[0], node):
        each.SetAndObserveTransformNodeID(transform.GetID())
    wait(lambda: panel.results.volumes["WT"] != before)
    wait(lambda: not panel.results._edited)
    assert panel.results.volumes["WT"] == pytest.approx(8 * before)


def test_a_result_is_measured_with_the_model_that_made_it(
    panel: Any, scans: tuple[Any, Any], result_of: Callable[..., Any]
) -> None:
    node = result_of(scans[0])
    select(panel, scans[0])
    panel.ui.modelSelector.currentIndex = next(i for i, m in enumerate(panel.logic.models()) if m.modalities == ("t1",))
    assert panel.resultModel.name == "Phantom demo"
    node.SetAttribute("KDNet.model", "gone.safetensors")
    panel.results.clear()
    panel.activate()
    assert panel.resultModel is None
    assert "gone.safetensors, not installed here" in panel.ui.resultTitle.text
    assert "WT" not in panel.results.volumes  # regions of an unknown model are not guessed
    assert panel.results.volumes["Edema"] > 0
    assert not panel.ui.compareButton.enabled


def test_results_lie_in_one_folder_in_the_study_of_the_scan(
    panel: Any, scans: tuple[Any, Any], result_of: Callable[..., Any]
) -> None:
    from KDNetSegmentationLib.BrainMask import show_brain

    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    study = tree.CreateStudyItem(tree.GetSceneItemID(), "study")
    tree.SetItemParent(tree.GetItemByDataNode(scans[0]), study)
    nodes = [result_of(scans[0]), result_of(scans[0])]
    nodes.append(show_brain(np.ones((30, 30, 30), np.uint8), scans[0]))
    folders = {tree.GetItemParent(tree.GetItemByDataNode(node)) for node in nodes}
    assert len(folders) == 1
    assert tree.GetItemParent(*folders) == study
    assert tree.GetItemName(*folders) == "Phantom_A_t1ce results"
    other = tree.GetItemParent(tree.GetItemByDataNode(result_of(scans[1])))
    assert other not in folders


def test_a_replaced_segmentation_is_kept_as_a_hidden_copy(
    panel: Any, phantom_volume: Any, result_of: Callable[..., Any], application: Any, wait: Wait
) -> None:
    node = result_of(phantom_volume)
    segment = slicer.vtkSegment()
    segment.SetName("drawn by hand")
    node.GetSegmentation().AddSegment(segment, "mine")
    node.CreateClosedSurfaceRepresentation()
    select(panel, phantom_volume)
    panel.ui.outputSelector.setCurrentNode(node)
    application.confirm = False
    try:
        panel.ui.applyButton.click()
    finally:
        application.confirm = True
    assert not panel.logic.busy  # asked, and not replaced
    panel.ui.applyButton.click()
    wait(lambda: not panel.logic.busy)
    copies = [n for n in slicer.util.getNodesByClass("vtkMRMLSegmentationNode") if n is not node]
    assert [copy.GetName() for copy in copies] == [f"{node.GetName()} before"]
    assert copies[0].GetSegmentation().GetSegment("mine").GetName() == "drawn by hand"
    assert not copies[0].GetDisplayNode().GetVisibility()
    assert node.GetSegmentation().GetSegment("mine") is None
    assert node.GetSegmentation().ContainsRepresentation("Closed surface")  # as before
    assert panel.ui.show3DButton.checked
    panel.ui.outputSelector.setCurrentNode(None)
    panel.ui.applyButton.click()
    wait(lambda: not panel.logic.busy)
    assert panel.parameters.result is not node
    assert panel.ui.show3DButton.checked
