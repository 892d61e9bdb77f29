"""Raw studies become a data folder in the section before the data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gate import Gate
from made_raw import brats_case


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    for number in range(2):
        brats_case(tmp_path / "raw" / f"P{number}", f"P{number}")
    brats_case(tmp_path / "raw" / "P2", "P2")
    (tmp_path / "raw" / "P2" / "P2_t2.nii.gz").unlink()
    return tmp_path / "raw"


def test_the_button_waits_for_folders_and_modalities(training: Any, raw: Path, tmp_path: Path) -> None:
    ui = training.ui
    assert not ui.prepareButton.enabled
    assert "Choose the folder with the raw studies" in ui.prepareButton.toolTip
    ui.rawFolderEdit.currentPath = str(raw)
    assert "Choose an output folder" in ui.prepareButton.toolTip
    ui.preparedFolderEdit.currentPath = str(tmp_path / "out")
    assert ui.prepareButton.enabled
    assert not ui.preparedPageButton.enabled
    for box in training.raw.modalities.boxes.values():
        box.click()
    assert "Select at least one modality" in ui.prepareButton.toolTip


def test_choices_become_arguments(training: Any, raw: Path, tmp_path: Path) -> None:
    training.ui.rawFolderEdit.currentPath = str(raw)
    training.ui.preparedFolderEdit.currentPath = str(tmp_path / "out")
    training.raw.modalities.boxes["t2"].click()
    training.ui.rawIsotropicCheckBox.click()
    training.ui.rawJobsSpinBox.setValue(3)
    assert training.raw.studies.arguments() == [
        *("prepare", str(raw), str(tmp_path / "out"), "--modalities", "t1,t1ce,flair"),
        *("--jobs", "3", "--jsonl", "--spacing", "1"),
    ]


def test_prepared_cases_become_the_data(training: Any, raw: Path, tmp_path: Path, until: Any) -> None:
    import qt

    ui, out = training.ui, tmp_path / "out"
    ui.rawFolderEdit.currentPath = str(raw)
    ui.preparedFolderEdit.currentPath = str(out)
    ui.prepareButton.click()
    assert ui.prepareButton.text == "Cancel"
    assert ui.prepareProgressBar.visible
    until(lambda: training.raw.studies.progress is not None and training.raw.studies.progress.total == 3)
    until(lambda: not training.raw.studies.busy)
    assert ui.prepareLabel.text == "2 cases prepared. 1 case could not be prepared: see the pictures and reasons."
    assert not ui.prepareProgressBar.visible
    assert ui.dataFolderEdit.currentPath == str(out)
    until(lambda: training.data.selection.summary is not None)
    assert [case.name for case in training.data.selection.cases] == ["P0", "P1"]
    ui.preparedPageButton.click()
    assert qt.QDesktopServices.opened[-1].endswith("index.html")


def test_a_preparation_can_be_canceled_and_continued(
    training: Any, raw: Path, tmp_path: Path, until: Any, held: Gate
) -> None:
    ui = training.ui
    held.close(done=1)
    ui.rawFolderEdit.currentPath = str(raw)
    ui.preparedFolderEdit.currentPath = str(tmp_path / "out")
    ui.prepareButton.click()
    until(lambda: training.raw.studies.progress is not None and training.raw.studies.progress.done == 1)
    ui.prepareButton.click()
    held.open()
    assert ui.prepareLabel.text == "Canceled. Prepare again to continue."
    assert ui.prepareButton.text == "Prepare"
    ui.prepareButton.click()
    until(lambda: not training.raw.studies.busy)
    assert ui.prepareLabel.text.startswith("2 cases prepared.")


def test_a_refusal_is_shown(training: Any, tmp_path: Path, until: Any) -> None:
    (tmp_path / "raw").mkdir()
    training.ui.rawFolderEdit.currentPath = str(tmp_path / "raw")
    training.ui.preparedFolderEdit.currentPath = str(tmp_path / "out")
    training.ui.prepareButton.click()
    until(lambda: not training.raw.studies.busy)
    assert "contains neither DICOM series nor NIfTI" in training.ui.prepareLabel.text
    assert training.ui.prepareButton.enabled


def test_progress_in_sentences(training: Any) -> None:
    from kdnet.schema.raw_studies import CurationProgress
    from KDNetTrainingLib.RawStudies import progress_text, result_text

    assert training.ui is not None
    assert progress_text(CurationProgress(files=400)) == "Searching for studies: 400 files..."
    assert progress_text(CurationProgress(9, 3, 1, seconds_left=600)) == "3 of 9 cases, 1 not prepared, 10 min left"
    assert result_text(CurationProgress(1, 1)) == "1 case prepared. Look through the pictures."
