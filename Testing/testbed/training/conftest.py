"""The training module, opened in the stand-in beside the segmentation module."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gate import Gate
from kdnet.data.phantom import write_phantom
from waiting import wait_until

REPOSITORY = Path(__file__).resolve().parents[3]
TINY = {
    "name": "tiny",
    "network": "segresnet-4",
    "spacing": [6.0, 6.0, 6.0],
    "patch": [16, 16, 16],
    "batch": 1,
    "steps": 12,
    "learning_rate": 0.01,
    "validation_every": 4,
    "checkpoint_seconds": 0.5,
    "distillation": {"lambda_": 0.5, "gamma": 0.1, "temperature": 2.0},
}


@pytest.fixture(scope="session")
def training_module(application: Any, module: Any) -> Iterator[Any]:
    """The widget of KDNetTraining, opened once, after that of KDNetSegmentation, on which it depends."""
    widget = application.open_module("KDNetTraining", REPOSITORY / "KDNetTraining")
    widget.parent.resize(470, 1400)
    widget.parent.show()
    known = widget.panel.experiment.config
    wait_until(lambda: known.capabilities is not None, pause=application.process_events)
    yield widget
    widget.cleanup()


@pytest.fixture
def training(training_module: Any, tmp_path: Path) -> Iterator[Any]:
    """The panel with an empty scene, the default choices, no runs, and a folder for runs."""
    import slicer

    panel = training_module.panel
    panel._stored.forget()
    slicer.mrmlScene.Clear()
    if not panel._gui.connected:  # a test that failed had left it
        panel.enter()
    forget_runs(panel)
    panel.parameters.runsFolder = tmp_path / "runs"
    yield panel
    panel.data.cleanup()
    panel.plan.cleanup()
    for run in panel.logic.runs():
        kill(panel, run)
    forget_runs(panel)


@pytest.fixture
def until(application: Any) -> Callable[[Callable[[], Any]], None]:
    """Let the event loop run until something is so."""
    return lambda condition: wait_until(condition, pause=application.process_events)


@pytest.fixture
def held(training: Any, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> Gate:
    """A gate for the runs and commands that the panel starts."""
    import KDNetTrainingLib.RunProcesses
    from KDNetLib.Command import Command

    monkeypatch.setattr(KDNetTrainingLib.RunProcesses, "python_arguments", lambda _count, given: [*gate.module, *given])
    monkeypatch.setitem(Command.__init__.__kwdefaults__, "module", gate.module)
    return gate


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Writes a recipe of a few tiny steps."""

    def write(**values: Any) -> Path:
        path = tmp_path_factory.mktemp("recipe") / "tiny.json"
        path.write_text(json.dumps({**TINY, **values}))
        return path

    return write


@pytest.fixture(scope="session")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six small phantom cases, under a folder name that can be shown."""
    folder = tmp_path_factory.mktemp("data") / "phantom"
    write_phantom(folder, cases=6, shape=(28, 33, 26), spacing=6.0)
    return folder


@pytest.fixture
def chosen(training: Any, cases: Path, until: Any, recipe_file: Callable[..., Path]) -> Callable[..., Any]:
    """Chooses data and a tiny recipe in the panel; the panel is ready to start then."""

    def choose(**values: Any) -> Any:
        choose_data(training, cases, until)
        choose_recipe(training, recipe_file(**values), until)
        training.ui.testFoldsEdit.text = "0"
        training.ui.threadsSpinBox.value = 1  # two threads that wait for each other are slow beside a busy test
        return training

    return choose


def choose_data(panel: Any, folder: Path, until: Any) -> None:
    panel.ui.dataFolderEdit.currentPath = str(folder)
    until(lambda: panel.data.selection.summary is not None)


def choose_recipe(panel: Any, path: Path, until: Any) -> None:
    selector = panel.ui.recipeSelector
    selector.currentIndex = selector.count - 1
    panel.ui.recipeFileEdit.currentPath = str(path)
    until(lambda: panel.experiment.config.recipe is not None)


def rows(table: Any) -> list[list[str]]:
    """The text of a table."""
    return [[table.item(row, column).text() for column in range(table.columnCount)] for row in range(table.rowCount)]


def forget_runs(panel: Any) -> None:
    for run in panel.logic.runs():
        panel.logic.remove(run)
    panel.runs.refill()


def kill(panel: Any, run: Any) -> None:
    """End the process of a run without a word, as a machine that goes down does."""
    process = panel.logic.processes.find(run)
    if process is not None and process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
