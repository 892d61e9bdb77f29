"""From data to a deployed student through the panel, with real processes that are closed, paused, killed and resumed."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import slicer
from gate import Gate
from kdnet.runs.status import RunState, read_status
from waiting import wait_until

from .conftest import REPOSITORY, kill, rows

pytestmark = pytest.mark.slow
TEACHER = "fold0/seed0/teacher"
ENDLESS = 100_000  # steps


def state(panel: Any) -> str:
    return panel.runs.state


def test_a_student_is_trained_compared_and_deployed(
    training: Any, chosen: Any, held: Gate, until: Any, application: Any, module: Any, tmp_path: Path
) -> None:
    chosen(steps=20, validation_every=10)
    held.close(event="step", network=TEACHER, step=3)
    layout = application.layoutManager().layout
    training.ui.startButton.click()
    assert state(training) == "starting"
    assert application.layoutManager().layout == layout  # the user's, until the charts are asked for
    assert training.ui.chartsButton.text == "Show charts"
    training.ui.chartsButton.click()
    assert training.ui.chartsButton.text == "Hide charts"
    run = training.runs.run
    assert run.root.parent == tmp_path / "runs"
    pause_resume_and_kill(training, run, held, until)
    charts_fill(training, until, application)
    close_and_open_again(training, run, held, until, application)
    compare(training, until, tmp_path)
    training.ui.overlayButton.click()
    until(lambda: not training.monitor.overlay.busy)
    assert training.result.shown.names == ()  # the case in the results made room for it
    assert "with its reference" in training.ui.runLabel.text
    deploy_and_segment(training, run, until, application, module.panel)


def charts_fill(training: Any, until: Any, application: Any) -> None:
    until(lambda: training.monitor.charts.dice.node.GetNumberOfPlotSeriesNodes() > 0)
    until(lambda: training.monitor.charts.loss.node.GetNumberOfPlotSeriesNodes() == 4)
    loss = training.monitor.charts.loss.node
    assert [loss.GetNthPlotSeriesNode(index).GetName() for index in range(4)] == ["total", "L_GT", "L_KD", "L_KL"]
    view = slicer.mrmlScene.GetSingletonNode("KDNetLoss", "vtkMRMLPlotViewNode")
    assert view.GetPlotChartNode() is loss
    assert application.layoutManager().layout == 20262
    assert training.ui.chartsButton.checked
    manager = application.layoutManager()
    legends = [manager.plotWidget(index).plotView().chart().GetLegend() for index in range(manager.plotViewCount)]
    assert [legend.GetInline() for legend in legends] == [False, False]  # beside the curves


def pause_resume_and_kill(training: Any, run: Any, held: Gate, until: Any) -> None:
    """The run waits at the gate while it is paused and killed, in the teacher, and then in the student."""
    ui = training.ui
    until(lambda: state(training) == "running" and training.logic.status(run).step == 3)
    ui.pauseButton.click()
    held.close(event="step", network=TEACHER, step=6)
    until(lambda: state(training) == "paused" and not training.logic.alive(run))
    until(lambda: ui.resumeButton.enabled)
    assert training.logic.status(run).step == 4
    ui.resumeButton.click()
    until(lambda: state(training) == "running" and training.logic.status(run).step == 6)
    kill(training, run)
    until(lambda: state(training) == "failed")
    assert "killed" in ui.runLabel.text
    assert "resume the run" in ui.runLabel.text
    until(lambda: ui.resumeButton.enabled)
    held.close(event="step", network="fold0/seed0/student-t1ce", step=3)
    ui.resumeButton.click()
    until(lambda: state(training) == "running")


def close_and_open_again(training: Any, run: Any, held: Gate, until: Any, application: Any) -> None:
    """The panel is left; another one, as after a restart of Slicer, finds the run and shows where it is."""
    training.exit()
    before = application._widgets["KDNetTraining"]
    again = application.open_module("KDNetTraining", REPOSITORY / "KDNetTraining").panel
    try:
        until(lambda: again.runs.run == run and state(again) == "running")
        until(lambda: again.monitor.curves.losses)
        assert next(iter(again.monitor.curves.losses.values())).steps
        held.open()
        until(lambda: state(again) == "finished" and again.result.results is not None)
    finally:
        again.cleanup()
        application._widgets["KDNetTraining"] = before
    training.enter()


def compare(training: Any, until: Any, tmp_path: Path) -> None:
    import qt

    ui = training.ui
    until(lambda: training.result.results is not None and not training.result.results.missing)
    table = {row[0]: row[1:] for row in rows(ui.comparisonTable)}
    assert [len(cells) for cells in table.values()] == [4] * 8  # ET, TC, WT, mean
    assert table["Patients"] == ["2"] * 4
    assert table["p"] == ["too few"] * 4
    gains = [
        float(student) - float(baseline) for student, baseline in zip(table["Student"], table["Baseline"], strict=True)
    ]
    assert [float(gain) for gain in table["Gain"]] == pytest.approx(gains, abs=0.0011)
    low, high = (float(value) for value in table["95% CI"][3].split())
    assert low <= float(table["Gain"][3]) <= high
    dice = [float(row[3]) for row in rows(ui.resultCasesTable)]
    assert dice == sorted(dice)
    ui.resultCasesTable.cellDoubleClicked.emit(0, 0)
    until(lambda: "Loaded" in ui.resultLabel.text)
    names = {node.GetName().split(" ", 1)[1] for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode")}
    assert names == {"teacher", "baseline", "student", "reference"}
    assert training.result.shown.checked == ("student", "reference")
    training.result.shown.boxes["teacher"].checked = True
    segmentations = training.result._loaded.segmentations
    assert segmentations["teacher"].GetDisplayNode().GetVisibility()
    assert not segmentations["baseline"].GetDisplayNode().GetVisibility()
    ui.reportButton.click()
    assert qt.QDesktopServices.opened[-1].endswith("report.html")
    qt.QFileDialog.answer = str(tmp_path / "exported.safetensors")
    ui.exportButton.click()
    assert (tmp_path / "exported.safetensors").is_file()
    (row,) = rows(ui.runsTable)
    assert row[1] == "finished"
    assert float(row[2]) == pytest.approx(float(table["Student"][3]), abs=0.0051)
    assert row[3] == time.strftime("%Y-%m-%d")
    assert row[4] == "phantom"


def deploy_and_segment(training: Any, run: Any, until: Any, application: Any, segmentation: Any) -> None:
    training.ui.deployButton.click()
    until(lambda: application.selected[-1:] == ["KDNetSegmentation"])
    assert not training.monitor.layout.shown
    assert segmentation.model.path.name == f"{run.name} t1ce.safetensors"
    assert segmentation.model.role == "student"
    volume = training.monitor._loaded.volumes["t1ce"]
    segmentation.ui.inputSelector1.setCurrentNode(volume if volume.GetScene() else None)
    segmentation.ui.applyButton.click()
    until(lambda: not segmentation.logic.busy)
    assert segmentation.ui.statusLabel.text.startswith("Done in")
    segmentation.model.path.unlink()
    slicer.util.selectModule("KDNetTraining")


def test_runs_wait_for_each_other_and_can_be_paused(training: Any, chosen: Any, until: Any) -> None:
    chosen(steps=ENDLESS)
    training.ui.startButton.click()
    first = training.runs.run
    training.ui.startButton.click()
    second = training.runs.run
    assert first != second
    until(lambda: state(training) == "waiting" and "waiting for" in training.ui.runLabel.text)
    assert first.name in training.ui.runLabel.text
    training.ui.runsTable.setCurrentCell(0, 0)
    until(lambda: state(training) == "running")
    training.ui.pauseButton.click()
    until(lambda: state(training) == "paused")
    training.ui.runsTable.setCurrentCell(1, 0)
    until(lambda: state(training) == "running")
    training.ui.pauseButton.click()
    until(lambda: state(training) == "paused")
    assert read_status(second.root).state is RunState.PAUSED
    training.ui.forgetButton.click()
    assert training.logic.runs() == (first,)
    assert second.root.is_dir()


def test_a_run_that_cannot_begin_reports_why(
    training: Any, chosen: Any, until: Any, tmp_path: Path, recipe_file: Any
) -> None:
    chosen()
    training.ui.recipeFileEdit.currentPath = str(recipe_file(batch=0))  # refused by the backend alone
    until(lambda: "Batch is 0" in training.ui.experimentLabel.text)
    assert not training.ui.startButton.enabled
    chosen()
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "thesis.txt").write_text("not a run")
    training.ui.runNameEdit.text = "mine"
    training.ui.startButton.click()
    until(lambda: "contains other files" in training.ui.runLabel.text)
    assert (tmp_path / "runs" / "mine" / "thesis.txt").read_text() == "not a run"


def test_a_run_folder_of_a_newer_version_is_refused(training: Any, tmp_path: Path) -> None:
    import qt

    (tmp_path / "study.json").write_text('{"schema": 99}')
    qt.QFileDialog.answer = str(tmp_path)
    training.ui.openButton.click()
    assert "newer version" in training.ui.runLabel.text
    assert training.logic.runs() == ()
    qt.QFileDialog.answer = str(tmp_path / "none")
    training.ui.openButton.click()
    assert "is not a run folder" in training.ui.runLabel.text


def test_a_run_in_use_is_not_started_again(training: Any, chosen: Any, until: Any) -> None:
    from kdnet.errors import RunFolderError

    chosen(steps=ENDLESS)
    training.ui.startButton.click()
    run = training.runs.run
    with pytest.raises(RunFolderError, match="another process"):
        training.logic.resume(run)
    until(lambda: state(training) == "running")
    training.logic.processes = type(training.logic.processes)()  # as after a restart of Slicer
    with pytest.raises(RunFolderError, match="another process"):
        training.logic.resume(run)
    training.ui.copyButton.click()
    import qt

    assert qt.QApplication.clipboard().text().startswith("kdnet study")
    training.logic.pause(run)
    wait_until(lambda: not training.logic.alive(run))
