"""The settings that a run was started with, and how they become the choices of the panel again."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from kdnet.errors import SettingsError
from kdnet.schema.folds import format_folds
from kdnet.schema.numbers import format_numbers
from kdnet.schema.options import add_options, from_args
from kdnet.schema.recipe_files import read_recipe, recipe_names
from kdnet.schema.study_request import GROUPS, StudyOptions
from slicer.i18n import tr as _

from KDNetTrainingLib.ExperimentConfig import FILE, RECIPE_CHOICES
from KDNetTrainingLib.Parameters import Labels, Length, Parameters, TeacherSource
from KDNetTrainingLib.Request import recorded_arguments
from KDNetTrainingLib.Runs import Run

OFFERED = frozenset(choice.setting for choice in RECIPE_CHOICES)


@dataclass(frozen=True)
class RunSettings:
    """What a run was started with, as far as the panel offers it.

    Attributes:
        options: its options, with absolute paths.
        processes: number of processes that train together.
        recipeFile: file with its recipe; None if a built-in recipe and values of the panel describe it.
    """

    options: StudyOptions
    processes: int = 1
    recipeFile: Path | None = None

    @classmethod
    def of(cls, run: Run, study: Mapping[str, Any]) -> RunSettings:
        """Return the settings of ``run``, whose record is ``study``.

        Raises:
            SettingsError: when the panel cannot offer them.
        """
        options = _recorded_options(str(study["command"]))
        if options.start is not None or (len(options.students) > 1 and any(len(names) > 1 for names in options.students)):
            raise SettingsError(_not_offered(run, _("its options")))
        teacher = Path(str(study["teacher"])) if study.get("teacher") else None
        options = replace(options, data=Path(str(study["data"])), teacher=teacher)
        if options.recipe in recipe_names() and OFFERED.issuperset(options.settings):
            return cls(options, run.processes)
        file = run.root / "recipe.json"
        if not file.is_file():
            raise SettingsError(_not_offered(run, ", ".join(options.settings) or options.recipe))
        return cls(options, run.processes, file)

    def choose(self, chosen: Parameters) -> None:
        """Make these settings the choices.

        Raises:
            SettingsError: when a value is out of the panel's range.
        """
        try:
            self._choose_data(chosen)
            self._choose_recipe(chosen)
            self._choose_rest(chosen)
        except (ValueError, TypeError) as error:
            problem = _("The panel does not offer a setting of the run ({reason}).")
            raise SettingsError(problem.format(reason=error)) from error

    def _choose_data(self, chosen: Parameters) -> None:
        options = self.options
        known = {Labels.AUTO.value: Labels.AUTO, Labels.BRATS.value: Labels.BRATS}
        chosen.dataFolder = options.data
        chosen.labels = known.get(options.labels, Labels.OWN)
        chosen.ownLabels = options.labels if chosen.labels is Labels.OWN else ""
        chosen.excludedCases = list(options.excluded)
        chosen.teacherModalities = ",".join(options.modalities)
        chosen.studentModalities = ",".join(dict.fromkeys(name for names in options.students for name in names))
        chosen.separateStudents = len(options.students) > 1
        chosen.foldCount = options.fold_count
        chosen.testFolds = format_folds(options.folds)

    def _choose_recipe(self, chosen: Parameters) -> None:
        chosen.recipe = self.options.recipe if self.recipeFile is None else FILE
        if self.recipeFile is not None:
            chosen.recipeFile = self.recipeFile
            return
        changes = [f"{name}={value}" for name, value in self.options.settings.items()]
        recipe = read_recipe(self.options.recipe, changes).to_json()
        for choice in RECIPE_CHOICES:
            setattr(chosen, choice.parameter, choice.value(recipe))

    def _choose_rest(self, chosen: Parameters) -> None:
        options = self.options
        chosen.control = options.control
        chosen.length = Length.MINUTES if options.minutes else Length.EPOCHS if options.epochs else Length.RECIPE
        chosen.amount = options.minutes or options.epochs or chosen.amount
        chosen.teacherSource = TeacherSource.TRAIN if options.teacher is None else TeacherSource.FILE
        chosen.teacherFile = options.teacher or chosen.teacherFile
        chosen.device = "" if options.device == "auto" else options.device
        chosen.threads = options.threads
        chosen.processes = self.processes
        chosen.seeds = format_numbers(options.seeds)


class _Parser(ArgumentParser):
    """Raises a KDNetError for what it cannot parse, instead of ending the process."""

    def error(self, message: str) -> NoReturn:
        raise SettingsError(_("The recorded command cannot be read ({reason}).").format(reason=message))


def _recorded_options(command: str) -> StudyOptions:
    """Return the options of a recorded ``kdnet study`` command.

    Raises:
        SettingsError: when it is another command, or has options that are unknown here.
    """
    parser = _Parser(add_help=False, allow_abbrev=False)
    add_options(parser, StudyOptions, GROUPS)
    for flag in ("--out", "--wait-for"):  # of the run, not of what is trained
        parser.add_argument(flag, action="append")
    arguments: Sequence[str] = recorded_arguments(command)
    return from_args(StudyOptions, parser.parse_args(arguments[2:]))


def _not_offered(run: Run, names: str) -> str:
    problem = _("The panel does not offer all settings of {run} ({names}): copy its command instead.")
    return problem.format(run=run.name, names=names)
