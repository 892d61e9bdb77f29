"""What makes the panel easy: its size, hints, keys, menus, and what can be taken out of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import slicer

Wait = Callable[[Callable[[], bool]], None]
MOST_WIDTH = 380  # pixels
INTERACTIVE = (
    *("QPushButton", "QCheckBox", "QComboBox", "QDoubleSpinBox", "QTableWidget", "QListWidget", "QPlainTextEdit"),
    *("ctkPathLineEdit", "ctkSliderWidget", "qMRMLNodeComboBox", "qMRMLSegmentsTableView", "qMRMLSegmentationShow3DButton"),
)


@pytest.fixture
def shown(panel: Any, phantom_volume: Any, result_of: Callable[..., Any]) -> Any:
    """A result of the phantom, shown in the panel."""
    node = result_of(phantom_volume)
    panel.ui.inputSelector1.setCurrentNode(phantom_volume)
    panel.activate()
    return node


def sections(panel: Any) -> list[Any]:
    return [widget for name, widget in vars(panel.ui).items() if name.endswith("Section")]


def test_nothing_is_wider_than_a_narrow_panel(panel: Any, shown: Any, application: Any) -> None:
    long = "a name of a volume as long as those that hospitals and exports of archives give to their series " * 2
    panel.parameters.inputVolume.SetName(long)
    panel.logic.library.folder.mkdir(parents=True, exist_ok=True)
    collapsed = [section.collapsed for section in sections(panel)]
    try:
        for section in sections(panel):
            section.collapsed = False
        panel.ui.modelDetailsButton.checked = True
        panel.parameters.batchInput = panel.parameters.rankFolder = Path("/data/archive/department/studies") / long
        panel.update()
        application.process_events()
        assert application.panel.needed_width <= MOST_WIDTH
    finally:
        panel.ui.modelDetailsButton.checked = False
        for section, before in zip(sections(panel), collapsed, strict=True):
            section.collapsed = before


@pytest.mark.parametrize("name", ["KDNetSegmentation", "KDNetTraining"])
def test_style_sheets_leave_text_readable_in_every_palette(repository: Path, name: str) -> None:
    root = ElementTree.parse(repository / name / "Resources" / "UI" / f"{name}.ui").getroot()
    sheets = [str(item.findtext("string")) for item in root.iter("property") if item.get("name") == "styleSheet"]
    assert all("color: palette(" in sheet or ("; color: #" in sheet and "background-color: #" in sheet) for sheet in sheets)


def test_scan_model_button_and_result_are_in_this_order(repository: Path) -> None:
    root = ElementTree.parse(repository / "KDNetSegmentation/Resources/UI/KDNetSegmentation.ui").getroot()
    names = [item.get("name") for item in root.iter("widget")]
    wanted = ["inputSelector1", "modelSelector", "applyButton", "statusLabel", "resultTitle", "volumesTable", "editButton"]
    assert sorted(wanted, key=names.index) == wanted
    assert names.index("preparationSection") > names.index("resultsSection")


def test_the_result_is_visible_without_scrolling_at_1080_lines(panel: Any, shown: Any, application: Any) -> None:
    left = 1080 - 290  # without title, menu, tool bar, logo, help, data probe and status bar
    application.process_events()
    button = panel.ui.saveButton
    assert button.visible
    top = application.panel.widget()
    assert button.mapTo(top, button.rect.bottomLeft()).y() < left


@pytest.mark.parametrize("name", ["KDNetSegmentation"])
def test_every_widget_says_what_it_does_and_has_a_name(repository: Path, name: str) -> None:
    root = ElementTree.parse(repository / name / f"Resources/UI/{name}.ui").getroot()
    buddies = {item.findtext("cstring") for item in root.iter("property") if item.get("name") == "buddy"}
    for item in root.iter("widget"):
        if item.get("class") not in INTERACTIVE:
            continue
        properties = {child.get("name"): child.findtext("string") for child in item.findall("property")}
        assert properties.get("toolTip"), item.get("name")
        named = properties.get("text") or properties.get("accessibleName") or item.get("name") in buddies
        assert named or item.get("class") == "qMRMLSegmentationShow3DButton", item.get("name")


def test_buttons_that_cannot_be_clicked_say_why(panel: Any) -> None:
    for name in (
        "applyButton",
        "reportButton",
        "compareButton",
        "visitsButton",
        "batchButton",
        "removeButton",
        "nextButton",
    ):
        button = getattr(panel.ui, name)
        assert not button.enabled, name
        assert any(word in button.toolTip for word in ("Select", "first", "cannot")), name


def test_the_panel_has_a_key_for_its_button(panel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import qt

    assert panel._shortcut.key() == qt.QKeySequence("Ctrl+Return")
    assert panel._shortcut.context() == qt.Qt.WidgetWithChildrenShortcut
    clicked: list[bool] = []
    monkeypatch.setattr(panel.apply, "onButton", lambda *_: clicked.append(True))
    panel.ui.applyButton.clicked.connect(panel.apply.onButton)
    try:
        panel.ui.applyButton.enabled = True
        panel._shortcut.activated.emit()
    finally:
        panel.ui.applyButton.clicked.disconnect(panel.apply.onButton)
    assert clicked


def test_sample_data_is_offered_while_there_is_nothing_to_segment(panel: Any, wait: Wait) -> None:
    panel.parameters.model = ""
    panel.refillModels()
    panel.activate()
    assert panel.ui.sampleButton.visible
    assert panel.model.modalities == ("t1ce",)  # the best student, until something is loaded
    panel.ui.sampleButton.click()
    wait(lambda: not panel.ui.sampleButton.visible)
    assert panel.model.name == "Phantom demo"  # the one that fits a phantom
    assert "Suggested for T1ce" in panel.ui.modelHint.text
    assert panel.ui.applyButton.enabled


def test_a_model_of_another_kind_than_the_scan_is_warned_of(
    panel: Any, phantom_volume: Any, add_volume: Callable[..., Any]
) -> None:
    voxels = np.random.default_rng(0).normal(100, 5, (30, 30, 30)).astype(np.float32)
    patient = add_volume(voxels, np.diag([4.0, 4.0, 4.0, 1.0]), "case_t1ce")
    panel.ui.inputSelector1.setCurrentNode(patient)
    assert "finds nothing useful in a patient" in panel.ui.warningLabel.text
    models = [model.path.name for model in panel.logic.models()]
    panel.ui.modelSelector.currentIndex = models.index("Brain tumor T1ce.safetensors")
    assert not panel.ui.warningLabel.visible
    panel.ui.inputSelector1.setCurrentNode(phantom_volume)
    assert "is synthetic" in panel.ui.warningLabel.text
    panel.ui.modelSelector.currentIndex = models.index("Brain tumor FLAIR.safetensors")
    assert "Enhancement is not visible on FLAIR" in panel.ui.modelHint.text


def test_only_what_can_be_segmented_is_listed(panel: Any, phantom_volume: Any, add_volume: Callable[..., Any]) -> None:
    labelmap = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    color = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLVectorVolumeNode", "photo")
    probability = add_volume(np.zeros((4, 4, 4), np.uint8), np.eye(4), "probability")
    probability.SetAttribute("KDNet.map", "ET")
    panel.inputs.complete()
    listed = panel.ui.inputSelector1._nodes
    assert phantom_volume in listed
    assert not {labelmap, color, probability} & set(listed)
    twice = add_volume(np.zeros((4, 4, 4, 2), np.uint8)[..., 0], np.eye(4), "two values")
    twice.GetImageData().AllocateScalars(3, 2)
    panel.ui.inputSelector1.setCurrentNode(twice)
    assert not panel.ui.applyButton.enabled
    assert "2 values per voxel" in panel.ui.applyButton.toolTip


def test_a_map_is_shown_over_the_scan_from_a_threshold_on_with_a_legend(
    panel: Any, shown: Any, phantom_volume: Any, application: Any, tmp_path: Path
) -> None:
    from KDNetSegmentationLib.Maps import show_maps
    from KDNetSegmentationLib.Settings import Settings

    assert not panel.ui.mapButton.visible
    voxels = np.zeros(slicer.util.arrayFromVolume(phantom_volume).shape, np.uint8)
    voxels[2:5] = 70
    np.save(tmp_path / "ET.npy", voxels)
    settings = Settings(probabilities=True, uncertainty=True)
    first, second = show_maps({"ET": str(tmp_path / "ET.npy")}, phantom_volume, settings)
    panel.maps.follow(phantom_volume)
    panel.ui.mapSelector.currentIndex = 0
    panel.ui.mapThreshold.value = 25
    panel.ui.mapButton.click()
    assert application.foreground is first
    assert first.GetDisplayNode().GetLowerThreshold() == 25
    assert first.GetDisplayNode().GetApplyThreshold()
    legend = slicer.modules.colors.logic().GetColorLegendDisplayNode(first)
    assert legend.GetVisibility()
    panel.ui.mapThreshold.value = 50
    assert first.GetDisplayNode().GetLowerThreshold() == 50
    panel.ui.mapSelector.currentIndex = 1
    assert application.foreground is second
    assert not legend.GetVisibility()
    panel.ui.mapButton.click()
    assert application.foreground is None
    panel.ui.mapButton.click()
    panel.maps.follow(None)  # another scan without maps
    assert application.foreground is None
    assert not panel.ui.mapButton.visible


def test_the_result_is_copied_as_text(panel: Any, shown: Any) -> None:
    import qt

    shown.SetAttribute("KDNet.warnings", "The scan is noisy.")
    panel.ui.copyButton.click()
    text = qt.QApplication.clipboard().text()
    for line in (
        "Scan: Phantom_002_t1ce",
        "Model: Phantom demo (T1ce)",
        "Warning: The scan is noisy.",
        "research use only",
    ):
        assert line in text
    assert f"WT: {panel.results.volumes['WT']:.2f} mL" in text


def test_lesions_in_the_text_have_both_diameters() -> None:
    from kdnet.schema.lesions import Lesion, LesionTable, Line, RegionSize
    from KDNetSegmentationLib.ResultText import ResultFacts, result_text

    lines = Line((0.0, 0.0, 0.0), (31.2, 0.0, 0.0)), Line((0.0, 0.0, 0.0), (0.0, 23.6, 0.0))
    lesion = Lesion(1, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (RegionSize("WT", 12.345, *lines, slice=3, slices=9),))
    text = result_text(ResultFacts("T1ce", "", "", {}, LesionTable("axial", 2, 1.0, (lesion,))))
    assert "Lesion 1: 12.35 mL, 31 x 24 mm" in text or "Lesion 1: 12.34 mL, 31 x 24 mm" in text


@pytest.mark.parametrize("suffix", [".seg.nrrd", ".nii.gz"])
def test_a_segmentation_is_saved_with_names_and_colors(
    panel: Any, shown: Any, phantom_volume: Any, suffix: str, tmp_path: Path
) -> None:
    import qt
    import SimpleITK as sitk

    qt.QFileDialog.answer = str(tmp_path / f"mine{suffix}")
    panel.ui.saveButton.click()
    assert "Saved" in panel.ui.statusLabel.text
    image = sitk.ReadImage(str(tmp_path / f"mine{suffix}"))
    values = sitk.GetArrayFromImage(image)
    assert np.count_nonzero(values == 3) == 500  # enhancing, as the fixture made it
    if suffix == ".seg.nrrd":
        names = {image.GetMetaData(key) for key in image.GetMetaDataKeys() if key.endswith("_Name")}
        assert "Edema" in names
        return
    assert image.GetSize() == phantom_volume.GetImageData().GetDimensions()
    scan = sitk.ReadImage(phantom_volume.GetStorageNode().GetFileName())
    assert np.allclose(image.GetOrigin(), scan.GetOrigin(), atol=1e-3)
    assert np.allclose(image.GetDirection(), scan.GetDirection())
    lines = (tmp_path / "mine labels.txt").read_text().splitlines()
    color = " ".join(str(round(255 * part)) for part in shown.GetSegmentation().GetSegment("label_2").GetColor())
    assert f'2 {color} 1 1 1 "Edema"' in lines
    assert '0 0 0 0 0 0 0 "Clear Label"' in lines


def test_a_file_that_cannot_be_saved_is_reported(panel: Any, shown: Any, tmp_path: Path) -> None:
    import qt

    qt.QFileDialog.answer = str(tmp_path / "missing" / "mine.seg.nrrd")
    panel.ui.saveButton.click()
    assert "cannot be written" in panel.ui.statusLabel.text


def test_a_volume_is_segmented_from_the_menu_of_the_data_tree(
    panel: Any, phantom_volume: Any, application: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from KDNetSegmentationLib.DataTreeMenu import register_context_menu
    from standin.data_tree import qSlicerSubjectHierarchyPluginHandler as Handler
    from standin.data_tree import qSlicerSubjectHierarchyScriptedPlugin as Loader

    register_context_menu()
    plugin = Loader.loaded["KDNetSegmentationSubjectHierarchyPlugin"]
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    labelmap = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLabelMapVolumeNode", "labels")
    for node, offered in ((labelmap, False), (phantom_volume, True)):
        plugin.showContextMenuActionsForItem(tree.GetItemByDataNode(node))
        assert plugin.segmentAction.visible == offered
    started: list[Any] = []
    monkeypatch.setattr(panel.logic, "start", lambda volumes, *_arguments, **_options: started.extend(volumes))
    monkeypatch.setattr(Handler, "current", tree.GetItemByDataNode(phantom_volume))
    plugin.segmentAction.trigger()
    panel.apply.end("")
    assert application.selected[-1] == "KDNetSegmentation"
    assert started == [phantom_volume]


def test_a_model_file_dropped_on_slicer_is_imported(panel: Any, model_file: Path, wait: Wait, tmp_path: Path) -> None:
    reader = sys.modules["KDNetSegmentation"].KDNetSegmentationFileReader(SimpleNamespace(loadedNodes=None))
    (tmp_path / "other.safetensors").write_bytes(b"nothing")
    assert reader.canLoadFile(str(model_file))
    assert not reader.canLoadFile(str(tmp_path / "other.safetensors"))
    assert reader.extensions() == ["KDNet model (*.safetensors)"]
    assert reader.load({"fileName": str(model_file)})
    assert not reader.load({"fileName": str(model_file)})  # while the first is checked
    assert "was not imported" in panel.ui.statusLabel.text
    wait(lambda: not panel.logic.busy)
    assert panel.model.name == "Tiny"


def test_closing_the_scene_does_not_cancel_an_import(panel: Any, model_file: Path, wait: Wait) -> None:
    panel.importModel(model_file)
    slicer.mrmlScene.Clear(0)
    assert panel.logic.busy
    wait(lambda: not panel.logic.busy)
    assert panel.model.name == "Tiny"


def test_a_canceled_import_is_reported_to_the_module_that_started_it(panel: Any, model_file: Path) -> None:
    failures: list[Any] = []
    panel.deploy(model_file, "Mine.safetensors", onFinished=lambda _model: None, onFailed=failures.append)
    assert panel.logic.busy
    panel.logic.cancel()
    assert [failure.message for failure in failures] == ["The import of Mine.safetensors was canceled."]
    assert not panel.logic.busy


def test_a_batch_is_looked_through_case_by_case(panel: Any, repository: Path, tmp_path: Path) -> None:
    import csv

    samples = repository / "Resources" / "SampleData"
    scan, labelmap = samples / "Phantom_002_t1ce.nii.gz", samples / "Phantom_002_seg.nii.gz"
    outcomes = []
    for name in ("first", "second", "third"):
        target = tmp_path / f"{name}_seg.nii.gz"
        target.write_bytes(labelmap.read_bytes())
        outcomes.append({"name": name, "labelmap": str(target), "scan": str(scan), "state": "segmented"})
    (tmp_path / "third_seg.nii.gz").unlink()
    review = panel.batch.review
    review.take(outcomes, tmp_path, panel.model)
    assert not panel.ui.acceptButton.enabled
    panel.ui.nextButton.click()
    node = panel.parameters.result
    assert panel.results.node is node
    assert panel.results.volumes["WT"] > 5
    assert not panel.ui.previousButton.enabled
    panel.ui.acceptButton.click()
    assert node.GetScene() is None  # the case before is removed
    assert panel.results.node is not None
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == 1
    panel.ui.markButton.click()
    assert "third_seg.nii.gz is missing" in panel.ui.statusLabel.text
    assert not panel.ui.nextButton.enabled
    assert panel.ui.reviewLabel.text == "Case 3 of 3. 1 accepted, 1 to correct."
    with (tmp_path / "review.csv").open() as stream:
        rows = list(csv.reader(stream))
    assert rows == [["labelmap", "decision"], ["first_seg.nii.gz", "accepted"], ["second_seg.nii.gz", "to correct"]]
    review.take(outcomes, tmp_path, panel.model)  # as after a restart
    assert [review.status(case["name"]) for case in outcomes] == ["Accepted.", "To correct.", ""]
    panel.ui.nextButton.click()
    panel.ui.nextButton.click()
    panel.ui.previousButton.click()
    assert "Case 1 of 3" in panel.ui.reviewLabel.text


def test_rows_that_are_filled_while_the_panel_is_hidden_have_their_usual_height(panel: Any, application: Any) -> None:
    from KDNetLib.Tables import ROW_HEIGHT, fill_table

    table = panel.ui.comparisonTable
    application.panel.hide()
    try:
        fill_table(
            table, ("Region", "Dice"), [("a long name of a region that needs many lines " * 5, "0.5"), ("WT", "0.6")]
        )
        assert [table.rowHeight(row) for row in range(2)] == [ROW_HEIGHT, ROW_HEIGHT]
    finally:
        application.panel.show()


def test_the_best_scan_of_the_patient_who_is_looked_at_is_chosen(
    panel: Any, add_volume: Callable[..., Any], wait: Wait
) -> None:
    panel.parameters.model = ""
    panel.refillModels()
    voxels = np.random.default_rng(0).normal(100, 5, (30, 30, 30)).astype(np.float32)
    names = ("A_t1ce", "B_t1", "B_t2", "B_flair", "C_flair")
    scans = {name: add_volume(voxels, np.diag([4.0, 4.0, 4.0, 1.0]), name) for name in names}
    for shown, chosen in (("B_flair", "B_t2"), ("C_flair", "C_flair"), ("A_t1ce", "A_t1ce")):
        slicer.util.setSliceViewerLayers(background=scans[shown])
        panel.inputs.complete()
        assert panel.parameters.inputVolume is scans[chosen]
        assert panel.model.modalities == (chosen[2:],)
    slicer.util.setSliceViewerLayers(background=scans["B_t1"])
    panel.inputs.complete()
    assert "Suggested for T2. 2 other scans have models that scored lower." in panel.ui.modelHint.text
    slicer.mrmlScene.RemoveNode(scans["B_t2"])
    wait(lambda: panel.parameters.inputVolume is scans["B_flair"])  # the next best, and not none
