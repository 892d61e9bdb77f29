"""Loss and Dice of a run as plots of the scene: tables, series and charts that Slicer's own plot views draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from KDNetTrainingLib.Curves import Curve, Curves
from KDNetTrainingLib.Words import network_title

STEP = "step"
LOSS_NAMES = {"total": "total", "gt": "L_GT", "kd": "L_KD", "latent": "L_KL"}
COLOURS = ((0.84, 0.37, 0.0), (0.0, 0.45, 0.7), (0.0, 0.62, 0.45), (0.8, 0.47, 0.65), (0.34, 0.71, 0.91), (0.9, 0.62, 0.0))
TABLE, SERIES, CHART = "vtkMRMLTableNode", "vtkMRMLPlotSeriesNode", "vtkMRMLPlotChartNode"


class Plot:
    """A chart node with its series, over tables that follow curves.

    Points are added to the tables as they come, and each table tells of its change once an update, however many came.

    Args:
        title: of the chart, and the start of its nodes' names.
        yTitle: of its vertical axis.
    """

    def __init__(self, title: str, yTitle: str) -> None:
        self._title, self._yTitle = title, yTitle
        self.node: Any = None
        self._tables: dict[str, _Table] = {}
        self._series: list[Any] = []

    def show(self, curves: Mapping[str, Curve], title: str, names: Mapping[str, str], bound: float = 0.0) -> None:
        """Bring the nodes in line with ``curves``, by network.

        Args:
            curves: to show.
            title: of the chart.
            names: of values, as the legend shows them.
            bound: end of the vertical axis, 0 for as much as is needed.
        """
        curves = {network: curve for network, curve in curves.items() if len(curve.steps) > 1}  # a line needs two points
        if self.node is not None and self.node.GetScene() is None:
            self._forget()
        if self.node is None:
            self.node = _add(CHART, self._title)
            self.node.SetXAxisTitle(_("step"))
            self.node.SetYAxisTitle(self._yTitle)
            self.node.SetLegendVisibility(True)
            self.node.SetGridVisibility(True)
            if bound:
                self.node.SetYAxisRangeAuto(False)
                self.node.SetYAxisRange(0.0, bound)
        if self.node.GetTitle() != title:
            self.node.SetTitle(title)
        if tuple(curves) != tuple(self._tables):
            self._rebuild(curves, names)
        for network, table in self._tables.items():
            table.update(curves[network])

    def remove(self) -> None:
        """Take everything out of the scene."""
        for node in (self.node, *self._series, *(table.node for table in self._tables.values())):
            if node is not None and node.GetScene() is not None:
                slicer.mrmlScene.RemoveNode(node)
        self._forget()

    def _forget(self) -> None:
        self.node = None
        self._tables, self._series = {}, []

    def _rebuild(self, curves: Mapping[str, Curve], names: Mapping[str, str]) -> None:
        self.node.RemoveAllPlotSeriesNodeIDs()
        for node in (*self._series, *(table.node for table in self._tables.values())):
            slicer.mrmlScene.RemoveNode(node)
        self._tables = {network: _Table(f"{self._title} {network}", curve) for network, curve in curves.items()}
        self._series = []
        for network, table in self._tables.items():
            for index, column in enumerate(curves[network].values):
                label = names.get(column, column)
                title = label if len(curves) == 1 else f"{network_title(network)} {label}"
                series = _series(title, table.node, column, network, COLOURS[index % len(COLOURS)])
                self._series.append(series)
                self.node.AddAndObservePlotSeriesNodeID(series.GetID())


class Charts:
    """The two charts of a run: losses of one network, and Dice of all networks of its fold and seed."""

    def __init__(self) -> None:
        self.loss = Plot(_("KDNet losses"), _("loss"))
        self.dice = Plot(_("KDNet validation Dice"), _("Dice"))

    def update(self, curves: Curves, network: str) -> None:
        """Show what the curves hold of ``network`` and of those that are compared with it."""
        losses = {network: curves.losses[network]} if network in curves.losses else {}
        self.loss.show(losses, _("Losses: {network}").format(network=network_title(network)), LOSS_NAMES)
        place = network.rpartition("/")[0]
        dice = {name: curve for name, curve in curves.dice.items() if name.rpartition("/")[0] == place}
        self.dice.show(dice, _("Validation Dice"), {}, bound=1.0)

    def remove(self) -> None:
        """Take everything out of the scene."""
        self.loss.remove()
        self.dice.remove()


class _Table:
    """A table node that holds one curve."""

    def __init__(self, name: str, curve: Curve) -> None:
        self.node = _add(TABLE, name)
        self._revision, self._count = curve.revision, 0
        self._columns = []
        for column in (STEP, *curve.values):
            array = vtk.vtkDoubleArray()
            array.SetName(column)
            self.node.AddColumn(array)
            self._columns.append(self.node.GetTable().GetColumnByName(column))

    def update(self, curve: Curve) -> None:
        """Add the points that are not there yet; begin anew when some were dropped."""
        sources: Sequence[Sequence[float]] = (curve.steps, *curve.values.values())
        if curve.revision != self._revision:
            self._revision, self._count = curve.revision, 0
            for array in self._columns:
                array.SetNumberOfTuples(0)
        elif self._count == len(curve.steps):
            return
        for array, source in zip(self._columns, sources, strict=True):
            for value in source[self._count :]:
                array.InsertNextValue(value)
            array.Modified()
        self._count = len(curve.steps)
        self.node.GetTable().Modified()


def _series(title: str, table: Any, column: str, network: str, colour: tuple[float, float, float]) -> Any:
    node = _add(SERIES, title)
    node.SetAndObserveTableNodeID(table.GetID())
    node.SetPlotType(node.PlotTypeScatter)  # the only type that takes its horizontal values from a column
    node.SetXColumnName(STEP)
    node.SetYColumnName(column)
    node.SetColor(*colour)
    node.SetLineWidth(2)
    role = network.rpartition("/")[2].partition("-")[0]
    node.SetLineStyle({"teacher": node.LineStyleDash, "baseline": node.LineStyleDot}.get(role, node.LineStyleSolid))
    # validations are few: without markers, the first one alone would not be seen
    node.SetMarkerStyle(node.MarkerStyleNone if column in LOSS_NAMES else node.MarkerStyleCircle)
    node.SetMarkerSize(5)
    return node


def _add(cls: str, name: str) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass(cls, name)
    node.SetSaveWithScene(False)  # the run folder has it all, and the panel draws it again
    return node
