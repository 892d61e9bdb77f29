"""The layout manager as far as it matters here: which layout is on, and the view nodes that its description asks for."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import slicer
import vtk


class LayoutLogic:
    """Holds the layout node, which is real MRML."""

    def __init__(self) -> None:
        self._node = slicer.vtkMRMLLayoutNode()

    def GetLayoutNode(self) -> Any:
        return self._node


class PlotWidget:
    """A plot view node with the chart that would draw it: a real one that takes the node's ranges, and is not drawn."""

    def __init__(self, node: Any) -> None:
        self._node, self._chart, self._shown = node, vtk.vtkChartXY(), None
        node.AddObserver(vtk.vtkCommand.ModifiedEvent, self._connect)

    def mrmlPlotViewNode(self) -> Any:
        return self._node

    def plotView(self) -> PlotWidget:
        return self

    def chart(self) -> Any:
        return self._chart

    def _connect(self, *_arguments: Any) -> None:
        shown = self._node.GetPlotChartNode()
        if shown is not None and shown is not self._shown:
            self._shown = shown
            shown.AddObserver(vtk.vtkCommand.ModifiedEvent, self._follow)
            self._follow()

    def _follow(self, *_arguments: Any) -> None:
        for axis, limits in ((0, self._shown.GetYAxisRange()), (1, self._shown.GetXAxisRange())):
            self._chart.GetAxis(axis).SetUnscaledRange(*limits)


class LayoutManager:
    """Makes the plot view nodes of a layout when it is turned on, as the application does; slice views are left out."""

    def __init__(self) -> None:
        self._logic = LayoutLogic()
        self.resets = 0  # of the 3D views, which are not there
        self.fits = 0  # of the slice views
        self._plots: dict[str, PlotWidget] = {}
        self._layout = int(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    @property
    def layout(self) -> int:
        return self._layout

    def layoutLogic(self) -> LayoutLogic:
        return self._logic

    def mrmlSliceLogics(self) -> Any:
        """The logics that fit slice views to their background; there are none, so only the request is counted."""
        self.fits += 1
        return vtk.vtkCollection()

    def resetThreeDViews(self) -> None:
        self.resets += 1

    @property
    def plotViewCount(self) -> int:
        return len(self._plots)

    def plotWidget(self, index: int) -> PlotWidget:
        return list(self._plots.values())[index]

    def setLayout(self, layout: int) -> None:
        node = self._logic.GetLayoutNode()
        if node.IsLayoutDescription(layout):
            for view in ElementTree.fromstring(node.GetLayoutDescription(layout)).iter("view"):
                if view.get("class") == "vtkMRMLPlotViewNode":
                    tag = view.get("singletontag") or ""
                    if tag not in self._plots:
                        self._plots[tag] = PlotWidget(add_plot_view(tag))
        elif layout >= slicer.vtkMRMLLayoutNode.SlicerLayoutUserView:
            raise RuntimeError(f"there is no layout {layout}")
        self._layout = layout


def add_slice_views() -> None:
    """Add what the three slice views show, which closing the scene may have removed."""
    for name in ("Red", "Yellow", "Green"):
        if slicer.mrmlScene.GetSingletonNode(name, "vtkMRMLSliceCompositeNode") is None:
            node = slicer.vtkMRMLSliceCompositeNode()
            node.SetLayoutName(name)
            node.SetSingletonTag(name)
            slicer.mrmlScene.AddNode(node)


def add_plot_view(tag: str) -> Any:
    """The plot view node with this tag, made if it is not there."""
    view = slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLPlotViewNode")
    if view is None:
        view = slicer.vtkMRMLPlotViewNode()
        view.SetSingletonTag(tag)
        view.SetName(tag)
        slicer.mrmlScene.AddNode(view)
    return view
