"""Which folder, cases, modalities and folds are selected, and what prevents training with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kdnet.errors import SettingsError
from kdnet.schema.case_report import CaseReport, DatasetReport
from kdnet.schema.folds import ALL_CASES, parse_folds
from kdnet.schema.formatting import plural
from kdnet.schema.study_rules import DEFAULT_FOLDS, StudentProblem, fewest_cases, student_problem
from slicer.i18n import tr as _

from KDNetTrainingLib.Choices import Choices
from KDNetTrainingLib.Parameters import Labels

PREFERRED_STUDENT = ("t1ce", "t1c")  # the input of a student until the user chooses one


class DataSelection:
    """Combines the choices of the scene with what the inspection of the folder has found so far.

    Args:
        choices: the choices of the scene.

    Attributes:
        inspected: folder and labels of the last inspection, None after another folder was chosen.
        inspecting: whether cases are being inspected.
        cases: the cases found so far.
        summary: the data set as a whole; None until the inspection is complete.
        modalities: modalities found so far.
        teacher, student: selected input modalities.
    """

    def __init__(self, choices: Choices) -> None:
        self._choices = choices
        self.inspecting = False
        self.teacher: tuple[str, ...] = ()
        self.student: tuple[str, ...] = ()
        self.forget()

    def forget(self) -> None:
        """Discard what is known about a folder."""
        self.inspected: tuple[Path, str] | None = None
        self.cases: list[CaseReport] = []
        self.summary: DatasetReport | None = None
        self.modalities: tuple[str, ...] = ()

    @property
    def folder(self) -> Path | None:
        """The chosen folder."""
        chosen = self._choices.current.dataFolder
        return None if str(chosen) in ("", ".") else chosen  # an unset path reads as "."

    @property
    def labels(self) -> str:
        """The choice of labels in the syntax of ``kdnet``."""
        chosen = self._choices.current
        return chosen.ownLabels.strip() or "auto" if chosen.labels is Labels.OWN else chosen.labels.value

    @property
    def students(self) -> tuple[tuple[str, ...], ...]:
        """The input modalities of each student."""
        if self._choices.current.separateStudents:
            return tuple((name,) for name in self.student)
        return (self.student,) if self.student else ()

    @property
    def teacher_modalities(self) -> tuple[str, ...]:
        """The input modalities of the teacher, empty for all available."""
        return () if self.teacher == self.modalities else self.teacher

    @property
    def valid_cases(self) -> int:
        """The number of usable cases that are not excluded."""
        return max(0, sum(not case.problems for case in self.cases) - len(self._choices.current.excludedCases))

    @property
    def invalid_cases(self) -> int:
        """The number of cases with problems."""
        return sum(bool(case.problems) for case in self.cases)

    def folds(self) -> tuple[int, ...]:
        """Return the folds to test, all when empty.

        Raises:
            SettingsError: when they are not numbers.
        """
        return parse_folds(self._choices.current.testFolds)

    def begin(self) -> None:
        """Start over with the chosen folder."""
        folder = self.folder
        assert folder is not None
        self.forget()
        self.inspected, self.inspecting = (folder, self.labels), True

    def add(self, case: CaseReport) -> None:
        """Add a case, or replace one of the same name whose labels were read differently."""
        names = [known.name for known in self.cases]
        row = names.index(case.name) if case.name in names else len(names)
        self.cases[row : row + 1] = [case]

    def select(self, modalities: Sequence[str]) -> None:
        """Select among the modalities of the data, keeping earlier choices where possible."""
        chosen = self._choices.current
        self.modalities = tuple(modalities)
        self.teacher = _among(chosen.teacherModalities, modalities) or self.modalities
        preferred = tuple(name for name in modalities if name in PREFERRED_STUDENT)
        self.student = _among(chosen.studentModalities, modalities) or preferred or self.modalities[:1]

    def choose(self, teacher: tuple[str, ...], student: tuple[str, ...]) -> None:
        """Select the modalities that the user checked; the scene records a teacher of all modalities as an empty text."""
        self.teacher, self.student = teacher, student
        self._choices.current.teacherModalities = ",".join(self.teacher_modalities)
        self._choices.current.studentModalities = ",".join(student)

    def problem(self) -> str:
        """Return why no run can be started with these data, empty if one can."""
        if self.folder is None:
            return _("Choose a data folder.")
        if not self.modalities or self.inspected is None:
            return _("Inspecting the cases. Please wait.") if self.inspecting else _("Inspect the data folder first.")
        return self._modalities_problem() or ("" if self.inspecting else self._folds_problem())

    def _modalities_problem(self) -> str:
        students = self.students or ((),)
        problem = next(filter(None, (student_problem(student, self.teacher) for student in students)), None)
        if problem is None:
            return ""
        return {
            StudentProblem.EMPTY: _("Select at least one student modality."),
            StudentProblem.NOT_A_SUBSET: _("Student modalities must be a subset of the teacher's modalities."),
            StudentProblem.NOTHING_TO_DISTILL: _("A student needs fewer modalities than its teacher. Clear at least one."),
        }[problem]

    def _folds_problem(self) -> str:
        given = self.summary.folds if self.summary is not None else ()
        available = given or tuple(range(self._choices.current.foldCount or DEFAULT_FOLDS))
        if self.valid_cases < fewest_cases(len(available), given=bool(given)):
            return _("{cases}, too few for {folds}: add cases or choose fewer folds.").format(
                cases=plural(self.valid_cases, _("{count} usable case"), _("{count} usable cases")),
                folds=plural(len(available), _("{count} fold"), _("{count} folds")),
            )
        try:
            unknown = [fold for fold in self.folds() if fold not in (*available, ALL_CASES)]
        except SettingsError as error:
            return str(error)
        if not unknown:
            return ""
        return _("There is no fold {fold}. Choose from {folds}.").format(
            fold=unknown[0], folds=", ".join(map(str, available))
        )


def _among(text: str, modalities: Sequence[str]) -> tuple[str, ...]:
    """Return the names in ``text`` that the data have."""
    return tuple(name for name in text.split(",") if name in modalities)
