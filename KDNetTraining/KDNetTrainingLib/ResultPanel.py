"""The section that compares teacher, baseline and student, opens cases and the report, and deploys the student."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import qt
import slicer
from kdnet.errors import KDNetError
from kdnet.files import atomic_write
from kdnet.schema.modalities import format_modalities
from kdnet.schema.run_results import CaseResult, RunResults, StudentResult
from KDNetLib.Availability import restrict
from KDNetLib.CaseLoader import CaseLoader, CaseRequest
from KDNetLib.CaseNodes import LoadedCase, kept_sentence, outline, show_only
from KDNetLib.FileDialogs import ask_save
from KDNetLib.Tables import fill_table
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.CheckBoxGroup import CheckBoxGroup
from KDNetTrainingLib.Formatting import network_title
from KDNetTrainingLib.Host import ChosenRun, ResultHost
from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.ResultText import ROLES, adaptation_text, case_table, comparison_table, labelmap_title, result_warning
from KDNetTrainingLib.ResultUpdates import ResultUpdates
from KDNetTrainingLib.RunMonitor import RunSnapshot
from KDNetTrainingLib.Runs import Run

REFERENCE = "reference"
COMPARISON_HEIGHT = 280  # of all rows of a comparison without a control
SHOWN_FIRST = ("student", REFERENCE)
SEGMENTATION_MODULE = "KDNetSegmentation"


class ResultPanel:
    """Shows the results of the chosen run so far.

    Args:
        ui: widgets of the panel by name.
        logic: gathers results.
        runs: the section with the chosen run.
        host: the panel.
    """

    def __init__(self, ui: Any, logic: TrainingLogic, runs: ChosenRun, host: ResultHost) -> None:
        self.ui, self._runs, self._host = ui, runs, host
        self._updates = ResultUpdates(logic, self.onResults, self.onResultsFailed)
        self._opened = False
        self._cases: tuple[CaseResult, ...] = ()
        self._loaded: LoadedCase | None = None
        self.loader = CaseLoader(self.onLoaded, self.onFailed)
        self.shown = CheckBoxGroup(ui.shownChecks, self.onShown)
        ui.studentShownSelector.currentIndexChanged.connect(lambda _index: self._show())
        ui.resultCasesTable.cellDoubleClicked.connect(self.onCase)
        ui.reportButton.clicked.connect(self.onReport)
        ui.deployButton.clicked.connect(self.onDeploy)
        ui.exportButton.clicked.connect(self.onExport)
        self.clear()

    @property
    def results(self) -> RunResults | None:
        """The results so far, None until there are any."""
        return self._updates.results

    @property
    def student(self) -> StudentResult | None:
        """The chosen student."""
        index = self.ui.studentShownSelector.currentIndex
        students = self.results.students if self.results is not None else ()
        return students[index] if 0 <= index < len(students) else None

    @property
    def offered(self) -> Path | None:
        """The model file of the chosen student, None if there is none to offer."""
        student = self.student
        return self.results.offered(student) if self.results is not None and student is not None else None

    def clear(self) -> None:
        """Show nothing."""
        self.cleanup()
        self._updates.clear()
        self._opened = False
        self.onScene("")
        self._show_message(_("Results appear once a student has been evaluated."))
        self._refill()

    def cleanup(self) -> None:
        """Stop all processes."""
        self.loader.cancel()
        self._updates.cancel()

    def take(self, snapshot: RunSnapshot) -> None:
        """Update from a snapshot of the chosen run."""
        run = self._runs.run
        if run is not None and self._updates.take(run, snapshot) and self.results is None:
            self._show_message(_("Gathering results..."))

    def update(self) -> None:
        """Update the buttons."""
        if self._loaded is not None and not self._loaded.present:  # another section has opened a case
            self.onScene("")
        report = self.results is not None and self.results.report is not None
        restrict(self.ui.reportButton, "" if report else _("The run has no report yet."))
        problem = "" if self.offered is not None else self._why_not_offered()
        restrict(self.ui.deployButton, problem)
        restrict(self.ui.exportButton, problem)

    def onResults(self, results: RunResults) -> None:
        """Show new results."""
        self._show_message(_completeness(results))
        self._refill()
        if not self._opened and not results.missing:
            self.ui.resultSection.collapsed = False
            self.ui.liveSection.collapsed = True  # it is finished
        self._opened = True
        self._host.update()

    def onResultsFailed(self, failure: Failure) -> None:
        """Report why there are no results."""
        self._show_message(failure.message)

    def onCase(self, row: int, _column: int) -> None:
        """Load a case with all its segmentations."""
        if self.results is None or self.student is None or not 0 <= row < len(self._cases):
            return
        case = self._cases[row]
        self._show_message(_("Loading {case}...").format(case=case.case))
        background = next(iter(self.student.modalities), "")
        request = CaseRequest(self.results.data, case.case, self.results.labels, case.labelmaps, background=background)
        self.loader.load(request)

    def onLoaded(self, loaded: LoadedCase) -> None:
        """Show the loaded case: the student filled, the reference as an outline, the others on request."""
        self._loaded = loaded
        kept = kept_sentence(loaded.kept)
        self._show_message(" ".join(filter(None, (_("Loaded {case}.").format(case=loaded.case), kept))))
        for name, node in loaded.segmentations.items():
            outline(node, filled=name != REFERENCE)
        titles = {name: labelmap_title(name) for name in (*ROLES, REFERENCE) if name in loaded.segmentations}
        self.shown.offer(titles, SHOWN_FIRST)
        self.onShown()
        self._host.update()

    def onScene(self, text: str) -> None:
        """Stop loading a case, because the scene is closed or its cases are removed; say so, or ``text``."""
        if self.loader.busy:
            self.loader.cancel()
            self._show_message(_("Loading was canceled."))
        elif self._loaded is not None:
            self._show_message(text or _completeness(self.results) if self.results is not None else text)
        self._loaded = None
        self.shown.offer({}, ())

    def onShown(self) -> None:
        """Show the checked segmentations."""
        if self._loaded is not None:
            show_only(self._loaded.segmentations, self.shown.checked)

    def onFailed(self, failure: Failure) -> None:
        """Report why a case cannot be loaded, or a model not deployed."""
        self._show_message(failure.message)
        self._host.update()

    def onReport(self, *_arguments: Any) -> None:
        """Open the report in the browser."""
        if self.results is not None and self.results.report is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self.results.report)))

    def onDeploy(self, *_arguments: Any) -> None:
        """Deploy the student to KDNetSegmentation and switch to it."""
        student, run, model = self.student, self._runs.run, self.offered
        if student is None or run is None or model is None:
            return
        try:
            segmentation = slicer.util.getModuleWidget(SEGMENTATION_MODULE).panel
            self._show_message(_("Checking the model file..."))
            name = deployed_name(run, student, model)
            segmentation.deploy(model, name, onFinished=self.onDeployed, onFailed=self.onFailed)
        except RuntimeError as error:  # the module is missing or busy
            self._show_message(str(error))

    def onDeployed(self, model: Any) -> None:
        """Switch to KDNetSegmentation, where the model is now selected."""
        self._show_message(_("Selected {model} in KDNet Segmentation.").format(model=model.title))
        self._host.onDeployed()

    def onExport(self, *_arguments: Any) -> None:
        """Ask for a file and copy the model there."""
        student, run, model = self.student, self._runs.run, self.offered
        if student is None or run is None or model is None:
            return
        filters = _("Model files (*.safetensors)")
        path = ask_save(_("Export model file"), deployed_name(run, student, model), filters)
        if path is None:
            return
        try:
            with atomic_write(path) as temporary:
                shutil.copyfile(model, temporary)
        except KDNetError as error:
            self._show_message(str(error))
        else:
            self._show_message(_("Saved the model file: {path}").format(path=path))

    def _why_not_offered(self) -> str:
        """Return why no model can be deployed."""
        if self.results is not None and self.results.adaptation is not None:
            return _("The adapted model is not better than before.")
        return _("No student is trained yet.")

    def _refill(self) -> None:
        students = self.results.students if self.results is not None else ()
        selector = self.ui.studentShownSelector
        kept = selector.currentIndex
        blocked = selector.blockSignals(True)
        selector.clear()
        for student in students:
            selector.addItem(format_modalities(student.modalities))
        selector.currentIndex = kept if 0 <= kept < len(students) else min(0, len(students) - 1)
        selector.blockSignals(blocked)
        self._show()

    def _show(self) -> None:
        student, ui = self.student, self.ui
        several = self.results is not None and len(self.results.students) > 1
        ui.studentShownLabel.visible = ui.studentShownSelector.visible = several
        for widget in (ui.comparisonTable, ui.resultCasesTable, ui.casesLabel):
            widget.visible = student is not None
        adapts = self.results is not None and self.results.adapts
        warning = result_warning(student) if student is not None and not adapts else ""
        ui.resultWarning.text = warning
        ui.resultWarning.visible = bool(warning)
        if student is not None:
            self._cases = student.cases
            fill_table(ui.comparisonTable, *comparison_table(student, adapts=adapts), highest=COMPARISON_HEIGHT)
            fill_table(ui.resultCasesTable, *case_table(self._cases, adapts=adapts))
        self.update()

    def _show_message(self, text: str) -> None:
        self.ui.resultLabel.text = text
        self.ui.resultLabel.visible = bool(text)


def deployed_name(run: Run, student: StudentResult, model: Path) -> str:
    """Return the name of a model file outside its run, which shows its origin; an adapted model has such a name already."""
    if model != student.model:
        return model.name
    return f"{run.name} {student.key}.safetensors"


def _completeness(results: RunResults) -> str:
    """Return what an adaptation found, which networks have not been evaluated, or that none will be; empty otherwise."""
    if results.adaptation is not None:
        return adaptation_text(results.adaptation)
    if results.missing:
        names = ", ".join(network_title(network) for network in results.missing)
        return _("Not yet evaluated: {networks}.").format(networks=names)
    if not any(student.comparisons for student in results.students):
        return _("Trained on all cases; none is left for evaluation.")
    return ""
