"""The section where data are selected: folder, labels, cases, modalities and folds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import qt
from kdnet.errors import SettingsError
from kdnet.schema.folds import ALL_CASES
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.CaseLoader import CaseLoader, CaseRequest, LoadedCase
from KDNetTrainingLib.CaseTable import CaseTable
from KDNetTrainingLib.CheckBoxGroup import CheckBoxGroup
from KDNetTrainingLib.Inspection import CaseLine, Inspection, Summary
from KDNetTrainingLib.Parameters import Labels
from KDNetTrainingLib.Request import chosen_folds

TYPING_MILLISECONDS = 600  # after which a folder being typed counts as chosen
FEWEST_CASES = 3  # to train, validate and test
USUAL_FOLDS = 3  # when neither the user nor the data specify it


class DataPanel:
    """Inspects a folder while Slicer stays responsive, and offers what it contains.

    Args:
        panel: the whole panel, for its choices.
    """

    def __init__(self, panel: Any) -> None:
        self.panel, self.ui = panel, panel.ui
        self.summary: Summary | None = None
        self.modalities: tuple[str, ...] = ()
        self._inspection: Inspection | None = None
        self._inspected: tuple[Path, str] | None = None
        self._wanted: Path | None = None
        self.table = CaseTable(self.ui.caseTable, self.onTicked, self.onCaseChosen, self.onCaseOpened)
        self.teacher = CheckBoxGroup(self.ui.teacherChecks, self.onModalities)
        self.student = CheckBoxGroup(self.ui.studentChecks, self.onModalities)
        self.loader = CaseLoader(self.onCaseLoaded, self.onFailed)
        self.ui.inspectButton.clicked.connect(self.onInspect)
        self.ui.caseLabel.visible = False

    @property
    def inspecting(self) -> bool:
        """Whether cases are being inspected."""
        return self._inspection is not None

    @property
    def folder(self) -> Path | None:
        """The chosen folder."""
        chosen = self.panel.parameters.dataFolder
        return None if str(chosen) in ("", ".") else chosen  # an unset path reads as "."

    @property
    def labels(self) -> str:
        """The choice of labels in the syntax of ``kdnet``."""
        chosen = self.panel.parameters
        return chosen.ownLabels.strip() or "auto" if chosen.labels is Labels.OWN else chosen.labels.value

    @property
    def valid_cases(self) -> int:
        """The number of usable cases that are checked."""
        return sum(not case.problems for case in self.table.cases) - len(self.panel.parameters.leftOut)

    def students(self) -> tuple[tuple[str, ...], ...]:
        """Return the input modalities of each student."""
        ticked = self.student.checked
        if self.panel.parameters.separateStudents:
            return tuple((name,) for name in ticked)
        return (ticked,) if ticked else ()

    def problem(self) -> str:
        """Return why no run can be started with these data, empty if one can."""
        if self.folder is None:
            return _("Choose a data folder.")
        if not self.modalities:
            waiting = _("The cases are being inspected: wait a moment.")
            return waiting if self.inspecting else _("Inspect the data folder first.")
        return self._modalities_problem() or ("" if self.inspecting else self._folds_problem())

    def update(self, *, free: bool) -> None:
        """Update the section from the choices."""
        chosen, ui = self.panel.parameters, self.ui
        own = chosen.labels is Labels.OWN
        ui.ownLabelsLabel.visible = ui.ownLabelsEdit.visible = own
        ui.inspectButton.text = _("Cancel") if self.inspecting else _("Inspect")
        ui.inspectButton.enabled = self.inspecting or (free and self.folder is not None)
        # folds defined by the data take precedence
        ui.foldCountSpinBox.enabled = self.summary is None or not self.summary.folds
        ui.separateCheckBox.visible = len(self.student.checked) > 1
        if self.folder != self._wanted:
            self._wanted = self.folder
            self._forget()
            if free and self.folder is not None:
                qt.QTimer.singleShot(TYPING_MILLISECONDS, self.onTyped)
        if not self.modalities:
            self._offer(_names(chosen.teacherModalities) or _names(chosen.studentModalities))

    def onTyped(self) -> None:
        """Inspect a folder that was chosen a moment ago, if it is still the chosen one."""
        folder = self.folder if self.panel.parameters is not None else None
        if folder is None or folder != self._wanted or (folder, self.labels) == self._inspected:
            return
        if folder.is_dir():
            self.inspect()
        elif not self.inspecting:
            self.ui.dataLabel.text = _("{folder} is no folder: correct its name.").format(folder=folder)

    def onInspect(self, *_arguments: Any) -> None:
        """Start the inspection, or cancel it."""
        if self.inspecting:
            self.cancel()
            self.ui.dataLabel.text = _("Cancelled after {count} cases.").format(count=len(self.table.cases))
            self.panel.update()
            return
        self.inspect()

    def inspect(self) -> None:
        """Inspect every case of the chosen folder again."""
        self.cancel()
        folder = self.folder
        assert folder is not None
        self._inspected = (folder, self.labels)
        self.summary, self.modalities = None, ()
        self.table.clear()
        self.ui.caseLabel.visible = False
        self.ui.dataLabel.text = _("{folder} is being inspected...").format(folder=folder.name)
        self._inspection = Inspection(
            folder, self.labels, onCase=self.onCase, onFinished=self.onFinished, onFailed=self.onFailed
        )
        self._inspection.command.start()
        self.panel.update()

    def cancel(self) -> None:
        """Stop the inspection; its findings stay."""
        if self._inspection is not None:
            self._inspection.command.cancel()
            self._inspection = None

    def cleanup(self) -> None:
        """Stop all processes."""
        self.cancel()
        self.loader.cancel()

    def _forget(self) -> None:
        """Discard what is known about the previous folder when another is chosen."""
        if self._inspected is None or self._inspected[0] == self.folder:
            return
        self.cancel()
        self._inspected, self.summary, self.modalities = None, None, ()
        self.table.clear()
        self.ui.dataLabel.text = ""
        self.ui.caseLabel.visible = False

    def onCase(self, case: CaseLine, index: int, total: int) -> None:
        """Add a case."""
        chosen = self.panel.parameters
        self.table.add(case, leftOut=chosen is not None and case.name in chosen.leftOut)
        bad = sum(bool(known.problems) for known in self.table.cases)
        self.ui.dataLabel.text = _("{index} of {total} cases inspected, {bad} with problems.").format(
            index=index, total=total, bad=bad
        )
        new = [name for name in case.modalities if name not in self.modalities]
        if new:
            self._offer((*self.modalities, *new))
            self.panel.update()

    def onFinished(self, summary: Summary) -> None:
        """Show the summary."""
        self._inspection, self.summary = None, summary
        if self.panel.parameters is not None:  # cases left out in another folder may not exist here
            self.panel.parameters.leftOut = self.table.left_out()
        self._offer(summary.modalities)
        bad = sum(bool(case.problems) for case in self.table.cases)
        counted = _("{format}: {count} cases can be used, {bad} have problems.").format(
            format=summary.format, count=len(self.table.cases) - bad, bad=bad
        )
        self.ui.dataLabel.text = " ".join((counted, *summary.notes))
        self.panel.update()

    def onFailed(self, failure: Failure) -> None:
        """Report why the inspection failed."""
        self._inspection = None
        self.ui.dataLabel.text = failure.message
        self.panel.update()

    def onTicked(self) -> None:
        """Update after the user excluded a case or included it again."""
        self.panel.parameters.leftOut = self.table.left_out()

    def onModalities(self) -> None:
        """Update after the user checked or unchecked a modality."""
        chosen = self.panel.parameters
        chosen.teacherModalities = ",".join(self.teacher.checked)
        chosen.studentModalities = ",".join(self.student.checked)
        self.panel.update()

    def onCaseChosen(self, case: CaseLine | None) -> None:
        """Show all problems of a case."""
        problems = case.problems if case is not None else ()
        self.ui.caseLabel.text = "\n".join(f"{case.name}: {problem}" for problem in problems) if case is not None else ""
        self.ui.caseLabel.visible = bool(problems)

    def onCaseOpened(self, case: CaseLine) -> None:
        """Load a case with its reference."""
        assert self._inspected is not None
        self.ui.caseLabel.text = _("{case} is being loaded...").format(case=case.name)
        self.ui.caseLabel.visible = True
        labels = self.summary.labels if self.summary is not None else {}
        self.loader.load(CaseRequest(self._inspected[0], case.name, labels))

    def onCaseLoaded(self, loaded: LoadedCase) -> None:
        """Report that the case is in the scene."""
        self.ui.caseLabel.text = _("{case} is loaded.").format(case=loaded.case)

    def folds(self) -> tuple[int, ...]:
        """Return the folds to test, all when empty.

        Raises:
            SettingsError: when they are not numbers.
        """
        return chosen_folds(self.panel.parameters.testFolds, _("Test folds"))

    def teacher_modalities(self) -> tuple[str, ...]:
        """Return the input modalities of the teacher, empty for all available."""
        return () if self.teacher.checked == self.teacher.names else self.teacher.checked

    def _modalities_problem(self) -> str:
        teacher, student = set(self.teacher.checked), set(self.student.checked)
        if not student:
            return _("Tick what the student sees.")
        if not student <= teacher:
            return _("The student sees a modality that its teacher does not: tick it for the teacher too.")
        if any(set(modality_key) == teacher for modality_key in self.students()):
            return _("A student that sees all that its teacher sees has nothing to be taught: untick a modality.")
        return ""

    def _folds_problem(self) -> str:
        given = self.summary.folds if self.summary is not None else ()
        there = given or tuple(range(self.panel.parameters.foldCount or USUAL_FOLDS))
        if self.valid_cases < (FEWEST_CASES if given else max(FEWEST_CASES, len(there))):
            return _("{count} usable cases are too few for {folds} folds: add cases or choose fewer folds.").format(
                count=max(self.valid_cases, 0), folds=len(there)
            )
        try:
            beyond = [fold for fold in self.folds() if fold not in (*there, ALL_CASES)]
        except SettingsError as error:
            return str(error)
        if not beyond:
            return ""
        return _("There is no fold {fold} among {folds}: choose among these.").format(
            fold=beyond[0], folds=", ".join(map(str, there))
        )

    def _offer(self, modalities: tuple[str, ...]) -> None:
        """Offer ``modalities`` for teacher and student, keeping earlier choices where possible."""
        if not modalities:
            return
        self.modalities = modalities if self._inspected is not None else ()
        chosen = self.panel.parameters
        if chosen is None:
            return
        titles = {name: name.upper() for name in modalities}
        teacher = [name for name in _names(chosen.teacherModalities) if name in titles]
        if not self.teacher.names or set(self.teacher.checked) == set(self.teacher.names):
            teacher = list(titles)  # all of them, including newly found ones
        student = [name for name in _names(chosen.studentModalities) if name in titles]
        if not student:
            student = [name for name in titles if name in ("t1ce", "t1c")] or [next(iter(titles))]
        self.teacher.offer(titles, teacher or list(titles))
        self.student.offer(titles, student)


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)
