"""The row that shows a probability or uncertainty map over the scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _

from KDNetSegmentationLib.Protocols import Widgets
from KDNetSegmentationLib.ScanResults import maps_of
from KDNetSegmentationLib.SceneTags import UNCERTAINTY

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode

OPACITY = 0.6  # of the map over the scan


class MapsPanel:
    """Shows one map of the scan as the foreground of the slice views, from a threshold on, with a color legend.

    Args:
        ui: widgets of the panel by name.
    """

    def __init__(self, ui: Widgets) -> None:
        self.ui = ui
        self._maps: list[tuple[str, vtkMRMLScalarVolumeNode]] = []
        self._shown: vtkMRMLScalarVolumeNode | None = None
        ui.mapButton.toggled.connect(self.onToggled)
        ui.mapSelector.currentIndexChanged.connect(self.onChanged)
        ui.mapThreshold.valueChanged.connect(self.onChanged)
        self.follow(None)

    def follow(self, volumeNode: vtkMRMLScalarVolumeNode | None) -> None:
        """Offer the maps of another volume, or of the same one after it was segmented again."""
        maps = maps_of(volumeNode) if volumeNode is not None else []
        if self._shown is not None and self._shown not in [node for _name, node in maps]:
            self.ui.mapButton.checked = False  # it lies over another scan
        selector, before = self.ui.mapSelector, self.ui.mapSelector.currentIndex
        self._maps = maps
        blocked = selector.blockSignals(True)
        selector.clear()
        for name, _node in maps:
            selector.addItem(_("Uncertainty") if name == UNCERTAINTY else _("Probability {region}").format(region=name))
        selector.currentIndex = before if 0 <= before < len(maps) else len(maps) - 1
        selector.blockSignals(blocked)
        for widget in (self.ui.mapButton, selector, self.ui.mapThresholdLabel, self.ui.mapThreshold):
            widget.visible = bool(maps)

    def onToggled(self, checked: bool) -> None:
        """Show the selected map, or hide it."""
        self.ui.mapButton.text = _("Hide map") if checked else _("Show map")
        if checked:
            self._show()
        else:
            self._hide()

    def onChanged(self, *_arguments: object) -> None:
        """Show another map, or another part of its values."""
        if self.ui.mapButton.checked:
            self._show()

    def _show(self) -> None:
        index = self.ui.mapSelector.currentIndex
        if not 0 <= index < len(self._maps):
            return
        node = self._maps[index][1]
        if self._shown is not None and self._shown is not node:
            _show_legend(self._shown, visible=False)
        display = node.GetDisplayNode()
        display.SetThreshold(self.ui.mapThreshold.value, display.GetWindowLevelMax())
        display.SetApplyThreshold(True)
        slicer.util.setSliceViewerLayers(foreground=node, foregroundOpacity=OPACITY)
        _show_legend(node, visible=True)
        self._shown = node

    def _hide(self) -> None:
        if self._shown is not None:
            slicer.util.setSliceViewerLayers(foreground=None)
            if self._shown.GetScene() is not None:
                _show_legend(self._shown, visible=False)
        self._shown = None


def _show_legend(node: vtkMRMLScalarVolumeNode, *, visible: bool) -> None:
    """Show or hide the color legend of a map."""
    logic = slicer.modules.colors.logic()
    legend = logic.GetColorLegendDisplayNode(node)
    if legend is None and visible:
        legend = logic.AddDefaultColorLegendDisplayNode(node)
        legend.SetTitleText(node.GetName())
    if legend is not None:
        legend.SetVisibility(visible)
