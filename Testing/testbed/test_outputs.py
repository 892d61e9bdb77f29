"""Report, DICOM SEG and comparison of visits, from the panel and from the console."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import slicer
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume
from made_series import dicom_series

Wait = Callable[[Callable[[], bool]], None]


def segmented(panel: Any, volume: Any, wait: Wait) -> Any:
    panel.ui.inputSelector1.setCurrentNode(volume)
    panel.ui.applyButton.click()
    wait(lambda: not panel.logic.busy)
    assert panel.ui.statusLabel.text.startswith("Done in"), panel.ui.statusLabel.text
    return panel.parameters.result


@pytest.fixture
def dicom_volume(
    panel: Any, repository: Path, add_volume: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The phantom as a volume that Slicer's DICOM module has loaded: attributes, and a database that knows the files."""
    scan = read_volume(repository / "Resources" / "SampleData" / "Phantom_002_t1ce.nii.gz")
    voxels = np.asarray(scan.voxels) - np.asarray(scan.voxels).min()
    voxels = np.rint(voxels * (4000 / voxels.max())).astype(np.uint16)
    series = dicom_series(tmp_path / "series", Volume(voxels, scan.grid))
    files = {f"1.2.{index}": str(file) for index, file in enumerate(sorted(series.iterdir()))}
    header = {"0008,103e": "AX T1 POST GD", "0008,0060": "MR"}
    database = SimpleNamespace(
        instanceValue=lambda _uid, tag: header.get(tag, ""),
        fileForInstance=lambda uid: files.get(uid, ""),
        filesForSeries=lambda _uid: list(files.values()),
    )
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    placed = read_volume(series)
    node = add_volume(np.ascontiguousarray(np.asarray(placed.voxels).T), placed.grid.affine, "7: AX T1 POST GD")
    node.SetAttribute("DICOM.instanceUIDs", " ".join(files))
    return node


@pytest.mark.parametrize("suffix", [".html", ".pdf"])
def test_a_report_is_written_from_the_panel(panel: Any, dicom_volume: Any, wait: Wait, tmp_path: Path, suffix: str) -> None:
    import qt

    assert not panel.ui.warningLabel.visible  # a volume like any other
    segmented(panel, dicom_volume, wait)
    path = tmp_path / f"report{suffix}"
    qt.QFileDialog.answer = str(path)
    panel.ui.reportButton.click()
    wait(lambda: not panel.logic.busy)
    assert panel.ui.statusLabel.text == f"Saved {path}."
    content = path.read_bytes()
    if suffix == ".pdf":
        assert content.startswith(b"%PDF")
    else:
        for text in ("KD-0042", "AX T1 POST GD", "Phantom demo", "research use only"):
            assert text in content.decode()
    qt.QFileDialog.answer = str(tmp_path / "missing" / f"report{suffix}")
    panel.ui.reportButton.click()
    wait(lambda: not panel.logic.busy)
    assert "cannot be written" in panel.ui.statusLabel.text
    qt.QFileDialog.answer = str(tmp_path / "report.doc")
    panel.ui.reportButton.click()
    assert "must end in .html or .pdf" in panel.ui.statusLabel.text


def test_a_dicom_seg_is_read_back_with_the_segments(panel: Any, dicom_volume: Any, wait: Wait, tmp_path: Path) -> None:
    import qt

    highdicom = pytest.importorskip("highdicom")
    node = segmented(panel, dicom_volume, wait)
    assert panel.ui.dicomSegButton.enabled
    qt.QFileDialog.answer = str(tmp_path / "seg")
    panel.ui.dicomSegButton.click()
    wait(lambda: not panel.logic.busy)
    assert panel.ui.statusLabel.text == f"Saved {tmp_path / 'seg.dcm'}."
    found = highdicom.seg.segread(tmp_path / "seg.dcm")
    assert found.PatientID == "KD-0042"
    labels = slicer.util.arrayFromSegmentBinaryLabelmap(node, "label_2", dicom_volume)
    edema = next(n for n in found.segment_numbers if found.get_segment_description(n).segment_label == "Edema")
    volume = found.get_volume(segment_numbers=[edema], combine_segments=True)
    assert np.count_nonzero(volume.array) == np.count_nonzero(labels)


def test_the_button_for_dicom_seg_says_why_it_cannot_be_used(
    panel: Any, phantom_volume: Any, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmented(panel, phantom_volume, wait)
    assert not panel.ui.dicomSegButton.enabled
    assert "was not loaded from the DICOM database" in panel.ui.dicomSegButton.toolTip
    database = SimpleNamespace(instanceValue=lambda *_: "", fileForInstance=lambda _uid: "/gone/1.dcm")
    monkeypatch.setattr(slicer, "dicomDatabase", database, raising=False)
    phantom_volume.SetAttribute("DICOM.instanceUIDs", "1.2.3")
    panel.update()
    assert "/gone/1.dcm is missing" in panel.ui.dicomSegButton.toolTip


def test_highdicom_is_offered_when_it_is_missing(
    panel: Any, dicom_volume: Any, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    from KDNetLib import OptionalPackage as optional
    from KDNetLib.Dependencies import Package

    segmented(panel, dicom_volume, wait)
    started: list[Any] = []
    package = Package("highdicom>=0.28", 5)
    monkeypatch.setattr(optional, "missing_package", lambda _name: package)
    installer = SimpleNamespace(running=False, start=started.append)
    monkeypatch.setattr(panel.outputs.highdicom, "_installer", installer)
    panel.ui.dicomSegButton.click()
    assert started == [(package,)]


def test_the_series_is_found_through_the_subject_hierarchy_too(panel: Any, phantom_volume: Any, monkeypatch: Any) -> None:
    from KDNetSegmentationLib.DicomSource import dicom_files

    monkeypatch.setattr(
        slicer, "dicomDatabase", SimpleNamespace(filesForSeries=lambda uid: [f"/{uid}/1.dcm"]), raising=False
    )
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
    item = tree.GetItemByDataNode(phantom_volume) or tree.CreateItem(tree.GetSceneItemID(), phantom_volume)
    assert dicom_files(phantom_volume) == []
    tree.SetItemUID(item, "DICOM", "1.2.3")
    assert dicom_files(phantom_volume) == ["/1.2.3/1.dcm"]


def test_visits_are_shown_side_by_side(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    from KDNetLib.SegmentationNode import labelmap_of, replace_labels

    earlier = segmented(panel, phantom_volume, wait)
    earlier.SetName("May")
    later = segmented(panel, phantom_volume, wait)
    later.SetName("June")
    assert not panel.ui.visitsButton.enabled
    assert "earlier visit" in panel.ui.visitsButton.toolTip
    panel.ui.earlierSelector.setCurrentNode(earlier)
    labels = panel.model.labels
    voxels = labelmap_of(later, labels, phantom_volume)
    enhancing = np.argwhere(voxels == 3)
    voxels[tuple(enhancing[: len(enhancing) // 2].T)] = 2
    replace_labels(later, labels, voxels, phantom_volume, (2, 3))
    panel.ui.registerCheckBox.checked = False
    assert panel.ui.visitsButton.enabled
    panel.ui.visitsButton.click()
    wait(lambda: not panel.logic.busy)
    table = panel.ui.visitsTable
    shown = {
        table.item(row, 0).text(): [table.item(row, column).text() for column in range(1, 4)]
        for row in range(table.rowCount)
    }
    before, now, change = shown["ET (mL)"]
    assert float(now) == pytest.approx(float(before) / 2, rel=0.02)
    assert change.startswith("\N{MINUS SIGN}")
    assert "(\N{MINUS SIGN}50%)" in change
    assert "stable disease" in shown["WT RANO by volume"][2]
    assert any(name.strip().startswith("ET lesion") for name in shown)
    assert "without registration" in panel.ui.visitsHint.text
    assert "not an assessment" in panel.ui.visitsHint.text
    panel.ui.visitsButton.click()
    assert panel.ui.visitsButton.text == "Cancel"
    panel.ui.visitsButton.click()
    assert not panel.logic.busy
    assert panel.ui.visitsButton.text == "Compare visits"
    result = panel.logic.compareVisits(earlier, later, register=False)
    assert (result.earlier, result.later) == ("May", "June")


def test_a_comparison_that_makes_no_sense_is_refused_in_one_sentence(panel: Any, phantom_volume: Any, wait: Wait) -> None:
    from KDNetSegmentationLib.Settings import SegmentationError

    node = segmented(panel, phantom_volume, wait)
    with pytest.raises(SegmentationError, match="same segmentation"):
        panel.logic.compareVisits(node, node)
    alone = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Alone")
    with pytest.raises(SegmentationError, match="The volume of Alone is not in the scene"):
        panel.logic.compareVisits(alone, node)
    with pytest.raises(SegmentationError, match="The model that made Alone is not known here"):
        panel.logic.compareVisits(node, alone)
