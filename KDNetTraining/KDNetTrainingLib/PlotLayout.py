"""A layout with both charts above the slice views, so that curves and overlays are visible together."""

from __future__ import annotations

from typing import Any

import slicer

LAYOUT = 20262  # any number that no other layout uses
LOSS_VIEW, DICE_VIEW = "KDNetLoss", "KDNetDice"

PLOT = """<item><view class="vtkMRMLPlotViewNode" singletontag="{tag}">
<property name="viewlabel" action="default">{label}</property></view></item>"""
SLICE = """<item><view class="vtkMRMLSliceNode" singletontag="{tag}">
<property name="orientation" action="default">{orientation}</property>
<property name="viewlabel" action="default">{label}</property>
<property name="viewcolor" action="default">{color}</property></view></item>"""
PLOTS = PLOT.format(tag=LOSS_VIEW, label="L") + PLOT.format(tag=DICE_VIEW, label="D")
SLICES = (
    SLICE.format(tag="Red", orientation="Axial", label="R", color="#F34A33")
    + SLICE.format(tag="Yellow", orientation="Sagittal", label="Y", color="#EDD54C")
    + SLICE.format(tag="Green", orientation="Coronal", label="G", color="#6EB04B")
)
DESCRIPTION = f"""<layout type="vertical" split="true">
<item><layout type="horizontal" split="true">{PLOTS}</layout></item>
<item><layout type="horizontal" split="true">{SLICES}</layout></item>
</layout>"""


class PlotLayout:
    """Shows the charts, and restores the previous layout."""

    def __init__(self) -> None:
        self._before: int | None = None

    @property
    def shown(self) -> bool:
        """Whether the layout is active."""
        manager = slicer.app.layoutManager()
        return manager is not None and manager.layout == LAYOUT

    def show(self) -> None:
        """Switch to the layout."""
        manager = slicer.app.layoutManager()
        if manager is None or manager.layout == LAYOUT:  # without a main window there is no layout
            return
        self._before = manager.layout
        node = manager.layoutLogic().GetLayoutNode()
        if not node.IsLayoutDescription(LAYOUT):
            node.AddLayoutDescription(LAYOUT, DESCRIPTION)
        manager.setLayout(LAYOUT)

    def hide(self) -> None:
        """Restore the previous layout, or Slicer's usual one if Slicer was started with the charts."""
        if self.shown:
            before = self._before if self._before is not None else slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView
            slicer.app.layoutManager().setLayout(before)

    def assign(self, loss: Any, dice: Any) -> None:
        """Assign these charts to the plot views, where the views exist."""
        for tag, chart in ((LOSS_VIEW, loss), (DICE_VIEW, dice)):
            view = slicer.mrmlScene.GetSingletonNode(tag, "vtkMRMLPlotViewNode")
            if view is not None and chart is not None and view.GetPlotChartNodeID() != chart.GetID():
                view.SetPlotChartNodeID(chart.GetID())
            if chart is not None:
                _place_legend(drawn_chart(tag, chart))


def drawn_chart(tag: str, node: Any) -> Any:
    """Return the VTK chart of the plot view with this tag, None if there is no such view or it shows another chart node."""
    manager = slicer.app.layoutManager()
    for index in range(manager.plotViewCount if manager is not None else 0):
        widget = manager.plotWidget(index)
        view = widget.mrmlPlotViewNode()
        if view is not None and view.GetSingletonTag() == tag and view.GetPlotChartNodeID() == node.GetID():
            return widget.plotView().chart()
    return None


def _place_legend(chart: Any) -> None:
    """Place the legend next to the plot: inside, it covers the end of the curves."""
    if chart is not None and chart.GetLegend().GetInline():
        chart.GetLegend().SetInline(False)
