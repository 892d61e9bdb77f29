"""Scans are ranked in the panel, and the one that is clicked becomes the input."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import slicer
from kdnet.schema.ranking import Ranked
from training.conftest import rows

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def scans(panel: Any, phantom: Path, tmp_path: Path) -> Iterator[Path]:
    """Two scans, and a file that is none."""
    folder = tmp_path / "scans"
    folder.mkdir()
    for path in sorted(phantom.glob("*/*_t1ce.nii.gz"))[:2]:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "broken_t1ce.nii.gz").write_bytes(b"nothing")
    yield folder
    panel.ranking.cleanup()


def test_the_most_uncertain_scan_is_first_and_is_loaded_on_a_click(
    panel: Any, scans: Path, wait: Wait, application: Any
) -> None:
    ui = panel.ui
    assert not ui.rankButton.enabled
    ui.rankFolderEdit.currentPath = str(scans)
    ui.rankButton.click()
    assert ui.rankButton.text == "Cancel"
    wait(lambda: not panel.ranking.ranking.busy)
    assert ui.rankButton.text == "Rank scans"
    listed = rows(ui.rankTable)
    assert len(listed) == 3
    assert float(listed[0][1]) >= float(listed[1][1])
    assert listed[2][:2] == ["broken", ""]
    assert "broken_t1ce.nii.gz" in listed[2][2]

    ui.rankTable.cellClicked.emit(0, 0)
    volume = panel.parameters.inputVolume
    assert volume.GetName().startswith(listed[0][0])
    assert application.background is volume
    count = slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    ui.rankTable.cellClicked.emit(0, 0)
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode") == count, "it is not loaded again"
    ui.rankTable.cellClicked.emit(2, 0)
    assert "broken_t1ce.nii.gz" in ui.rankHint.text
    assert panel.parameters.inputVolume is volume


def test_a_ranking_can_be_canceled(panel: Any, scans: Path) -> None:
    panel.ui.rankFolderEdit.currentPath = str(scans)
    panel.ui.rankButton.click()
    panel.ui.rankButton.click()
    assert panel.ui.rankHint.text == "Canceled."
    assert not panel.ranking.ranking.busy


def test_a_killed_ranking_is_told_and_can_be_repeated(panel: Any, scans: Path, wait: Wait) -> None:
    ranking, ui = panel.ranking.ranking, panel.ui
    ui.rankFolderEdit.currentPath = str(scans)
    ui.rankButton.click()
    os.kill(ranking._command._process.pid, signal.SIGKILL)
    wait(lambda: not ranking.busy)
    assert ui.rankButton.text == "Rank scans"
    assert "killed" in ui.rankHint.text, ui.rankHint.text
    ui.rankButton.click()
    wait(lambda: not ranking.busy)
    assert len(rows(ui.rankTable)) == 3


def test_a_folder_without_scans_and_a_scan_that_cannot_be_loaded(
    panel: Any, tmp_path: Path, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    panel.ui.rankFolderEdit.currentPath = str(tmp_path / "empty")
    panel.ui.rankButton.click()
    wait(lambda: not panel.ranking.ranking.busy)
    assert str(tmp_path / "empty") in panel.ui.rankHint.text + str(rows(panel.ui.rankTable))
    panel.ranking.ranking.scans = (Ranked("a", 0.5, files=(tmp_path / "empty",)),)
    panel.ui.rankTable.cellClicked.emit(0, 0)
    assert "cannot be loaded" in panel.ui.rankHint.text
