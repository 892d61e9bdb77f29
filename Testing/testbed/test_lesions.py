"""The lesions of a result: listed, shown, dropped and restored."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import slicer
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume
from kdnet.measurement.lesions import find_lesions

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def result(panel: Any, phantom_volume: Any, wait: Wait) -> Any:
    """The phantom, segmented."""
    panel.ui.inputSelector1.setCurrentNode(phantom_volume)
    panel.ui.applyButton.click()
    wait(lambda: not panel.logic.busy)
    assert panel.ui.statusLabel.text.startswith("Done in"), panel.ui.statusLabel.text
    return panel.parameters.result


def labelmap(panel: Any) -> np.ndarray:
    from KDNetLib.SegmentationNode import labelmap_of

    return labelmap_of(panel.parameters.result, panel.model.labels, panel.parameters.resultVolume)


def rows(panel: Any) -> list[list[str]]:
    table = panel.ui.lesionsTable
    return [[table.item(row, column).text() for column in range(5)] for row in range(table.rowCount)]


def check(panel: Any, row: int, *, kept: bool) -> None:
    import qt

    panel.ui.lesionsTable.item(row, 0).setCheckState(qt.Qt.Checked if kept else qt.Qt.Unchecked)


def is_checked(panel: Any, row: int) -> bool:
    import qt

    return panel.ui.lesionsTable.item(row, 0).checkState() == qt.Qt.Checked


def settle(panel: Any, wait: Wait) -> None:
    """Wait until a change of the segments has been measured."""
    wait(lambda: not panel.results._edited and not panel.logic._queries)


def add_part(panel: Any, voxels: np.ndarray) -> None:
    """Mark a second lesion, as a user would in Segment Editor."""
    from KDNetLib.SegmentationNode import replace_labels

    replace_labels(panel.parameters.result, panel.model.labels, voxels, panel.parameters.resultVolume, (2,))


def test_the_table_is_that_of_the_command(panel: Any, result: Any, repository: Any) -> None:
    grid = read_volume(repository / "Resources" / "SampleData" / "Phantom_002_t1ce.nii.gz").grid
    table = find_lesions(Volume(labelmap(panel).T, grid), panel.model.labels, smallest_ml=0.05).table
    shown = rows(panel)
    first = table.lesions[0]
    assert shown[0][0] == "1 WT"
    assert shown[0][1] == f"{first.whole.milliliters:.2f}"
    assert shown[0][2] == f"{first.whole.diameter.length:.1f} x {first.whole.perpendicular.length:.1f}"
    assert [row[0].strip() for row in shown[: len(first.sizes)]] == ["1 WT", *(size.name for size in first.sizes[1:])]
    assert 50 <= int(shown[0][4].rstrip("%")) <= 100
    assert f"in the {table.plane} plane" in panel.ui.lesionsHint.text


def test_lesions_are_not_cut_off_after_a_second_segmentation(
    panel: Any, result: Any, application: Any, module: Any
) -> None:
    from PySide6 import QtWidgets

    panel.ui.resultsSection.collapsed = False
    application.panel.show()
    for _again in range(2):
        panel.lesions._show()
        application.process_events()
    table = panel.ui.lesionsTable
    needed = QtWidgets.QTableWidget.sizeHintForColumn(table, 0)
    assert QtWidgets.QTableWidget.columnWidth(table, 0) >= needed


def test_a_click_shows_the_lesion(panel: Any, result: Any) -> None:
    view = slicer.vtkMRMLSliceNode()
    view.SetName("Red")
    view.SetLayoutName("Red")
    view = slicer.mrmlScene.AddNode(view)
    view.SetOrientationToAxial()
    view.SetSliceOffset(500.0)
    panel.ui.lesionsTable.cellClicked.emit(0, 2)
    assert view.GetSliceOffset() == pytest.approx(panel.lesions.selection.lesions.table.lesions[0].inside[2])


def test_a_lesion_is_dropped_and_restored_and_segments_and_volumes_follow(panel: Any, result: Any, wait: Wait) -> None:
    before = labelmap(panel)
    other = slicer.vtkSegment()
    other.SetName("Mine")
    result.GetSegmentation().AddSegment(other, "Mine")
    settle(panel, wait)
    whole, table = panel.results.volumes["WT"], rows(panel)
    panel.ui.show3DButton.click()
    check(panel, 0, kept=False)
    surface = result.GetSegmentation().GetSegment("label_2").GetRepresentation("Closed surface")
    number = panel.lesions.selection.lesions.table.lesions[0].number
    inside = np.zeros(before.shape, bool)
    inside[panel.lesions.selection.lesions.box] = panel.lesions.selection.lesions.numbers == number
    assert not labelmap(panel)[inside].any()
    assert np.array_equal(labelmap(panel)[~inside], before[~inside])
    settle(panel, wait)
    assert panel.results.volumes["WT"] < whole
    assert rows(panel) == table  # still listed, with its confidence
    assert not is_checked(panel, 0)
    assert result.GetSegmentation().GetSegment("Mine") is not None
    assert surface is None or not surface.GetNumberOfPoints()
    check(panel, 0, kept=True)
    assert np.array_equal(labelmap(panel), before)
    assert result.GetSegmentation().GetSegment("label_2").GetRepresentation("Closed surface").GetNumberOfPoints()
    settle(panel, wait)
    assert is_checked(panel, 0)
    assert panel.results.volumes["WT"] == pytest.approx(whole)


def test_corrections_are_measured_and_kept_when_a_lesion_is_restored(panel: Any, result: Any, wait: Wait) -> None:
    lesions = len(panel.lesions.selection.lesions.table.lesions)
    check(panel, 0, kept=False)
    settle(panel, wait)
    voxels = labelmap(panel)
    corner = voxels[:6, :6, :6]
    assert not corner.any()
    corner[...] = 2  # far from the tumor, 216 voxels
    add_part(panel, voxels)
    wait(lambda: panel.lesions.selection.lesions is not None and len(rows(panel)) > 0)
    settle(panel, wait)
    wait(lambda: len(panel.lesions.selection.lesions.table.lesions) == lesions + 1)
    assert not is_checked(panel, 0)
    check(panel, 0, kept=True)
    assert (labelmap(panel)[:6, :6, :6] == 2).all()
    assert panel.results.node is result


def test_lesions_of_a_loaded_scene_are_measured_on_request(panel: Any, result: Any, wait: Wait) -> None:
    shown = [row[:4] for row in rows(panel)]
    panel.logic.worker.stop()
    panel.lesions.selection = None
    panel.exit()
    panel.results.clear()
    assert not panel.ui.lesionsTable.visible
    panel.enter()
    assert panel.ui.measureButton.visible
    panel.ui.measureButton.click()
    wait(lambda: panel.ui.lesionsTable.visible)
    assert [row[:4] for row in rows(panel)] == shown
    assert rows(panel)[0][4] == ""  # probabilities are not in the scene


def test_a_segmentation_without_lesions_says_so(panel: Any, result: Any, wait: Wait) -> None:
    from KDNetLib.SegmentationNode import replace_labels

    empty = np.zeros_like(labelmap(panel))
    replace_labels(result, panel.model.labels, empty, panel.parameters.resultVolume, (1, 2, 3))
    wait(lambda: panel.ui.lesionsHint.text == "No lesion of at least 0.05 mL.")
    assert not panel.ui.lesionsTable.visible


def test_the_console_measures_too(panel: Any, result: Any) -> None:
    lesions = panel.logic.measureLesions(result, panel.parameters.resultVolume)
    assert lesions.table.lesions[0].whole.milliliters > 5


def test_doubtful_lesions_are_listed_unchecked_and_can_be_restored(
    panel: Any, result: Any, tmp_path: Path, wait: Wait
) -> None:
    """As a result of a model whose card has a lesion confidence: the segments lack what the worker sent apart."""
    from KDNetLib.SegmentationNode import replace_labels
    from KDNetSegmentationLib.Lesions import LesionMap

    everything, lesions = labelmap(panel), panel.lesions.selection.lesions
    doubtful = np.zeros(everything.shape, bool)
    doubtful[lesions.box] = lesions.numbers == 1
    np.save(tmp_path / "numbers.npy", lesions.numbers)
    np.save(tmp_path / "dropped.npy", np.where(doubtful, everything, 0).astype(np.uint8))
    judged = [replace(lesion, confidence=0.1, doubtful=lesion.number == 1) for lesion in lesions.table.lesions]
    answer = {
        "lesions": replace(lesions.table, lesions=tuple(judged)).to_json(),
        "numbers": str(tmp_path / "numbers.npy"),
        "corner": lesions.corner,
        "others": (),
        "dropped": str(tmp_path / "dropped.npy"),
    }
    kept = np.where(doubtful, 0, everything).astype(np.uint8)
    replace_labels(result, panel.model.labels, kept, panel.parameters.resultVolume, (1, 2, 3))
    taken = SimpleNamespace(segmentationNode=result, lesions=LesionMap.received(answer, kept))
    panel.lesions.take(taken, panel.parameters.resultVolume, panel.model)
    assert not is_checked(panel, 0)
    assert rows(panel)[0][4] == "10%"
    assert "rarely right" in panel.ui.lesionsTable.item(0, 0).toolTip()
    assert panel.lesions.selection.isCurrent()
    check(panel, 0, kept=True)
    assert np.array_equal(labelmap(panel), everything)
