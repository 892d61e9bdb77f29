"""The results section: segments, volumes in mL, 3D, the Segment Editor and export."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
from kdnet.errors import KDNetError
from kdnet.files import atomic_write
from KDNetLib.FileDialogs import ask_save
from KDNetLib.Tables import fill_table
from slicer.i18n import tr as _

from KDNetSegmentationLib.ModelTexts import enhancement_note
from KDNetSegmentationLib.Parameters import set_result
from KDNetSegmentationLib.Protocols import StatusView, Widgets
from KDNetSegmentationLib.Provenance import warnings_of
from KDNetSegmentationLib.ResultText import ResultFacts, result_text
from KDNetSegmentationLib.ScanResults import newest_result, result_title, show_results_of

if TYPE_CHECKING:
    from kdnet.schema.lesions import LesionTable
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

    from KDNetSegmentationLib.Parameters import Parameters

    Changed = Callable[[vtkMRMLSegmentationNode | None, vtkMRMLScalarVolumeNode | None, ModelInfo | None], None]
    ModelOf = Callable[[vtkMRMLSegmentationNode], ModelInfo | None]

SEGMENTS_HEADER, SEGMENTS_ROW, SEGMENTS_LARGEST = 32, 28, 240  # pixels
SETTLING_MILLISECONDS = 200  # changes of a segmentation come in bursts


class ResultPanel:
    """Shows one segmentation.

    Args:
        ui: widgets of the panel by name.
        status: shows messages to the user.
        changed: called with segmentation, volume and model when another segmentation, a corrected one, or none is shown.
        lesionTable: returns the measured lesions of what is shown; None if they were not measured.
    """

    def __init__(
        self, ui: Widgets, status: StatusView, changed: Changed, lesionTable: Callable[[], LesionTable | None]
    ) -> None:
        self.ui, self._status, self._changed = ui, status, changed
        self.node: vtkMRMLSegmentationNode | None = None
        self.volumes: Mapping[str, float] = {}
        self.volumeNode: vtkMRMLScalarVolumeNode | None = None
        self.model: ModelInfo | None = None
        self._lesionTable = lesionTable
        self._scan: vtkMRMLScalarVolumeNode | None = None  # whose results are visible
        self._observed: list[tuple[Any, int]] = []
        self._edited = False
        ui.opacitySlider.valueChanged.connect(self.onOpacity)
        ui.show3DButton.toggled.connect(self.onShow3D)
        ui.copyButton.clicked.connect(self.onCopy)
        ui.saveButton.clicked.connect(self.onSave)
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
        self.ui.show3DButton.setSegmentationNode(None)
        self._changed(self.node, self.volumeNode, self.model)

    def show(
        self,
        node: vtkMRMLSegmentationNode,
        volumes: Mapping[str, float],
        volumeNode: vtkMRMLScalarVolumeNode,
        model: ModelInfo | None,
    ) -> None:
        """Show a segmentation and its volumes in mL.

        Args:
            node: the segmentation.
            volumes: volumes by name.
            volumeNode: the volume that it was made from.
            model: the model that made it; None if that is not known here.
        """
        self.node, self.volumes, self.volumeNode, self.model = node, dict(volumes), volumeNode, model
        self._observe(node, volumeNode)
        self.ui.resultsSection.visible = True
        self._showTitle(node, volumeNode, model)
        self.ui.segmentsTable.setSegmentationNode(node)
        self.ui.show3DButton.setSegmentationNode(node)
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

    def follow(self, parameters: Parameters, modelOf: ModelOf) -> None:
        """Show the newest result of the selected scan, or nothing; results of other scans are hidden.

        Args:
            parameters: settings of the panel, which then name the result and its scan.
            modelOf: returns the model that made a segmentation.
        """
        volume = parameters.inputVolume
        node = self._resultOf(volume, parameters) if volume is not None else None
        scan = volume if node is not None else None
        if (parameters.result, parameters.resultVolume) != (node, scan):
            set_result(parameters, node, scan)
        if node is None or volume is None:
            if self.node is not None:
                self.clear()
        elif node is self.node and volume is self.volumeNode:
            self.refresh()
        else:
            if self.node is not None:
                slicer.util.setSliceViewerLayers(background=volume)  # an overlay needs its own scan under it
            self.restore(node, volume, modelOf(node))
        if volume is not None and volume is not self._scan:
            show_results_of(volume)
        self._scan = volume

    def refresh(self) -> None:
        """Measure volumes again if the segmentation was edited."""
        if self._edited and self.node is not None and self.volumeNode is not None:
            self.restore(self.node, self.volumeNode, self.model)

    def restore(self, node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode, model: ModelInfo | None) -> None:
        """Show a segmentation from a loaded scene or an edited one, and measure its volumes again."""
        from KDNetLib.SegmentVolumes import segment_volumes  # noqa: PLC0415 - numpy

        labels = model.labels if model is not None else None
        self.show(node, segment_volumes(node, labels, volumeNode), volumeNode, model)
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
        """Bring surfaces, which the button makes itself, into view."""
        if self.node is not None and checked:
            slicer.util.resetThreeDViews()

    def onCopy(self, *_arguments: object) -> None:
        """Copy the result as text to the clipboard."""
        if self.node is None or self.volumeNode is None:
            return
        scan, model, when = result_title(self.node, self.volumeNode, self.model)
        warnings = [*warnings_of(self.node), *([enhancement_note(self.model)] if self.model is not None else [])]
        text = result_text(ResultFacts(scan, model, when, self.volumes, self._lesionTable(), tuple(filter(None, warnings))))
        qt.QApplication.clipboard().setText(text)
        self._status.showMessage(_("Copied the result as text."))

    def onSave(self, *_arguments: object) -> None:
        """Write the segmentation for other programs."""
        from KDNetSegmentationLib.SavedFiles import save_segmentation  # noqa: PLC0415 - numpy

        filters = _("Segmentation (*.seg.nrrd);;NIfTI with a label file of ITK-SNAP (*.nii.gz)")
        node, volumeNode = self.node, self.volumeNode
        if node is not None and volumeNode is not None:
            suggestion = f"{node.GetName()}.seg.nrrd"
            self._write(_("Save segmentation"), suggestion, filters, lambda path: save_segmentation(path, node, volumeNode))

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
        if self.node is not None:
            suggestion = f"{self.node.GetName()}.csv"
            filters = _("CSV files (*.csv)")
            self._write(_("Export volumes"), suggestion, filters, lambda path: export_volumes(path, self.volumes))

    def _write(self, title: str, suggestion: str, filters: str, write: Callable[[Path], Sequence[Path]]) -> None:
        """Ask for a file and write it."""
        path = ask_save(title, suggestion, filters)
        if path is None:
            return
        try:
            files = write(path)
        except KDNetError as error:
            self._status.showMessage(str(error))
        else:
            self._status.showMessage(_("Saved {path}.").format(path=", ".join(map(str, files))))

    def _resultOf(self, volume: vtkMRMLScalarVolumeNode, parameters: Parameters) -> vtkMRMLSegmentationNode | None:
        """Return the result of a scan that the scene names, else its newest one; None without voxels to measure on."""
        if volume.GetImageData() is None:
            return None
        return parameters.result if parameters.resultVolume is volume and parameters.result else newest_result(volume)

    def _observe(self, node: vtkMRMLSegmentationNode | None, volumeNode: vtkMRMLScalarVolumeNode | None = None) -> None:
        """Observe segments of ``node`` and what decides on their size, instead of those observed before."""
        for observed, tag in self._observed:
            observed.RemoveObserver(tag)
        self._observed, self._edited = [], False
        if node is None or volumeNode is None:
            return
        segmentation = node.GetSegmentation()
        changes = ("SegmentRemoved", "SegmentAdded", "SegmentModified", "SourceRepresentationModified")
        watched = [(segmentation, getattr(segmentation, name)) for name in changes]
        watched += [(each, slicer.vtkMRMLTransformableNode.TransformModifiedEvent) for each in (node, volumeNode)]
        self._observed = [(each, each.AddObserver(event, self.onEdited)) for each, event in watched]

    def _showTitle(
        self, node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode, model: ModelInfo | None
    ) -> None:
        """Show whose result this is, and what its model cannot show."""
        scan, *rest = result_title(node, volumeNode, model)
        note = enhancement_note(model) if model is not None else ""
        parts = [*rest, f"⚠ {note}" if note else ""]
        parts = [f"<b>{escape(scan)}</b>", *(escape(part) for part in parts if part)]
        self.ui.resultTitle.text = " · ".join(parts)

    def _showDisplay(self, node: vtkMRMLSegmentationNode) -> None:
        """Show the opacity of the overlay, and its brain mask."""
        display = node.GetDisplayNode()
        if display is not None:
            self.ui.opacitySlider.value = display.GetOpacity2DFill()
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


def export_volumes(path: Path, volumes: Mapping[str, float]) -> Sequence[Path]:
    """Write names and volumes in mL as CSV, atomically; return the file."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(["name", "volume (mL)"])
        writer.writerows((name, f"{amount:.3f}") for name, amount in volumes.items())
    return (path,)
