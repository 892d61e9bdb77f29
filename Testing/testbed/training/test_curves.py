"""Curves and charts: thousands of events, steps done again, and one notice per drawing."""

from __future__ import annotations

from typing import Any

import slicer
import vtk
from kdnet.training.events import Event, EventKind

STUDENT, TEACHER = "fold0/seed0/student-t1ce", "fold0/seed0/teacher"


def step(number: int, network: str = STUDENT) -> Event:
    losses = {"total": 1.0 / number, "gt": 0.5, "kd": 0.25, "latent": 0.125}
    return Event(0.0, EventKind.STEP, network, {"step": number, "steps": 10_000, "losses": losses})


def validation(number: int, network: str) -> Event:
    return Event(0.0, EventKind.VALIDATION, network, {"step": number, "loss": 1.0, "dice": {"ET": 0.5, "WT": 0.75}})


def test_thousands_of_events_are_thinned_out(training: Any) -> None:
    from KDNetTrainingLib.Curves import MOST_POINTS, Curves

    curves = Curves()
    curves.add(step(number) for number in range(1, 20_001))
    curve = curves.losses[STUDENT]
    assert MOST_POINTS / 3 < len(curve.steps) <= MOST_POINTS
    assert curve.steps == sorted(curve.steps)
    assert curve.steps[0] == 1
    assert curve.steps[-1] > 19_990


def test_steps_that_are_done_again_replace_the_first_ones(training: Any) -> None:
    from KDNetTrainingLib.Curves import Curves

    curves = Curves()
    curves.add([step(1), step(2), step(3), step(2)])
    assert curves.losses[STUDENT].steps == [1, 2]


def test_a_drawing_tells_of_its_change_once(training: Any) -> None:
    from KDNetTrainingLib.Charts import Charts
    from KDNetTrainingLib.Curves import Curves

    curves, charts = Curves(), Charts()
    curves.add([step(1)])
    charts.update(curves, STUDENT)
    assert charts.loss.node.GetNumberOfPlotSeriesNodes() == 0  # a line needs two points
    curves.add([step(2)])
    charts.update(curves, STUDENT)
    table = charts.loss.node.GetNthPlotSeriesNode(0).GetTableNode()
    notices = []
    tag = table.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: notices.append(1))
    curves.add(step(number) for number in range(3, 1002))
    charts.update(curves, STUDENT)
    charts.update(curves, STUDENT)  # nothing new
    table.RemoveObserver(tag)
    assert len(notices) == 1
    assert table.GetTable().GetNumberOfRows() == 1001
    curves.add([step(500)])
    charts.update(curves, STUDENT)
    assert table.GetTable().GetNumberOfRows() == 500
    charts.remove()
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLTableNode") == 0


def test_dice_of_all_networks_of_a_fold_is_drawn_together(training: Any) -> None:
    from KDNetTrainingLib.Charts import Charts
    from KDNetTrainingLib.Curves import Curves

    curves, charts = Curves(), Charts()
    for number in (1, 2):
        curves.add([validation(number, name) for name in (TEACHER, STUDENT, "fold1/seed0/teacher")])
    charts.update(curves, STUDENT)
    chart = charts.dice.node
    series = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [node.GetName() for node in series] == ["Teacher ET", "Teacher WT", "Student T1CE ET", "Student T1CE WT"]
    assert series[0].GetColor() == series[2].GetColor()
    assert series[0].GetLineStyle() != series[2].GetLineStyle()
    charts.remove()


def test_charts_come_back_after_the_scene_was_closed(training: Any) -> None:
    training.live.curves.add([step(1), step(2)])
    training.live.showCharts()
    first = training.live.charts.loss.node
    slicer.mrmlScene.Clear()
    assert first.GetScene() is None
    training.live.curves.add([step(3)])
    training.live.showCharts()
    node = training.live.charts.loss.node
    assert node.GetScene() is slicer.mrmlScene
    assert node.GetNthPlotSeriesNode(0).GetTableNode().GetTable().GetNumberOfRows() == 3
    training.ui.chartsButton.checked = True
    training.ui.chartsButton.click()
    assert slicer.app.layoutManager().layout != 20262
    training.live.charts.remove()
