"""A case of a student is shown on the channel that is the student's input, whatever the data call it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import slicer


@pytest.mark.parametrize(("index", "modality"), [(0, "FLAIR"), (1, "asl-cbf")])
def test_the_background_is_the_input_of_the_student(
    training: Any, until: Any, hyphenated_run: Path, tmp_path: Path, index: int, modality: str
) -> None:
    shutil.copytree(hyphenated_run, tmp_path / "run")
    run = training.logic.open(tmp_path / "run")
    training.runs.refill(run.root)
    until(lambda: training.result.results is not None)
    training.ui.studentShownSelector.currentIndex = index
    assert training.ui.studentShownSelector.currentText == modality
    training.ui.resultCasesTable.cellDoubleClicked.emit(0, 0)
    until(lambda: "Loaded" in training.ui.resultLabel.text)
    assert slicer.app.background.GetName().endswith(f" {modality}")
