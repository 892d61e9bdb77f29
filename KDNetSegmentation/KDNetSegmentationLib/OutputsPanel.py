"""The buttons that write a report or a DICOM SEG of the result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdnet.errors import KDNetError
from KDNetLib.Availability import offer
from KDNetLib.Dependencies import HIGHDICOM
from KDNetLib.FileDialogs import ask_save
from KDNetLib.OptionalPackage import OptionalPackage
from slicer.i18n import tr as _

from KDNetSegmentationLib.DicomSource import dicom_problem
from KDNetSegmentationLib.Protocols import PanelProtocol

if TYPE_CHECKING:
    from KDNetLib.Worker import Failure


class OutputsPanel:
    """Writes files about the segmentation in the results section.

    Args:
        panel: the whole panel.
        highdicom: the package that DICOM SEG needs; replaceable in tests.
    """

    def __init__(self, panel: PanelProtocol, highdicom: OptionalPackage | None = None) -> None:
        self.panel = panel
        self.highdicom = highdicom or OptionalPackage(HIGHDICOM, _("writing DICOM SEG"))
        panel.ui.reportButton.clicked.connect(self.onReport)
        panel.ui.dicomSegButton.clicked.connect(self.onDicomSeg)

    def update(self, *, free: bool) -> None:
        """Enable the buttons that apply; the tool tip of the other says why."""
        ui, chosen = self.panel.ui, self.panel.parameters
        ready = chosen is not None and None not in (chosen.result, chosen.resultVolume)
        problem = dicom_problem(chosen.resultVolume) if ready and chosen is not None else ""
        busy = "" if free else _("Wait for the work in progress, or cancel it.")
        tip = _("Write one page with patient, scan, model, volumes, lesions and pictures, as a web page or PDF.")
        offer(ui.reportButton, tip, busy if ready else _("Segment a volume first."))
        tip = _("Write the segmentation as a DICOM object of the patient's study, for an archive or another viewer.")
        if self.highdicom.installing:
            problem = _("The package for DICOM SEG is being installed.")
        offer(ui.dicomSegButton, tip, problem or busy if ready else _("Segment a volume first."))

    def onReport(self, *_arguments: object) -> None:
        """Ask for a file and write the report."""
        filters = _("Web page (*.html);;PDF (*.pdf)")
        self._write(_("Save report"), "report.html", filters, self.panel.logic.startReport)

    def onDicomSeg(self, *_arguments: object) -> None:
        """Ask for a file and write the DICOM SEG; offer to install what that needs."""
        if not self.highdicom.installed:
            self.highdicom.offer()
            self.panel.update()
            return
        self._write(_("Save DICOM SEG"), "segmentation.dcm", _("DICOM (*.dcm)"), self.panel.logic.startDicomSeg)

    def _write(self, title: str, suggestion: str, filters: str, start: Callable[..., Any]) -> None:
        chosen = self.panel.parameters
        path = ask_save(title, suggestion, filters)
        if path is None or chosen is None:
            return
        if not path.suffix:
            path = path.with_suffix(Path(suggestion).suffix)
        self.panel.showMessage(_("Writing {path}...").format(path=path))
        callbacks = {"onFinished": self.onWritten, "onFailed": self.onFailed}
        try:
            start(path, chosen.result, chosen.resultVolume, model=self.panel.resultModel, **callbacks)
        except KDNetError as error:
            self.panel.showMessage(str(error))
        self.panel.update()

    def onWritten(self, path: Path) -> None:
        """Say where the file is."""
        self.panel.showMessage(_("Saved {path}.").format(path=path))
        self.panel.update()

    def onFailed(self, failure: Failure) -> None:
        """Show the reason."""
        self.panel.showFailure(failure)
