"""The section that compares teacher, baseline and student, opens cases and the report, and deploys the student."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import qt
import slicer
from kdnet.errors import KDNetError
from kdnet.files import atomic_write
from KDNetLib.Command import Command
from KDNetLib.Tables import fill_table
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.CaseLoader import CaseLoader, CaseRequest, LoadedCase, outline, show_only
from KDNetTrainingLib.CheckBoxGroup import CheckBoxGroup
from KDNetTrainingLib.Formatting import network_title
from KDNetTrainingLib.Results import MEAN, CaseResult, Comparison, Results, StudentResult
from KDNetTrainingLib.RunMonitor import RunSnapshot
from KDNetTrainingLib.Runs import Run

ROLES = ("teacher", "baseline", "student")
SHOWN_FIRST = ("student", "reference")
SEGMENTATION_MODULE = "KDNetSegmentation"


class ResultPanel:
    """Shows the results of the chosen run so far.

    Args:
        panel: the whole panel, for its logic and runs.
    """

    def __init__(self, panel: Any) -> None:
        self.panel, self.ui = panel, panel.ui
        self.results: Results | None = None
        self._asking: Command | None = None
        self._asked: tuple[Path, int, str] | None = None
        self._cases: tuple[CaseResult, ...] = ()
        self._loaded: LoadedCase | None = None
        self.loader = CaseLoader(self.onLoaded, self.onFailed)
        self.shown = CheckBoxGroup(self.ui.shownChecks, self.onShown)
        self.ui.studentShownSelector.currentIndexChanged.connect(lambda _index: self._show())
        self.ui.resultCasesTable.cellDoubleClicked.connect(self.onCase)
        self.ui.reportButton.clicked.connect(self.onReport)
        self.ui.deployButton.clicked.connect(self.onDeploy)
        self.ui.exportButton.clicked.connect(self.onExport)
        self.clear()

    @property
    def student(self) -> StudentResult | None:
        """The chosen student."""
        index = self.ui.studentShownSelector.currentIndex
        students = self.results.students if self.results is not None else ()
        return students[index] if 0 <= index < len(students) else None

    def clear(self) -> None:
        """Show nothing."""
        self.cleanup()
        self.results, self._asked = None, None
        self._emit(_("Results come when the first student is tested."))
        self._refill()

    def cleanup(self) -> None:
        """Stop all processes."""
        self.loader.cancel()
        if self._asking is not None:
            self._asking.cancel()
            self._asking = None

    def take(self, look: RunSnapshot) -> None:
        """Update from a snapshot of the chosen run: gather results again when another network, or all, have been tested."""
        status = look.status
        if status is None or not any("student" in name for name in status.done):
            return
        asked = (look.root, len(status.done), status.state.value if status.state.value == "finished" else "")
        run = self.panel.runs.run
        if asked == self._asked or self._asking is not None or run is None:
            return
        self._asked = asked
        if self.results is None:
            self._emit(_("The results are being gathered..."))
        self._asking = self.panel.logic.startResults(run, onFinished=self.onResults, onFailed=self.onResultsFailed)

    def update(self) -> None:
        """Update the buttons."""
        student = self.student
        self.ui.reportButton.enabled = self.results is not None and self.results.report is not None
        self.ui.deployButton.enabled = self.ui.exportButton.enabled = student is not None and student.model is not None

    def onResults(self, results: Results) -> None:
        """Show the results."""
        self._asking, first = None, self.results is None
        self.results = results
        names = ", ".join(network_title(name) for name in results.missing)
        missing = _("Not yet tested: {networks}.").format(networks=names) if results.missing else ""
        untested = not missing and not any(student.comparisons for student in results.students)
        self._emit(_("Trained on every case: none is left to test.") if untested else missing)
        self._refill()
        if first and not results.missing:
            self.ui.resultSection.collapsed = False
        self.panel.update()

    def onResultsFailed(self, failure: Failure) -> None:
        """Report why there are no results."""
        self._asking = None
        self._emit(failure.message)

    def onCase(self, row: int, _column: int) -> None:
        """Load a case with all its segmentations."""
        if self.results is None or self.student is None or not 0 <= row < len(self._cases):
            return
        case = self._cases[row]
        self._emit(_("{case} is being loaded...").format(case=case.case))
        seen = self.student.modalities.partition("+")[0]
        self.loader.load(CaseRequest(self.results.data, case.case, self.results.labels, case.labelmaps, background=seen))

    def onLoaded(self, loaded: LoadedCase) -> None:
        """Show the loaded case: the student filled, the reference as an outline, the others on request."""
        self._loaded = loaded
        self._emit(_("{case} is loaded.").format(case=loaded.case))
        for name, node in loaded.segmentations.items():
            outline(node, filled=name != "reference")
        titles = {name: _role(name) for name in (*ROLES, "reference") if name in loaded.segmentations}
        self.shown.offer(titles, SHOWN_FIRST)
        self.onShown()

    def onShown(self) -> None:
        """Show the ticked segmentations."""
        if self._loaded is not None:
            show_only(self._loaded.segmentations, self.shown.checked)

    def onFailed(self, failure: Failure) -> None:
        """Report why a case cannot be loaded, or a model not deployed."""
        self._emit(failure.message)
        self.panel.update()

    def onReport(self, *_arguments: Any) -> None:
        """Open the report in the browser."""
        if self.results is not None and self.results.report is not None:
            qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(self.results.report)))

    def onDeploy(self, *_arguments: Any) -> None:
        """Deploy the student to KDNetSegmentation and switch to it."""
        student, run = self.student, self.panel.runs.run
        if student is None or student.model is None or run is None:
            return
        try:
            segmentation = slicer.util.getModuleWidget(SEGMENTATION_MODULE).panel
            self._emit(_("The model is being checked..."))
            name = deployed_name(run, student)
            segmentation.deploy(student.model, name, onFinished=self.onDeployed, onFailed=self.onFailed)
        except RuntimeError as error:  # the module is missing or busy
            self._emit(str(error))

    def onDeployed(self, model: Any) -> None:
        """Switch to KDNetSegmentation, where the model is now selected."""
        self._emit(_("{model} is chosen in KDNet Segmentation.").format(model=model.title))
        slicer.util.selectModule(SEGMENTATION_MODULE)

    def onExport(self, *_arguments: Any) -> None:
        """Ask for a file and copy the model there."""
        student, run = self.student, self.panel.runs.run
        if student is None or student.model is None or run is None:
            return
        filters = _("Models (*.safetensors)")
        path = qt.QFileDialog.getSaveFileName(None, _("Export model file"), deployed_name(run, student), filters)
        if not path:
            return
        try:
            with atomic_write(Path(path)) as temporary:
                shutil.copyfile(student.model, temporary)
        except KDNetError as error:
            self._emit(str(error))
        else:
            self._emit(_("The model is in {path}.").format(path=path))

    def _refill(self) -> None:
        students = self.results.students if self.results is not None else ()
        selector = self.ui.studentShownSelector
        kept = selector.currentIndex
        blocked = selector.blockSignals(True)
        selector.clear()
        for student in students:
            selector.addItem(student.modalities.upper())
        selector.currentIndex = kept if 0 <= kept < len(students) else min(0, len(students) - 1)
        selector.blockSignals(blocked)
        self._show()

    def _show(self) -> None:
        student, ui = self.student, self.ui
        several = self.results is not None and len(self.results.students) > 1
        ui.studentShownLabel.visible = ui.studentShownSelector.visible = several
        for widget in (ui.comparisonTable, ui.resultCasesTable, ui.casesLabel):
            widget.visible = student is not None
        warning = _warning(student) if student is not None else ""
        ui.resultWarning.text = warning
        ui.resultWarning.visible = bool(warning)
        if student is not None:
            fill_table(ui.comparisonTable, *_comparison(student.comparisons))
            index = ui.studentShownSelector.currentIndex
            self._cases = self.results.worst(index) if self.results is not None else ()
            rows = [(case.case, *(_dice(case.dice.get(role)) for role in ROLES)) for case in self._cases]
            fill_table(ui.resultCasesTable, (_("Case"), *(_role(role) for role in ROLES)), rows)
        self.update()

    def _emit(self, text: str) -> None:
        self.ui.resultLabel.text = text
        self.ui.resultLabel.visible = bool(text)


def deployed_name(run: Run, student: StudentResult) -> str:
    """Return the name of a model file outside its run, which shows its origin."""
    return f"{run.name} {student.modalities}.safetensors"


def _comparison(items: Sequence[Comparison]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return header and rows of the table; one column per region, because the panel is narrow and regions are few."""
    names = (_("Teacher"), _("Baseline"), _("Student"), _("Gain"), _("95 % from\nto"), "p", _("Gap"))
    header = (_("Dice"), *(_("mean") if item.region == MEAN else item.region for item in items))
    rows = zip(names, *(_cells(item) for item in items), strict=True)
    return header, list(rows)


def _cells(item: Comparison) -> tuple[str, ...]:
    value, low, high = item.difference
    recovery = "" if item.recovery is None else f"{100 * item.recovery:.0f} %"
    scores = (_dice(item.teacher), _dice(item.baseline), _dice(item.student))
    return *scores, f"{value:+.3f}", f"{low:+.3f}\n{high:+.3f}", f"{item.p:.3f}", recovery


def _dice(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _role(name: str) -> str:
    return {
        "teacher": _("Teacher"),
        "baseline": _("Baseline"),
        "student": _("Student"),
        "reference": _("Reference"),
    }.get(name, name)


def _warning(student: StudentResult) -> str:
    """Return a warning if the student brings no benefit, or if its benefit may be due to chance."""
    beaten = student.beaten()
    if beaten:
        return _(
            "⚠ In {regions} the student does not beat its baseline: train longer, or change lambda or gamma, before"
            " you trust it."
        ).format(regions=", ".join(beaten))
    mean = next((item for item in student.comparisons if item.region == MEAN), None)
    if mean is not None and mean.difference[1] <= 0:
        return _(
            "⚠ The student is ahead of its baseline by so little that chance may have done it: test more cases or seeds."
        )
    return ""
