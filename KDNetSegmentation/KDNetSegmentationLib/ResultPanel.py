"""The results section: segments, volumes in mL, 3D, the Segment Editor and export."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from kdnet.errors import KDNetError
from kdnet.files import atomic_write
from KDNetLib.Tables import fill_table
from slicer.i18n import tr as _

from KDNetSegmentationLib.Protocols import StatusView, Widgets

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

    from KDNetSegmentationLib.Parameters import Parameters

SEGMENTS_HEADER, SEGMENTS_ROW, SEGMENTS_LARGEST = 32, 28, 240  # pixels
SETTLING_MILLISECONDS = 200  # changes of a segmentation come in bursts
SURFACES = "Closed surface"


class ResultPanel:
    """Shows one segmentation.

    Args:
        ui: widgets of the panel by name.
        status: shows messages to the user.
    """

    def __init__(self, ui: Widgets, status: StatusView) -> None:
        self.ui, self._status = ui, status
        self.node: vtkMRMLSegmentationNode | None = None
        self.volumes: Mapping[str, float] = {}
        self._volumeNode: vtkMRMLScalarVolumeNode | None = None
        self._model: ModelInfo | None = None
        self._observed: tuple[Any, list[int]] | None = None
        self._edited = False
        ui.opacitySlider.valueChanged.connect(self.onOpacity)
        ui.show3DButton.toggled.connect(self.onShow3D)
        ui.editButton.clicked.connect(self.onEdit)
        ui.exportButton.clicked.connect(self.onExport)
        self.clear()

    def clear(self) -> None:
        """Clear the section."""
        self._observe(None)
        self.node = self._volumeNode = None
        self.ui.resultsSection.visible = False
        self.ui.segmentsTable.setSegmentationNode(None)

    def show(
        self,
        node: vtkMRMLSegmentationNode,
        volumes: Mapping[str, float],
        volumeNode: vtkMRMLScalarVolumeNode,
        model: ModelInfo,
    ) -> None:
        """Show a segmentation and its volumes in mL."""
        self.node, self.volumes, self._volumeNode, self._model = node, dict(volumes), volumeNode, model
        self._observe(node)
        self.ui.resultsSection.visible = True
        self.ui.segmentsTable.setSegmentationNode(node)
        height = SEGMENTS_HEADER + SEGMENTS_ROW * node.GetSegmentation().GetNumberOfSegments()
        self.ui.segmentsTable.setFixedHeight(min(height, SEGMENTS_LARGEST))
        self._showDisplay(node)
        rows = [(region_title(name), f"{amount:.2f}") for name, amount in volumes.items()]
        fill_table(self.ui.volumesTable, (_("Segment or region"), _("Volume (mL)")), rows)

    def nodeRemoved(self, node: vtkMRMLNode | None) -> None:
        """Handle the removal of a node from the scene."""
        if node is not None and node in (self.node, self._volumeNode):
            self.clear()

    def restoreFrom(self, parameters: Parameters, model: ModelInfo | None) -> None:
        """Show the result that the scene holds, or nothing."""
        node, volume = parameters.result, parameters.resultVolume
        if node is None or volume is None or volume.GetImageData() is None or model is None:
            self.clear()
        elif node is not self.node:
            self.restore(node, volume, model)
        else:
            self.refresh()

    def refresh(self) -> None:
        """Measure volumes again if the segmentation was edited."""
        if self._edited and self.node is not None and self._volumeNode is not None and self._model is not None:
            self.restore(self.node, self._volumeNode, self._model)

    def restore(self, node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode, model: ModelInfo) -> None:
        """Show a segmentation from a loaded scene or an edited one, and measure its volumes again."""
        from KDNetLib.SegmentationNode import labelmap_of, volumes_in_milliliters  # noqa: PLC0415 - numpy

        try:
            volumes = volumes_in_milliliters(labelmap_of(node, model.labels, volumeNode), model.labels, volumeNode)
        except KDNetError:
            volumes = {}  # made with another model: its segments are shown, but its regions are unknown
        self.show(node, volumes, volumeNode, model)

    def onEdited(self, *_arguments: object) -> None:
        """Schedule measuring after segments change, once the panel is visible and the changes have settled."""
        if not self._edited:
            self._edited = True
            qt.QTimer.singleShot(SETTLING_MILLISECONDS, self._refreshIfVisible)

    def onOpacity(self, value: float) -> None:
        """Set the opacity of the fill in slice views; the outline stays."""
        if self.node is not None and self.node.GetDisplayNode() is not None:
            self.node.GetDisplayNode().SetOpacity2DFill(value)

    def onShow3D(self, checked: bool) -> None:
        """Create or remove surfaces."""
        if self.node is None:
            return
        if checked:
            self.node.CreateClosedSurfaceRepresentation()
            slicer.util.resetThreeDViews()  # otherwise the surfaces may be out of view
        else:
            self.node.RemoveClosedSurfaceRepresentation()

    def onEdit(self, *_arguments: object) -> None:
        """Open the Segment Editor with this segmentation."""
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
        editor.setSegmentationNode(self.node)
        editor.setSourceVolumeNode(self._volumeNode)

    def onExport(self, *_arguments: object) -> None:
        """Write the volumes as CSV."""
        if self.node is None:
            return
        suggestion = f"{self.node.GetName()}.csv"
        path = qt.QFileDialog.getSaveFileName(None, _("Export volumes"), suggestion, _("CSV files (*.csv)"))
        if not path:
            return
        try:
            export_volumes(Path(path), self.volumes)
        except KDNetError as error:
            self._status.showMessage(str(error))
        else:
            self._status.showMessage(_("Saved volumes to {path}.").format(path=path))

    def _observe(self, node: vtkMRMLSegmentationNode | None) -> None:
        """Observe changes to the segments of ``node`` instead of the previous node."""
        if self._observed is not None:
            segmentation, tags = self._observed
            for tag in tags:
                segmentation.RemoveObserver(tag)
        self._observed, self._edited = None, False
        if node is not None:
            segmentation = node.GetSegmentation()
            events = (segmentation.SegmentRemoved, segmentation.SegmentAdded, segmentation.SourceRepresentationModified)
            self._observed = segmentation, [segmentation.AddObserver(event, self.onEdited) for event in events]

    def _showDisplay(self, node: vtkMRMLSegmentationNode) -> None:
        """Show the opacity of the overlay, and whether it has surfaces."""
        display = node.GetDisplayNode()
        if display is not None:
            self.ui.opacitySlider.value = display.GetOpacity2DFill()
        blocked = self.ui.show3DButton.blockSignals(True)
        self.ui.show3DButton.checked = node.GetSegmentation().ContainsRepresentation(SURFACES)
        self.ui.show3DButton.blockSignals(blocked)

    def _refreshIfVisible(self) -> None:
        if self.ui.resultsSection.visible:
            self.refresh()


def region_title(name: str) -> str:
    """Return a BraTS region with its full name, since only experts know the abbreviations."""
    names = {"ET": _("enhancing tumor"), "TC": _("tumor core"), "WT": _("whole tumor")}
    return f"{name} ({names[name]})" if name in names else name


def export_volumes(path: Path, volumes: Mapping[str, float]) -> None:
    """Write names and volumes in mL as CSV, atomically."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["name", "volume (mL)"])
        writer.writerows((name, f"{amount:.3f}") for name, amount in volumes.items())
