"""The section where data are selected: folder, labels, cases, modalities and folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
from kdnet.schema.case_report import CaseReport, DatasetReport
from kdnet.schema.formatting import plural
from kdnet.schema.modalities import display_name
from KDNetLib.Availability import restrict
from KDNetLib.CaseLoader import CaseLoader, CaseRequest
from KDNetLib.CaseNodes import LoadedCase, kept_sentence
from KDNetLib.Command import Command
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.CaseTable import CaseTable
from KDNetTrainingLib.CheckBoxGroup import CheckBoxGroup
from KDNetTrainingLib.Choices import Choices
from KDNetTrainingLib.DataSelection import DataSelection
from KDNetTrainingLib.Host import Host
from KDNetTrainingLib.Inspection import Inspection
from KDNetTrainingLib.Parameters import Labels

PHANTOM_CASES = 12
TYPING_MILLISECONDS = 600  # after which a folder being typed counts as chosen


class DataPanel:
    """Inspects a folder while Slicer stays responsive, and offers what it contains.

    Args:
        ui: widgets of the panel by name.
        choices: the choices of the scene.
        host: the panel.
    """

    def __init__(self, ui: Any, choices: Choices, host: Host) -> None:
        self.ui, self._choices, self._host = ui, choices, host
        self.selection = DataSelection(choices)
        self._inspection: Inspection | None = None
        self._shown: Path | None = None
        self._drawing: Command | None = None
        self.table = CaseTable(ui.caseTable, self.onChecked, self.onCaseChosen, self.onCaseOpened)
        self.teacher = CheckBoxGroup(ui.teacherChecks, self.onModalities)
        self.student = CheckBoxGroup(ui.studentChecks, self.onModalities)
        self.loader = CaseLoader(self.onCaseLoaded, self.onLoadFailed)
        ui.inspectButton.clicked.connect(self.onInspect)
        ui.caseLabel.visible = False

    def update(self, *, available: bool) -> None:
        """Update the section from the choices; ``available`` says whether a folder can be inspected."""
        chosen, ui, selection = self._choices.current, self.ui, self.selection
        ui.ownLabelsLabel.visible = ui.ownLabelsEdit.visible = chosen.labels is Labels.OWN
        ui.inspectButton.text = _("Cancel") if selection.inspecting else _("Inspect")
        restrict(ui.inspectButton, "" if selection.inspecting else self._inspect_problem(available=available))
        given = selection.summary is not None and bool(selection.summary.folds)
        restrict(ui.foldCountSpinBox, _("The data set defines its folds.") if given else "")
        ui.separateCheckBox.visible = len(selection.student) > 1
        if selection.folder != self._shown:
            self._shown = selection.folder
            self._forget()
            if available and selection.folder is not None:
                qt.QTimer.singleShot(TYPING_MILLISECONDS, self.onTyped)
        if selection.inspected is None:
            saved = chosen.teacherModalities or chosen.studentModalities
            self._offer(tuple(name for name in saved.split(",") if name))

    def _inspect_problem(self, *, available: bool) -> str:
        if not available:
            return _("Install the packages listed above first.")
        return _("Choose a data folder.") if self.selection.folder is None else ""

    def restore(self) -> None:
        """Show choices that were made elsewhere; cases are inspected again if their labels are read differently."""
        folder = self.selection.folder
        if folder is not None and (folder, self.selection.labels) == self.selection.inspected:
            self.table.show_excluded(self._choices.current.excludedCases)
            self._offer(self.selection.modalities)
        elif folder is not None and folder == self._shown and folder.is_dir():
            self.inspect()

    def onTyped(self) -> None:
        """Inspect a folder that was chosen a moment ago, if it is still the chosen one."""
        folder = self.selection.folder if self._choices.parameters is not None else None
        if folder is None or folder != self._shown or (folder, self.selection.labels) == self.selection.inspected:
            return
        if folder.is_dir():
            self.inspect()
        elif not self.selection.inspecting:
            self._show_message(_("{folder} is not a folder. Check its name.").format(folder=folder))

    def onInspect(self, *_arguments: Any) -> None:
        """Start the inspection, or cancel it."""
        if not self.selection.inspecting:
            self.inspect()
            return
        self.cancel()
        cases = plural(len(self.selection.cases), _("{count} case"), _("{count} cases"))
        self._show_message(_("Canceled after {cases}.").format(cases=cases))
        self._host.update()

    def inspect(self) -> None:
        """Inspect every case of the chosen folder again."""
        self.cancel()
        self.selection.begin()
        assert self.selection.inspected is not None
        folder, labels = self.selection.inspected
        self.table.clear()
        self.ui.caseLabel.visible = False
        self._show_message(_("Inspecting {folder}...").format(folder=folder.name))
        self._inspection = Inspection(
            folder, labels, onCase=self.onCase, onFinished=self.onFinished, onFailed=self.onFailed
        )
        self._inspection.command.start()
        self._host.update()

    def drawPhantom(self, folder: Path) -> None:
        """Choose a folder of synthetic cases; draw them first, in a separate process, if it does not exist."""
        if folder.is_dir():
            self._choose(folder)
        elif self._drawing is None:
            self._show_message(
                _("Drawing {count} synthetic cases in {folder}...").format(count=PHANTOM_CASES, folder=folder)
            )
            arguments = ["phantom", str(folder), "--cases", str(PHANTOM_CASES)]

            def drawn(_answer: str) -> None:
                self._drawing = None
                self._choose(folder)

            def failed(failure: Failure) -> None:
                self._drawing = None
                self._show_message(failure.message)

            self._drawing = Command(arguments, onFinished=drawn, onFailed=failed).start()

    def cancel(self) -> None:
        """Stop the inspection; its findings stay."""
        self.selection.inspecting = False
        if self._inspection is not None:
            self._inspection.command.cancel()
            self._inspection = None

    def cleanup(self) -> None:
        """Stop all processes."""
        self.cancel()
        self.loader.cancel()
        if self._drawing is not None:
            self._drawing.cancel()
            self._drawing = None

    def onCase(self, case: CaseReport, index: int, total: int) -> None:
        """Add a case."""
        if self._choices.parameters is None:
            return
        self.selection.add(case)
        self.table.add(case, excluded=case.name in self._choices.current.excludedCases)
        progress = _("Inspected {index} of {total} cases.").format(index=index, total=total)
        self._show_message(_sentences(progress, _problem_count(self.selection.invalid_cases)))
        new = [name for name in case.modalities if name not in self.selection.modalities]
        if new:
            self._offer((*self.selection.modalities, *new))
            self._host.update()

    def onFinished(self, summary: DatasetReport) -> None:
        """Show the summary."""
        self.selection.inspecting, self._inspection = False, None
        self.selection.summary = summary
        if self._choices.parameters is None:
            return
        self._choices.current.excludedCases = self.table.excluded()  # cases excluded in another folder may not exist here
        self._offer(summary.modalities)
        invalid = self.selection.invalid_cases
        valid = plural(len(self.selection.cases) - invalid, _("{count} usable case"), _("{count} usable cases"))
        total = _("{format}: {valid}.").format(format=summary.format, valid=valid)
        self._show_message(_sentences(total, _problem_count(invalid), *summary.notes))
        self._host.update()

    def onFailed(self, failure: Failure) -> None:
        """Report why the inspection failed."""
        self.selection.inspecting, self._inspection = False, None
        self._show_message(failure.message)
        self._host.update()

    def onChecked(self) -> None:
        """Update after the user excluded a case or included it again."""
        self._choices.current.excludedCases = self.table.excluded()

    def onModalities(self) -> None:
        """Update after the user checked or unchecked a modality."""
        self.selection.choose(self.teacher.checked, self.student.checked)
        self._host.update()

    def onCaseChosen(self, case: CaseReport | None) -> None:
        """Show all problems of a case."""
        problems = case.problems if case is not None else ()
        self._show_case_message("\n".join(f"{case.name}: {problem}" for problem in problems) if case is not None else "")

    def onCaseOpened(self, case: CaseReport) -> None:
        """Load a case with its reference."""
        assert self.selection.inspected is not None
        self._show_case_message(_("Loading {case}...").format(case=case.name))
        summary = self.selection.summary
        labels = summary.labels if summary else {}
        background = next(iter(self.selection.student), "")
        self.loader.load(CaseRequest(self.selection.inspected[0], case.name, labels, background=background))

    def onCaseLoaded(self, loaded: LoadedCase) -> None:
        """Report that the case is in the scene."""
        self._show_case_message(_sentences(_("Loaded {case}.").format(case=loaded.case), kept_sentence(loaded.kept)))
        self._host.update()

    def onLoadFailed(self, failure: Failure) -> None:
        """Report why a case cannot be loaded."""
        self._show_case_message(failure.message)
        self._host.update()

    def onScene(self, text: str) -> None:
        """Stop loading a case, because the scene is closed or its cases are removed; say so, or ``text``."""
        busy = self.loader.busy
        self.loader.cancel()
        self._show_case_message(_("Loading was canceled.") if busy else text)

    def _choose(self, folder: Path) -> None:
        self._show_message("")
        if self._choices.parameters is not None:
            self._choices.current.dataFolder = folder
            self.ui.dataSection.collapsed = False
            self._host.update()

    def _forget(self) -> None:
        """Discard what is known about the previous folder when another is chosen."""
        if self.selection.inspected is None or self.selection.inspected[0] == self.selection.folder:
            return
        self.cancel()
        self.selection.forget()
        self.table.clear()
        self._show_message("")
        self._show_case_message("")

    def _offer(self, modalities: tuple[str, ...]) -> None:
        """Offer ``modalities`` for teacher and student."""
        if not modalities:
            return
        self.selection.select(modalities)
        titles = {name: display_name(name) for name in modalities}
        self.teacher.offer(titles, self.selection.teacher)
        self.student.offer(titles, self.selection.student)

    def _show_message(self, text: str) -> None:
        self.ui.dataLabel.text = text

    def _show_case_message(self, text: str) -> None:
        self.ui.caseLabel.text = text
        self.ui.caseLabel.visible = bool(text)


def _problem_count(count: int) -> str:
    return plural(count, _("{count} case has problems."), _("{count} cases have problems.")) if count else ""


def _sentences(*parts: str) -> str:
    return " ".join(part for part in parts if part)
