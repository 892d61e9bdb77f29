"""The layout manager as far as it matters here: which layout is on, and the view nodes that its description asks for."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import slicer


class LayoutLogic:
    """Holds the layout node, which is real MRML."""

    def __init__(self) -> None:
        self._node = slicer.vtkMRMLLayoutNode()

    def GetLayoutNode(self) -> Any:
        return self._node


class LayoutManager:
    """Makes the plot view nodes of a layout when it is turned on, as the application does; slice views are left out."""

    def __init__(self) -> None:
        self._logic = LayoutLogic()
        self.resets = 0  # of the 3D views, which are not there
        self._layout = int(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)

    @property
    def layout(self) -> int:
        return self._layout

    def layoutLogic(self) -> LayoutLogic:
        return self._logic

    def resetThreeDViews(self) -> None:
        self.resets += 1

    def setLayout(self, layout: int) -> None:
        node = self._logic.GetLayoutNode()
        if node.IsLayoutDescription(layout):
            for view in ElementTree.fromstring(node.GetLayoutDescription(layout)).iter("view"):
                if view.get("class") == "vtkMRMLPlotViewNode":
                    add_plot_view(view.get("singletontag") or "")
        elif layout >= slicer.vtkMRMLLayoutNode.SlicerLayoutUserView:
            raise RuntimeError(f"there is no layout {layout}")
        self._layout = layout


def add_plot_view(tag: str) -> None:
    """A plot view node with this tag, unless it is there."""
    if slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLPlotViewNode") is None:
        view = slicer.vtkMRMLPlotViewNode()
        view.SetSingletonTag(tag)
        view.SetName(tag)
        slicer.mrmlScene.AddNode(view)
