"""Pictures of plot views, drawn with matplotlib from the real MRML nodes; the application draws them with VTK's charts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import slicer
from vtk.util.numpy_support import vtk_to_numpy


def draw_plot_views(tags: Sequence[str], path: Path) -> None:
    """Write one PNG with the charts that the plot views with these tags show, side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * len(tags), 3.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for index, tag in enumerate(tags):
        axes = figure.add_subplot(1, len(tags), index + 1)
        view = slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLPlotViewNode")
        chart = view.GetPlotChartNode() if view is not None else None
        if chart is None:
            axes.set_axis_off()
        else:
            _draw(axes, chart)
    figure.savefig(path)


def _draw(axes: Any, chart: Any) -> None:
    axes.set_title(chart.GetTitle(), fontsize=10)
    axes.set_xlabel(chart.GetXAxisTitle())
    axes.set_ylabel(chart.GetYAxisTitle())
    for index in range(chart.GetNumberOfPlotSeriesNodes()):
        series = chart.GetNthPlotSeriesNode(index)
        table = series.GetTableNode().GetTable()
        x, y = (vtk_to_numpy(table.GetColumnByName(name)) for name in (series.GetXColumnName(), series.GetYColumnName()))
        styles = {series.LineStyleSolid: "-", series.LineStyleDash: "--", series.LineStyleDashDot: "-."}
        marker = "" if series.GetMarkerStyle() == series.MarkerStyleNone else "o"
        axes.plot(
            x,
            y,
            styles.get(series.GetLineStyle(), ":") + marker,
            color=series.GetColor(),
            linewidth=series.GetLineWidth() * 0.8,
            markersize=series.GetMarkerSize() * 0.7,
            label=series.GetName(),
        )
    if not chart.GetYAxisRangeAuto():
        axes.set_ylim(*chart.GetYAxisRange())
    axes.grid(chart.GetGridVisibility(), alpha=0.3)
    if chart.GetLegendVisibility() and chart.GetNumberOfPlotSeriesNodes():
        axes.legend(fontsize=7)
