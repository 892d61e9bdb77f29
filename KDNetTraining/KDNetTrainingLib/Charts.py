"""Plot loss and Dice of a run as tables, series and charts in the scene, drawn by Slicer's own plot views."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import slicer
import vtk
from kdnet.schema.network_id import NetworkId, Role
from slicer.i18n import tr as _

from KDNetTrainingLib.Curves import Curve, Curves
from KDNetTrainingLib.Formatting import network_title
from KDNetTrainingLib.PlotLayout import DICE_VIEW, LOSS_VIEW, drawn_chart

STEP = "step"
LOSS_NAMES = {"total": "total", "segmentation": "L_GT", "soft_target": "L_KD", "latent": "L_KL"}
COLORS = ((0.84, 0.37, 0.0), (0.0, 0.45, 0.7), (0.0, 0.62, 0.45), (0.8, 0.47, 0.65), (0.34, 0.71, 0.91), (0.9, 0.62, 0.0))
LEGEND_SIZE = 14
LINE_WIDTH = 3
ROUND_STEPS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)  # ends of an axis, in units of a power of ten
LEFT, BOTTOM = 0, 1  # of vtkAxis, which a Slicer without plot views may lack
TABLE, SERIES, CHART = "vtkMRMLTableNode", "vtkMRMLPlotSeriesNode", "vtkMRMLPlotChartNode"


@dataclass(frozen=True)
class Extent:
    """The ranges of two axes."""

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def of(cls, curves: Collection[Curve]) -> Extent:
        """Return the smallest extent around all finite points."""
        steps = [step for curve in curves for step in (curve.steps[0], curve.steps[-1])]
        columns = [column for curve in curves for column in curve.values.values()]
        values = [value for column in columns for value in column if math.isfinite(value)]
        return cls(min(steps, default=0), max(steps, default=0), min(values, default=0.0), max(values, default=0.0))

    def holds(self, other: Extent) -> bool:
        """Check whether ``other`` lies inside, up to rounding."""
        x, y = 1e-6 * (self.right - self.left), 1e-6 * (self.top - self.bottom)
        across = self.left - x <= other.left and other.right <= self.right + x
        return across and self.bottom - y <= other.bottom and other.top <= self.top + y


class Plot:
    """A chart node with its series, backed by tables that follow curves.

    Points are added to the tables as they arrive, and each table signals its change once per update, however many arrived.

    Args:
        title: chart title, and prefix of its nodes' names.
        yTitle: title of the vertical axis.
        view: tag of the plot view that shows it.
    """

    def __init__(self, title: str, yTitle: str, view: str) -> None:
        self._title, self._yTitle, self._view = title, yTitle, view
        self._drawn: Extent | None = None
        self.node: Any = None
        self._tables: dict[NetworkId, _Table] = {}
        self._series: list[Any] = []

    def show(
        self, curves: Mapping[NetworkId, Curve], title: str, names: Mapping[str, str], steps: int, bound: float = 0.0
    ) -> None:
        """Update the nodes from ``curves``, by network.

        Args:
            curves: curves to show.
            title: chart title.
            names: value names, as the legend shows them.
            steps: end of the horizontal axis.
            bound: end of the vertical axis, 0 for automatic.
        """
        curves = {network: curve for network, curve in curves.items() if len(curve.steps) > 1}  # a line needs two points
        if self.node is not None and self.node.GetScene() is None:
            self._forget()
        if self.node is None:
            self.node = _add(CHART, self._title)
            self.node.SetXAxisTitle(_("step"))
            self.node.SetYAxisTitle(self._yTitle)
            self.node.SetLegendVisibility(True)
            self.node.SetLegendFontSize(LEGEND_SIZE)
            self.node.SetGridVisibility(True)
        if self.node.GetTitle() != title:
            self.node.SetTitle(title)
        points = Extent.of(curves.values())
        extent = Extent(0.0, max(steps, points.right), 0.0, bound or _round_up(points.top))
        if tuple(curves) != tuple(self._tables):
            self._rebuild(curves, names)
        else:
            extent = self._zoomed() or extent
        self._drawn = points
        self._span(extent)  # before the tables, each of which makes the view apply the node's ranges
        for network, table in self._tables.items():
            table.update(curves[network])

    def _zoomed(self) -> Extent | None:
        """Return the visible extent if the user has zoomed or panned so that not all points are visible."""
        chart = drawn_chart(self._view, self.node)
        if chart is None or self._drawn is None:
            return None
        shown = Extent(*(limit for axis in (BOTTOM, LEFT) for limit in _limits(chart.GetAxis(axis))))
        return None if shown.holds(self._drawn) else shown

    def _span(self, extent: Extent) -> None:
        """Set the axis ranges: Slicer's plot views fit them when a series is added, not when its table grows."""
        x, y = (extent.left, extent.right), (extent.bottom, extent.top)
        if self.node.GetXAxisRangeAuto() or self.node.GetXAxisRange() != x:
            self.node.SetXAxisRangeAuto(False)
            self.node.SetXAxisRange(*x)
        if self.node.GetYAxisRangeAuto() or self.node.GetYAxisRange() != y:
            self.node.SetYAxisRangeAuto(False)
            self.node.SetYAxisRange(*y)

    def remove(self) -> None:
        """Remove all nodes from the scene."""
        for node in (self.node, *self._series, *(table.node for table in self._tables.values())):
            if node is not None and node.GetScene() is not None:
                slicer.mrmlScene.RemoveNode(node)
        self._forget()

    def _forget(self) -> None:
        self.node, self._drawn = None, None
        self._tables, self._series = {}, []

    def _rebuild(self, curves: Mapping[NetworkId, Curve], names: Mapping[str, str]) -> None:
        self.node.RemoveAllPlotSeriesNodeIDs()
        for node in (*self._series, *(table.node for table in self._tables.values())):
            slicer.mrmlScene.RemoveNode(node)
        self._tables = {network: _Table(f"{self._title} {network.key}", curve) for network, curve in curves.items()}
        self._series = []
        for network, table in self._tables.items():
            for index, column in enumerate(curves[network].values):
                label = names.get(column, column)
                title = label if len(curves) == 1 else f"{network_title(network)} {label}"
                series = _series(title, table.node, column, network, COLORS[index % len(COLORS)])
                self._series.append(series)
                self.node.AddAndObservePlotSeriesNodeID(series.GetID())


class Charts:
    """The two charts of a run: losses of one network, and Dice of all networks of its fold and seed."""

    def __init__(self) -> None:
        self.loss = Plot(_("KDNet losses"), _("loss"), LOSS_VIEW)
        self.dice = Plot(_("KDNet validation Dice"), _("Dice"), DICE_VIEW)

    def update(self, curves: Curves, network: NetworkId | None) -> None:
        """Show the curves of ``network`` and of those that it is compared with; nothing for None."""
        if network is None:
            self.loss.show({}, _("Losses"), LOSS_NAMES, curves.steps)
            self.dice.show({}, _("Validation Dice"), {}, curves.steps, bound=1.0)
            return
        losses = {network: curves.losses[network]} if network in curves.losses else {}
        self.loss.show(losses, _("Losses: {network}").format(network=network_title(network)), LOSS_NAMES, curves.steps)
        dice = {other: curve for other, curve in curves.dice.items() if other.unit == network.unit}
        self.dice.show(dice, _("Validation Dice"), {}, curves.steps, bound=1.0)

    def remove(self) -> None:
        """Remove all nodes from the scene."""
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
        """Add the points that are missing; start over when some were dropped."""
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


def _round_up(value: float) -> float:
    """Return the next round number; 1 when nothing is above 0."""
    if value <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(value))
    return unit * next((step for step in ROUND_STEPS if step * unit >= value), ROUND_STEPS[-1])


def _limits(axis: Any) -> tuple[float, float]:
    return axis.GetUnscaledMinimum(), axis.GetUnscaledMaximum()


def _series(title: str, table: Any, column: str, network: NetworkId, color: tuple[float, float, float]) -> Any:
    node = _add(SERIES, title)
    node.SetAndObserveTableNodeID(table.GetID())
    node.SetPlotType(node.PlotTypeScatter)  # the only type that reads its x values from a column
    node.SetXColumnName(STEP)
    node.SetYColumnName(column)
    node.SetColor(*color)
    node.SetLineWidth(LINE_WIDTH)
    # no dots: in the legend they look like dashes
    styles = {
        Role.TEACHER: node.LineStyleDash,
        Role.BASELINE: node.LineStyleDashDot,
        Role.CONTROL: node.LineStyleDashDotDot,
    }
    node.SetLineStyle(styles.get(network.role, node.LineStyleSolid))
    # validations are few: without markers, the first one alone would be invisible
    node.SetMarkerStyle(node.MarkerStyleNone if column in LOSS_NAMES else node.MarkerStyleCircle)
    node.SetMarkerSize(5)
    return node


def _add(cls: str, name: str) -> Any:
    node = slicer.mrmlScene.AddNewNodeByClass(cls, name)
    node.SetSaveWithScene(False)  # the run folder has all of it, and the panel draws it again
    node.SetHideFromEditors(True)  # a dozen tables and series would fill the tree in the Data module
    return node
