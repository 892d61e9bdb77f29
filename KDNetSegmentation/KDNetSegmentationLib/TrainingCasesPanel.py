"""The section that collects corrected segmentations as training cases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import slicer
from KDNetLib.CollectionFolder import collection_rows
from KDNetLib.Tables import fill_table
from slicer.i18n import tr as _

from KDNetSegmentationLib.CaseSource import training_case
from KDNetSegmentationLib.CollectJob import PATIENT_ID, Collected, Correction
from KDNetSegmentationLib.DicomSource import dicom_value
from KDNetSegmentationLib.Protocols import PanelProtocol
from KDNetSegmentationLib.TrainingCases import TrainingCases

if TYPE_CHECKING:
    from kdnet.schema.collection import CollectedCase
    from KDNetLib.Worker import Failure
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

LEAST_SHOWN_ML = 0.05  # less is 0.0


class TrainingCasesPanel:
    """Adds the shown segmentation to the training cases, and lists them.

    Args:
        panel: the whole panel.
    """

    def __init__(self, panel: PanelProtocol) -> None:
        self.panel = panel
        self.running = False
        self._sent: Correction | None = None
        self._shown: vtkMRMLScalarVolumeNode | None = None
        self.cases = TrainingCases(self.onChanged, self.onOpened)
        ui = panel.ui
        ui.collectionEdit.currentPath = str(self.cases.folder)
        ui.collectionEdit.currentPathChanged.connect(self.onFolder)
        ui.addCaseButton.clicked.connect(self.onAdd)
        ui.casesTable.itemSelectionChanged.connect(self._updateButtons)
        ui.casesTable.cellDoubleClicked.connect(self.onOpen)
        ui.openCaseButton.clicked.connect(self.onOpen)
        ui.removeCaseButton.clicked.connect(self.onRemove)
        ui.casesSection.contentsCollapsed.connect(self.onCollapsed)
        self._show()

    @property
    def chosen(self) -> str:
        """Name of the case that is selected in the table; empty if none is."""
        row = self.panel.ui.casesTable.currentRow()
        return self.cases.names[row] if 0 <= row < len(self.cases.names) else ""

    def update(self, *, free: bool) -> None:
        """Enable the button if there is something to add and no work is in progress."""
        ui, chosen = self.panel.ui, self.panel.parameters
        problem = self._problem()
        known = training_case(chosen.result, self.cases.folder) if chosen is not None else ""
        ui.addCaseButton.enabled = self.running or (free and not problem)
        ui.addCaseButton.toolTip = problem or _("Check scan and segmentation, and copy them into the folder.")
        ui.addCaseButton.text = _("Add to training cases")
        if self.running:
            ui.addCaseButton.text = _("Cancel")
        elif known:
            ui.addCaseButton.text = _("Update {case}").format(case=known)
        volume = chosen.resultVolume if chosen is not None else None
        if volume is not self._shown:
            self._shown = volume
            ui.patientEdit.text = ""
            ui.noTumorCheckBox.checked = False
        named = volume is not None and bool(dicom_value(volume, PATIENT_ID))
        ui.patientEdit.enabled = not known
        ui.patientEdit.placeholderText = _("from DICOM") if named else _("unknown: a patient of its own")

    def onFolder(self, path: str) -> None:
        """Use another folder."""
        if path:
            self.cases.choose(Path(path))
            self._show()
            self.panel.update()

    def onCollapsed(self, collapsed: bool) -> None:
        """List the cases when the section is opened."""
        if not collapsed:
            self.cases.refresh()

    def onAdd(self, *_arguments: object) -> None:
        """Add the segmentation, or cancel that."""
        if self.running:
            self.panel.logic.cancel()
            self._end(_("Canceled."))
            return
        chosen, model, ui = self.panel.parameters, self.panel.resultModel, self.panel.ui
        if chosen is None or model is None or self._problem():
            return
        segmentation = chosen.corrected or chosen.result
        patient, empty = ui.patientEdit.text, ui.noTumorCheckBox.checked
        self._send(Correction(segmentation, chosen.result, chosen.resultVolume, model, patient, empty))

    def onFinished(self, collected: Collected) -> None:
        """Show what was added, or ask whether to replace the case of the same scan."""
        correction = self._sent
        if collected.case is not None:
            self.panel.ui.noTumorCheckBox.checked = False
            self._end(added_text(collected.case))
            self.cases.refresh()
            return
        question = _("This scan is a training case already: {case}. Replace its segmentation?")
        there = correction is not None and correction.result.GetScene() is not None
        if correction is not None and there and slicer.util.confirmOkCancelDisplay(question.format(case=collected.known)):
            self._send(replace(correction, replaced=collected.known))
        else:
            self._end(_("Nothing was changed."))

    def onFailed(self, failure: Failure) -> None:
        """Show the reason in this section too, and list the cases again, one of which may be gone."""
        self._end(failure.message)
        self.panel.showFailure(failure)
        self.cases.refresh()

    def onOpen(self, *_arguments: object) -> None:
        """Open the selected case."""
        if self.chosen:
            self.cases.open(self.chosen)

    def onOpened(self, node: vtkMRMLSegmentationNode, volume: vtkMRMLScalarVolumeNode) -> None:
        """Show a case, to be corrected again."""
        self.panel.ui.correctedSelector.setCurrentNode(None)
        self.panel.showSegmentation(node, volume)
        self._show()

    def onRemove(self, *_arguments: object) -> None:
        """Remove the selected case if the user confirms it."""
        name = self.chosen
        question = _("Remove {case} from the training cases? Its files are deleted.")
        if name and slicer.util.confirmOkCancelDisplay(question.format(case=name)):
            self.cases.remove(name)
            self.panel.update()

    def onChanged(self) -> None:
        """Show the cases that there are now."""
        self._show()
        self.panel.update()

    def leaveScene(self) -> None:
        """Release the scene, which is about to close; a case that is being added has all that it needs."""
        self._shown = None
        self.cases.leaveScene()

    def cleanup(self) -> None:
        """Stop all processes."""
        self.cases.cleanup()

    def _send(self, correction: Correction) -> None:
        self._sent, self.running = correction, True
        self.cases.message = ""
        self.panel.showMessage(_("Adding to the training cases..."))
        self.panel.showProgress(0, 0)
        self.panel.logic.startCollect(self.cases.folder, correction, onFinished=self.onFinished, onFailed=self.onFailed)
        self.panel.update()

    def _end(self, text: str) -> None:
        self._sent, self.running = None, False
        self.cases.message = text
        self.panel.showMessage(text)
        self._show()
        self.panel.update()

    def _problem(self) -> str:
        """Return why nothing can be added; empty if something can."""
        chosen = self.panel.parameters
        if chosen is None or chosen.result is None or chosen.resultVolume is None or self.panel.resultModel is None:
            return _("Segment a volume first, and correct its segmentation.")
        return "" if self.panel.ui.collectionEdit.currentPath else _("Choose a folder for the training cases.")

    def _show(self) -> None:
        ui, content = self.panel.ui, self.cases.content
        row = ui.casesTable.currentRow()
        header, rows = collection_rows(content) if content is not None else ((), [])
        if header:
            fill_table(ui.casesTable, header, rows)
            ui.casesTable.setCurrentCell(row if row < len(rows) else -1, 0)
        ui.casesTable.visible = bool(rows)
        ui.casesHint.text = self.cases.text
        ui.casesHint.visible = bool(self.cases.text)
        self._updateButtons()

    def _updateButtons(self) -> None:
        ui = self.panel.ui
        ui.openCaseButton.visible = ui.removeCaseButton.visible = bool(self.cases.names)
        ui.openCaseButton.enabled = ui.removeCaseButton.enabled = bool(self.chosen)


def added_text(case: CollectedCase) -> str:
    """Return what was recorded of a case, as a sentence."""
    if case.no_tumor:
        return _("Saved {case}, without tumor.").format(case=case.name)
    if not case.changed_ml:
        return _("Saved {case}.").format(case=case.name)
    if not any(case.changed_ml.values()):
        return _("Saved {case}: the same as the model's segmentation.").format(case=case.name)
    shown = [f"{name} {amount:.1f} mL" for name, amount in case.changed_ml.items() if amount >= LEAST_SHOWN_ML]
    changed = ", ".join(shown) or _("less than 0.1 mL")
    return _("Saved {case}. Corrected: {changed}.").format(case=case.name, changed=changed)
