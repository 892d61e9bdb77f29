"""The settings of a run come back into the panel, and the command of the present choices can always be copied."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from .conftest import choose_data


def recorded(folder: Path, arguments: list[str], **changes: Any) -> Path:
    """A run folder as ``kdnet study`` with these arguments begins it."""
    folder.mkdir(parents=True)
    study = {"schema": 2, "data": "/data", "teacher": None, "command": shlex.join(["kdnet", "study", *arguments])}
    (folder / "study.json").write_text(json.dumps({**study, **changes}))
    return folder


def test_the_settings_of_a_run_are_put_back_into_the_panel(training: Any, cases: Path, until: Any, tmp_path: Path) -> None:
    import qt

    choose_data(training, cases, until)
    training.data.student.boxes["flair"].checked = True
    training.ui.seedsEdit.text = "0, 1"
    training.ui.testFoldsEdit.text = "0,all"
    training.ui.lengthSelector.currentIndex = 1
    training.ui.amountSpinBox.value = 2.5
    training.ui.gammaSpinBox.value = 0.7
    training.ui.initFromTeacherCheckBox.checked = training.ui.controlCheckBox.checked = True
    training.parameters.excludedCases = ["Phantom_001"]
    before = training.request()
    root = recorded(tmp_path / "elsewhere", before.arguments()[1:], data=str(cases))
    for box in training.data.student.boxes.values():
        box.checked = False
    training.ui.seedsEdit.text, training.ui.testFoldsEdit.text, training.ui.lengthSelector.currentIndex = "7", "", 2
    training.ui.recipeSelector.currentIndex = 0
    training.parameters.excludedCases = []
    training.runs.refill(training.logic.open(root).root)
    training.ui.reuseButton.click()
    assert training.ui.runLabel.text == "The settings are those of elsewhere."
    assert training.request().arguments("plan") == before.arguments("plan")
    assert training.data.student.checked == ("t1ce", "flair")
    assert training.data.table.excluded() == ["Phantom_001"]
    training.ui.copyChoicesButton.click()
    assert qt.QApplication.clipboard().text() == training.request().commandLine()
    training.ui.copyButton.click()
    assert qt.QApplication.clipboard().text().splitlines()[0] == before.commandLine().splitlines()[0]


def test_settings_that_only_a_recipe_holds_come_from_the_file_of_the_run(
    training: Any, cases: Path, until: Any, tmp_path: Path, recipe_file: Any
) -> None:
    root = recorded(tmp_path / "run", [str(cases), "--student", "t1", "--set", "batch=3"], data=str(cases))
    training.runs.refill(training.logic.open(root).root)
    training.ui.reuseButton.click()
    assert "does not offer all settings of run (batch)" in training.ui.runLabel.text
    (root / "recipe.json").write_bytes(recipe_file(batch=3).read_bytes())
    training.ui.reuseButton.click()
    until(lambda: training.data.selection.summary is not None and not training.problem())
    assert training.request().recipe == str(root / "recipe.json")
    assert training.experiment.config.recipe["batch"] == 3
    assert training.request().students == (("t1",),)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--student", "t1", "--set", "distillation.gamma=2000"], "does not offer a setting of the run"),
        (["--student", "t1", "--start", "m.safetensors"], "does not offer all settings"),
        (["--student", "t1,t1+t2"], "does not offer all settings"),
        (["--student", "t1", "--frobnicate"], "cannot be read (unrecognized arguments: --frobnicate)"),
    ],
)
def test_settings_that_the_panel_lacks_are_refused_and_nothing_changes(
    training: Any, tmp_path: Path, arguments: list[str], words: str
) -> None:
    from KDNetTrainingLib.StoredChoices import as_json

    training.ui.gammaSpinBox.value = 0.3
    before = as_json(training.parameters)
    training.runs.refill(training.logic.open(recorded(tmp_path / "run", ["/data", *arguments])).root)
    training.ui.reuseButton.click()
    assert words in training.ui.runLabel.text
    assert as_json(training.parameters) == before
