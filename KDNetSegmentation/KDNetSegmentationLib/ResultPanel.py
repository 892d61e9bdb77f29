"""The results section: segments, volumes in mL, 3D, the Segment Editor and export."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
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

    Changed = Callable[[vtkMRMLSegmentationNode | None, vtkMRMLScalarVolumeNode | None, ModelInfo | None], None]

SEGMENTS_HEADER, SEGMENTS_ROW, SEGMENTS_LARGEST = 32, 28, 240  # pixels
SETTLING_MILLISECONDS = 200  # changes of a segmentation come in bursts
SURFACES = "Closed surface"


class ResultPanel:
    """Shows one segmentation.

    Args:
        ui: widgets of the panel by name.
        status: shows messages to the user.
        changed: called with segmentation, volume and model when another segmentation, a corrected one, or none is shown.
    """

    def __init__(self, ui: Widgets, status: StatusView, changed: Changed) -> None:
        self.ui, self._status, self._changed = ui, status, changed
        self.node: vtkMRMLSegmentationNode | None = None
        self.volumes: Mapping[str, float] = {}
        self.volumeNode: vtkMRMLScalarVolumeNode | None = None
        self.model: ModelInfo | None = None
        self._observed: tuple[Any, list[int]] | None = None
        self._edited = False
        ui.opacitySlider.valueChanged.connect(self.onOpacity)
        ui.show3DButton.toggled.connect(self.onShow3D)
        ui.editButton.clicked.connect(self.onEdit)
        ui.showBrainCheckBox.toggled.connect(self.onShowBrain)
        ui.correctBrainButton.clicked.connect(self.onCorrectBrain)
        ui.exportButton.clicked.connect(self.onExport)
        self.clear()

    def clear(self) -> None:
        """Clear the section."""
        self._observe(None)
        self.node = self.volumeNode = self.model = None
        self.ui.resultsSection.visible = False
        self.ui.segmentsTable.setSegmentationNode(None)
        self._changed(self.node, self.volumeNode, self.model)

    def show(
        self,
        node: vtkMRMLSegmentationNode,
        volumes: Mapping[str, float],
        volumeNode: vtkMRMLScalarVolumeNode,
        model: ModelInfo,
    ) -> None:
        """Show a segmentation and its volumes in mL."""
        self.node, self.volumes, self.volumeNode, self.model = node, dict(volumes), volumeNode, model
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
        if node is not None and node in (self.node, self.volumeNode):
            self.clear()
        elif self.node is not None:
            self._showBrain()

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
        if self._edited and self.node is not None and self.volumeNode is not None and self.model is not None:
            self.restore(self.node, self.volumeNode, self.model)

    def restore(self, node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode, model: ModelInfo) -> None:
        """Show a segmentation from a loaded scene or an edited one, and measure its volumes again."""
        from KDNetLib.SegmentationNode import labelmap_of, volumes_in_milliliters  # noqa: PLC0415 - numpy

        try:
            volumes = volumes_in_milliliters(labelmap_of(node, model.labels, volumeNode), model.labels, volumeNode)
        except KDNetError:
            volumes = {}  # made with another model: its segments are shown, but its regions are unknown
        self.show(node, volumes, volumeNode, model)
        self._changed(self.node, self.volumeNode, self.model)

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
        self._openEditor(self.node)

    def onShowBrain(self, checked: bool) -> None:
        """Show or hide the brain mask of the volume."""
        node = self._brainNode()
        if node is not None:
            node.SetDisplayVisibility(bool(checked))

    def onCorrectBrain(self, *_arguments: object) -> None:
        """Open the Segment Editor with the brain mask of the volume."""
        node = self._brainNode()
        if node is not None:
            self.ui.showBrainCheckBox.checked = True
            self._openEditor(node)

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
        self._showBrain()

    def _showBrain(self) -> None:
        """Show whether the volume has a brain mask, and whether that is visible."""
        node = self._brainNode()
        self.ui.showBrainCheckBox.visible = self.ui.correctBrainButton.visible = node is not None
        display = node.GetDisplayNode() if node is not None else None
        blocked = self.ui.showBrainCheckBox.blockSignals(True)
        self.ui.showBrainCheckBox.checked = display is not None and bool(display.GetVisibility())
        self.ui.showBrainCheckBox.blockSignals(blocked)

    def _brainNode(self) -> vtkMRMLSegmentationNode | None:
        from KDNetSegmentationLib.BrainMask import brain_node  # noqa: PLC0415 - numpy

        return brain_node(self.volumeNode) if self.volumeNode is not None else None

    def _openEditor(self, node: vtkMRMLSegmentationNode | None) -> None:
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
        editor.setSegmentationNode(node)
        editor.setSourceVolumeNode(self.volumeNode)

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
