"""Curves and charts: thousands of events, steps done again, and one notice per drawing."""

from __future__ import annotations

from typing import Any

import pytest
import slicer
import vtk
from kdnet.runs.events import Event, EventKind
from kdnet.runs.planned_networks import network_records
from kdnet.schema.network_id import NetworkId, Role

STUDENT = NetworkId(Role.STUDENT, ("t1ce",), fold=0, seed=0)
TEACHER = NetworkId(Role.TEACHER, ("t1", "t1ce"), fold=0, seed=0)
OTHER = NetworkId(Role.TEACHER, ("t1", "t1ce"), fold=1, seed=0)
STARTED = Event(0.0, EventKind.STUDY_STARTED, "", {"networks": network_records([TEACHER, STUDENT, OTHER])})


def step(number: int, network: NetworkId = STUDENT) -> Event:
    losses = {"total": 1.0 / number, "segmentation": 0.5, "soft_target": 0.25, "latent": 0.125}
    return Event(0.0, EventKind.STEP, network.key, {"step": number, "steps": 10_000, "losses": losses})


def validation(number: int, network: NetworkId) -> Event:
    return Event(0.0, EventKind.VALIDATION, network.key, {"step": number, "loss": 1.0, "dice": {"ET": 0.5, "WT": 0.75}})


def test_thousands_of_events_are_thinned_out(training: Any) -> None:
    from KDNetTrainingLib.Curves import MOST_POINTS, Curves

    curves = Curves()
    curves.add([STARTED])
    curves.add(step(number) for number in range(1, 20_001))
    curve = curves.losses[STUDENT]
    assert MOST_POINTS / 3 < len(curve.steps) <= MOST_POINTS
    assert curve.steps == sorted(curve.steps)
    assert curve.steps[0] == 1
    assert curve.steps[-1] > 19_990


def test_steps_that_are_done_again_replace_the_first_ones(training: Any) -> None:
    from KDNetTrainingLib.Curves import Curves

    curves = Curves()
    curves.add([STARTED])
    curves.add([step(1), step(2), step(3), step(2)])
    assert curves.losses[STUDENT].steps == [1, 2]


def test_a_redraw_emits_one_change(training: Any) -> None:
    from KDNetTrainingLib.Charts import Charts
    from KDNetTrainingLib.Curves import Curves

    curves, charts = Curves(), Charts()
    curves.add([STARTED])
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
    curves.add([STARTED])
    for number in (1, 2):
        curves.add([validation(number, name) for name in (TEACHER, STUDENT, OTHER)])
    charts.update(curves, STUDENT)
    chart = charts.dice.node
    series = [chart.GetNthPlotSeriesNode(index) for index in range(chart.GetNumberOfPlotSeriesNodes())]
    assert [node.GetName() for node in series] == ["Teacher ET", "Teacher WT", "Student T1ce ET", "Student T1ce WT"]
    assert series[0].GetColor() == series[2].GetColor()
    assert series[0].GetLineStyle() != series[2].GetLineStyle()
    assert all(node.GetHideFromEditors() for node in (chart, *series, series[0].GetTableNode()))
    charts.remove()


def test_charts_come_back_after_the_scene_was_closed(training: Any) -> None:
    training.monitor.curves.add([STARTED, step(1), step(2)])
    training.monitor.showCharts()
    first = training.monitor.charts.loss.node
    slicer.mrmlScene.Clear()
    assert first.GetScene() is None
    training.monitor.curves.add([step(3)])
    training.monitor.showCharts()
    node = training.monitor.charts.loss.node
    assert node.GetScene() is slicer.mrmlScene
    assert node.GetNthPlotSeriesNode(0).GetTableNode().GetTable().GetNumberOfRows() == 3
    training.ui.chartsButton.checked = True
    training.ui.chartsButton.click()
    assert slicer.app.layoutManager().layout != 20262
    slicer.app.layoutManager().setLayout(20262)  # as after a restart of Slicer with the charts
    training.monitor.layout._before = None
    training.monitor.layout.hide()
    assert slicer.app.layoutManager().layout == slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
    training.monitor.charts.remove()


def test_axes_span_the_whole_training_and_grow_with_the_losses(training: Any) -> None:
    from KDNetTrainingLib.Charts import Charts
    from KDNetTrainingLib.Curves import Curves

    curves, charts = Curves(), Charts()
    curves.add([STARTED])
    curves.add([step(1), step(2), validation(1, STUDENT), validation(2, STUDENT)])
    charts.update(curves, STUDENT)
    loss, dice = charts.loss.node, charts.dice.node
    assert [loss.GetXAxisRange(), loss.GetYAxisRange()] == [(0.0, 10_000.0), (0.0, 1.0)]
    assert [dice.GetXAxisRange(), dice.GetYAxisRange()] == [(0.0, 10_000.0), (0.0, 1.0)]
    assert not any((loss.GetXAxisRangeAuto(), loss.GetYAxisRangeAuto(), dice.GetXAxisRangeAuto()))
    diverged = {"total": float("nan"), "segmentation": 270.0, "soft_target": 0.0, "latent": 0.0}
    curves.add([Event(0.0, EventKind.STEP, STUDENT.key, {"step": 50, "steps": 10_000, "losses": diverged})])
    charts.update(curves, STUDENT)
    assert loss.GetYAxisRange() == (0.0, 300.0)


def test_a_view_that_was_zoomed_stays_so_until_all_is_in_sight_again(training: Any, application: Any) -> None:
    from KDNetTrainingLib.Charts import Charts
    from KDNetTrainingLib.Curves import Curves
    from KDNetTrainingLib.PlotLayout import LOSS_VIEW, PlotLayout, drawn_chart

    layout, curves, charts = PlotLayout(), Curves(), Charts()
    curves.add([STARTED])
    layout.show()
    curves.add(step(number) for number in range(1, 100))
    charts.update(curves, STUDENT)
    loss = charts.loss.node
    layout.assign(loss, charts.dice.node)
    horizontal, vertical = (drawn_chart(LOSS_VIEW, loss).GetAxis(index) for index in (1, 0))
    horizontal.SetUnscaledRange(60.0, 90.0)
    vertical.SetUnscaledRange(0.0, 0.1)
    curves.add(step(number) for number in range(100, 200))
    charts.update(curves, STUDENT)
    assert (horizontal.GetUnscaledMinimum(), horizontal.GetUnscaledMaximum()) == (60.0, 90.0)
    assert vertical.GetUnscaledMaximum() == pytest.approx(0.1)
    horizontal.SetUnscaledRange(1.0, 199.0)  # as the view's own button does
    vertical.SetUnscaledRange(1 / 199, 1.0)
    curves.add([step(200)])
    charts.update(curves, STUDENT)
    assert (horizontal.GetUnscaledMinimum(), horizontal.GetUnscaledMaximum()) == (0.0, 10_000.0)
    assert (vertical.GetUnscaledMinimum(), vertical.GetUnscaledMaximum()) == (0.0, 1.0)


def test_losses_of_nothing_have_an_axis(training: Any) -> None:
    from KDNetTrainingLib.Charts import Charts
    from KDNetTrainingLib.Curves import Curves

    curves, charts = Curves(), Charts()
    curves.add([STARTED])
    nothing = {"total": 0.0, "segmentation": 0.0, "soft_target": 0.0, "latent": 0.0}
    events = [Event(0.0, EventKind.STEP, STUDENT.key, {"step": number, "losses": nothing}) for number in (4, 7)]
    curves.add(events)
    charts.update(curves, STUDENT)
    assert charts.loss.node.GetXAxisRange() == (0.0, 7.0)  # a run folder that does not tell its steps
    assert charts.loss.node.GetYAxisRange() == (0.0, 1.0)


def test_events_of_networks_that_the_run_does_not_list_are_not_drawn(training: Any) -> None:
    from KDNetTrainingLib.Curves import Curves

    curves = Curves()
    curves.add([step(1)])
    assert curves.losses == {}


def test_a_network_of_any_channel_name_has_a_title(training: Any) -> None:
    from KDNetTrainingLib.Formatting import network_title

    network = NetworkId(Role.STUDENT, ("T2-FLAIR",), fold=1, seed=0)
    assert network_title(network) == "Student T2-FLAIR (fold 1)"
