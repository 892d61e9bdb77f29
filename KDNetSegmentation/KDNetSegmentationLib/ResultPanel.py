"""The results section: segments, volumes in mL, 3D, the Segment Editor and export."""

import csv
from pathlib import Path
from typing import Any

import qt
import slicer
from kdnet.errors import KDNetError
from kdnet.files import atomic_write
from KDNetLib.ModelInfo import ModelInfo
from KDNetLib.Tables import fill_table
from slicer.i18n import tr as _

SEGMENTS_HEADER, SEGMENTS_ROW, SEGMENTS_LARGEST = 32, 28, 240  # pixels
SETTLING_MILLISECONDS = 200  # changes of a segmentation come in bursts


class ResultPanel:
    """Shows one segmentation.

    Args:
        ui: widgets of the panel by name.
        say: shows a message to the user.
    """

    def __init__(self, ui: Any, say: Any) -> None:
        self.ui, self._emit = ui, say
        self.node: Any = None
        self._volumeNode: Any = None
        self._volumes: dict[str, float] = {}
        self._model: ModelInfo | None = None
        self._observed: tuple[Any, list[int]] | None = None
        self._changed = False
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

    def show(self, node: Any, volumes: dict[str, float], volumeNode: Any, model: ModelInfo) -> None:
        """Show a segmentation and its volumes in mL."""
        self.node, self._volumes, self._volumeNode, self._model = node, dict(volumes), volumeNode, model
        self._observe(node)
        self.ui.resultsSection.visible = True
        self.ui.segmentsTable.setSegmentationNode(node)
        display = node.GetDisplayNode()
        if display is not None:
            self.ui.opacitySlider.value = display.GetOpacity2DFill()
        blocked = self.ui.show3DButton.blockSignals(True)
        self.ui.show3DButton.checked = node.GetSegmentation().ContainsRepresentation("Closed surface")
        self.ui.show3DButton.blockSignals(blocked)
        height = SEGMENTS_HEADER + SEGMENTS_ROW * node.GetSegmentation().GetNumberOfSegments()
        self.ui.segmentsTable.setFixedHeight(min(height, SEGMENTS_LARGEST))
        rows = [(_long_name(name), f"{amount:.2f}") for name, amount in volumes.items()]
        fill_table(self.ui.volumesTable, (_("Segment or region"), _("Volume (mL)")), rows)

    def nodeRemoved(self, node: Any) -> None:
        """Handle the removal of a node from the scene."""
        if node is not None and node in (self.node, self._volumeNode):
            self.clear()

    def refresh(self) -> None:
        """Measure volumes again if the segmentation was edited."""
        if self._changed and self.node is not None and self._model is not None:
            self.restore(self.node, self._volumeNode, self._model)

    def restore(self, node: Any, volumeNode: Any, model: ModelInfo) -> None:
        """Show a segmentation from a loaded scene or an edited one, and measure its volumes again."""
        from KDNetLib.SegmentationNode import labelmap_of, volumes_in_milliliters  # noqa: PLC0415 - numpy

        try:
            volumes = volumes_in_milliliters(labelmap_of(node, model.labels, volumeNode), model.labels, volumeNode)
        except KDNetError:
            volumes = {}  # made with another model: its segments are shown, but its regions are unknown
        self.show(node, volumes, volumeNode, model)

    def _observe(self, node: Any) -> None:
        """Observe changes to the segments of ``node`` instead of the previous node."""
        if self._observed is not None:
            segmentation, tags = self._observed
            for tag in tags:
                segmentation.RemoveObserver(tag)
        self._observed, self._changed = None, False
        if node is not None:
            segmentation = node.GetSegmentation()
            events = (segmentation.SegmentRemoved, segmentation.SegmentAdded, segmentation.SourceRepresentationModified)
            self._observed = segmentation, [segmentation.AddObserver(event, self.onEdited) for event in events]

    def onEdited(self, *_arguments: Any) -> None:
        """Schedule measuring after segments change, once the panel is visible and the changes have settled."""
        if not self._changed:
            self._changed = True
            qt.QTimer.singleShot(SETTLING_MILLISECONDS, self._refreshIfSeen)

    def _refreshIfSeen(self) -> None:
        if self.ui.resultsSection.visible:
            self.refresh()

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

    def onEdit(self, *_arguments: Any) -> None:
        """Open the Segment Editor with this segmentation."""
        slicer.util.selectModule("SegmentEditor")
        editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
        editor.setSegmentationNode(self.node)
        editor.setSourceVolumeNode(self._volumeNode)

    def onExport(self, *_arguments: Any) -> None:
        """Write the volumes as CSV."""
        path = qt.QFileDialog.getSaveFileName(None, _("Export volumes"), f"{self.node.GetName()}.csv", "CSV (*.csv)")
        if not path:
            return
        try:
            export_volumes(Path(path), self._volumes)
        except KDNetError as error:
            self._emit(str(error))
        else:
            self._emit(_("Volumes are in {path}.").format(path=path))


def _long_name(name: str) -> str:
    """Return the full name of a BraTS region, since only experts know the abbreviations."""
    names = {"ET": _("enhancing tumour"), "TC": _("tumour core"), "WT": _("whole tumour")}
    return f"{name} ({names[name]})" if name in names else name


def export_volumes(path: Path, volumes: dict[str, float]) -> None:
    """Write names and volumes in mL as CSV, atomically."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["name", "volume (mL)"])
        writer.writerows((name, f"{amount:.3f}") for name, amount in volumes.items())
