"""The table of lesions: a click shows one, its check box keeps or drops it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import qt
import slicer
from kdnet.errors import KDNetError
from KDNetLib.Tables import fill_table
from slicer.i18n import tr as _

from KDNetSegmentationLib.Lesions import LesionSelection
from KDNetSegmentationLib.Protocols import PanelProtocol

if TYPE_CHECKING:
    from kdnet.schema.lesions import Lesion, LesionTable, Point
    from KDNetLib.ModelInfo import ModelInfo
    from KDNetLib.Worker import Failure
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

    from KDNetSegmentationLib.Lesions import LesionMap
    from KDNetSegmentationLib.Settings import Result


class LesionsPanel:
    """Shows the lesions of the segmentation in the results section.

    Args:
        panel: the whole panel.
    """

    def __init__(self, panel: PanelProtocol) -> None:
        self.panel = panel
        self.selection: LesionSelection | None = None
        self._lesions: list[Lesion | None] = []  # of each row
        panel.ui.lesionsTable.cellClicked.connect(self.onClicked)
        panel.ui.lesionsTable.itemChanged.connect(self.onChecked)
        panel.ui.measureButton.clicked.connect(self.onMeasure)
        self._show()

    def take(self, result: Result, volumeNode: vtkMRMLScalarVolumeNode, model: ModelInfo) -> None:
        """Show the lesions of a new result."""
        self.selection = LesionSelection(result.segmentationNode, volumeNode, model)
        if result.lesions is not None:
            self.selection.take(result.lesions)
        self._show()

    def follow(
        self,
        node: vtkMRMLSegmentationNode | None,
        volumeNode: vtkMRMLScalarVolumeNode | None,
        model: ModelInfo | None,
    ) -> None:
        """Handle another or a changed segmentation: measure its lesions, or offer to if the worker is not running."""
        if node is None or volumeNode is None or model is None:
            self.selection = None
        elif self.selection is None or node is not self.selection.node or volumeNode is not self.selection.volumeNode:
            self.selection = LesionSelection(node, volumeNode, model)
        if self.selection is not None and not self._isCurrent():
            self.selection.lesions = None
            if self.panel.logic.warm and not self.panel.logic.busy:
                self._measure(self.selection)
        self._show()

    def kept(self) -> LesionTable | None:
        """Return the measured lesions without those that the user dropped; None if they were not measured."""
        selection = self.selection
        if selection is None or selection.lesions is None:
            return None
        table = selection.lesions.table
        return replace(table, lesions=tuple(lesion for lesion in table.lesions if selection.isKept(lesion.number)))

    def onMeasure(self, *_arguments: object) -> None:
        """Measure lesions on request."""
        if self.selection is not None:
            self.panel.showMessage(_("Measuring lesions..."))
            self._measure(self.selection)

    def onClicked(self, row: int, _column: int) -> None:
        """Show the lesion of a row in the slice views."""
        lesion = self._lesions[row] if 0 <= row < len(self._lesions) else None
        if lesion is not None:
            slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *lesion.inside)

    def onChecked(self, item: Any) -> None:
        """Keep or drop a lesion."""
        lesion = self._lesions[item.row()] if item.column() == 0 and item.row() < len(self._lesions) else None
        if lesion is None or self.selection is None:
            return
        try:
            self.selection.keep(lesion.number, item.checkState() == qt.Qt.Checked)
        except KDNetError as error:
            self.panel.showMessage(str(error))
        self._showHint()

    def _isCurrent(self) -> bool:
        assert self.selection is not None
        try:
            return self.selection.isCurrent()
        except KDNetError:  # made with another model
            return False

    def _measure(self, selection: LesionSelection) -> None:
        def finished(_lesions: LesionMap) -> None:
            if self.selection is selection:
                self.panel.showMessage("")
                self._show()

        def failed(failure: Failure) -> None:
            if self.selection is selection and failure.message:
                self.panel.showMessage(failure.message, failure.details)

        self.panel.logic.startLesions(selection, onFinished=finished, onFailed=failed)

    def _show(self) -> None:
        """Fill the table: a row per lesion, followed by a row per region within it."""
        ui, lesions = self.panel.ui, self.selection.lesions if self.selection is not None else None
        listed = lesions.table.lesions if lesions is not None else ()
        rows = [row for lesion in listed for row in lesion_rows(lesion)]
        self._lesions = [lesion for lesion in listed for _size in lesion.sizes]
        blocked = ui.lesionsTable.blockSignals(True)
        header = (_("Lesion"), _("mL"), _("Size (mm)"), _("Center (mm)"), _("Conf."))
        fill_table(ui.lesionsTable, header, rows, stretch=3)
        row = 0
        for lesion in listed:
            self._showCheckBox(row, lesion)
            row += len(lesion.sizes)
        ui.lesionsTable.resizeColumnToContents(0)  # which now has check boxes
        ui.lesionsTable.blockSignals(blocked)
        ui.lesionsTable.visible = bool(listed)
        ui.measureButton.visible = self.selection is not None and lesions is None
        self._showHint()

    def _showCheckBox(self, row: int, lesion: Lesion) -> None:
        assert self.selection is not None
        item = self.panel.ui.lesionsTable.item(row, 0)
        item.setCheckState(qt.Qt.Checked if self.selection.isKept(lesion.number) else qt.Qt.Unchecked)
        tip = _("Click to show the lesion. Clear the check box to remove it from the segments, check it to restore it.")
        if lesion.doubtful:
            tip = f"{_('The model is rarely right about such a lesion, so it was removed at first.')} {tip}"
        item.setToolTip(tip)

    def _showHint(self) -> None:
        ui, lesions = self.panel.ui, self.selection.lesions if self.selection is not None else None
        texts = []
        if lesions is not None:
            table = lesions.table
            texts.append(
                _("Size: longest diameter and its perpendicular in the {plane} plane.").format(
                    plane=plane_text(table.plane)
                )
            )
            if not table.lesions:
                texts = [_("No lesion of at least 0.05 mL.")]
            if lesions.others:
                text = _("{count} smaller lesions ({total:.1f} mL in total) are not listed.")
                texts.append(text.format(count=len(lesions.others), total=sum(lesions.others)))
        ui.lesionsHint.text = " ".join(texts)
        ui.lesionsHint.visible = bool(texts)


def lesion_rows(lesion: Lesion) -> list[tuple[str, str, str, str, str]]:
    """Return the rows of one lesion; number and center are in the first, that of its outermost region."""
    rows = []
    for index, size in enumerate(lesion.sizes):
        certainty = lesion.certainty(index)
        confidence = "" if certainty is None else f"{100 * certainty:.0f}%"
        title = f"{lesion.number} {size.name}" if index == 0 else f"    {size.name}"
        center = position_text(lesion.center) if index == 0 else ""
        diameters = f"{size.diameter.length:.1f} x {size.perpendicular.length:.1f}"
        rows.append((title, f"{size.milliliters:.2f}", diameters, center, confidence))
    return rows


def position_text(point: Point) -> str:
    """Return a point in RAS mm with the letters of its sides, for example ``"L 23, A 12, S 40"``."""
    letters = (("R", "L"), ("A", "P"), ("S", "I"))
    return ", ".join(
        f"{names[0] if value >= 0 else names[1]} {abs(value):.0f}" for value, names in zip(point, letters, strict=True)
    )


def plane_text(plane: str) -> str:
    """Return the name of an acquisition plane for users."""
    names = {"axial": _("axial"), "coronal": _("coronal"), "sagittal": _("sagittal")}
    tilted, _space, name = plane.rpartition(" ")
    text = names.get(name, name)
    return _("oblique {plane}").format(plane=text) if tilted else text
