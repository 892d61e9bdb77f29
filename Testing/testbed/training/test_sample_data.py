"""The tutorial's data come from Slicer's Sample Data module."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest


def test_the_tutorials_data_are_drawn_and_chosen(
    training: Any, application: Any, until: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from KDNetTrainingLib import DataPanel, SampleData

    registered: list[dict[str, Any]] = []
    logic = types.SimpleNamespace(registerCustomSampleDataSource=lambda **source: registered.append(source))
    monkeypatch.setitem(sys.modules, "SampleData", types.SimpleNamespace(SampleDataLogic=logic))
    SampleData.register_sample_data()
    (source,) = registered
    assert Path(source["thumbnailFileName"]).is_file()
    folder = tmp_path / "KDNet phantom"
    monkeypatch.setattr(SampleData, "phantom_folder", lambda: folder)
    monkeypatch.setattr(DataPanel, "PHANTOM_CASES", 1)
    source["customDownloader"](None)
    assert application.selected[-1] == "KDNetTraining"
    assert "Drawing 1 synthetic cases" in training.ui.dataLabel.text
    until(lambda: training.data.selection.folder == folder)
    training.ui.dataFolderEdit.currentPath = ""
    source["customDownloader"](None)  # they are there now
    assert training.data.selection.folder == folder


def test_a_lowered_priority_is_said_with_its_remedy(training: Any, caplog: pytest.LogCaptureFixture) -> None:
    import logging

    caplog.set_level(logging.INFO)
    training.experiment.show_priority(19)
    assert "nice 19" in training.ui.priorityLabel.text
    assert "68 times the time" in training.ui.priorityLabel.text
    assert "SLICER_BACKGROUND_THREAD_PRIORITY=0" in caplog.text
    training.experiment.show_priority(0)
    assert not training.ui.priorityLabel.visible
