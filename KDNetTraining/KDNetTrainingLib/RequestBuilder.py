"""From the choices of the panel to the request for a run."""

from __future__ import annotations

from pathlib import Path

from kdnet.errors import SettingsError
from kdnet.schema.numbers import parse_numbers
from slicer.i18n import tr as _

from KDNetTrainingLib.DataSelection import DataSelection
from KDNetTrainingLib.ExperimentConfig import ExperimentConfig
from KDNetTrainingLib.Parameters import Length, Parameters, TeacherSource
from KDNetTrainingLib.Request import ExperimentRequest, free_folder


def build_request(chosen: Parameters, data: DataSelection, experiment: ExperimentConfig) -> ExperimentRequest:
    """Return the request for these choices.

    Raises:
        SettingsError: when something is missing or invalid.
    """
    problem = data.problem() or experiment.problem()
    folder = data.folder
    if problem or folder is None:
        raise SettingsError(problem)
    return ExperimentRequest(
        data=folder,
        students=data.students,
        out=_run_folder(chosen, folder, data.students, experiment.recipe_name),
        recipe=experiment.recipe_name,
        settings=experiment.settings(),
        modalities=data.teacher_modalities,
        folds=data.folds(),
        fold_count=chosen.foldCount,
        control=experiment.control,
        seeds=parse_numbers(chosen.seeds, _("Seeds")),
        minutes=chosen.amount if chosen.length is Length.MINUTES else 0.0,
        epochs=chosen.amount if chosen.length is Length.EPOCHS else 0.0,
        labels=data.labels,
        excluded=tuple(chosen.excludedCases),
        teacher=chosen.teacherFile if chosen.teacherSource is TeacherSource.FILE else None,
        device=chosen.device or "auto",
        threads=chosen.threads,
        processes=chosen.processes,
    )


def _run_folder(chosen: Parameters, data: Path, students: tuple[tuple[str, ...], ...], recipe: str) -> Path:
    name = chosen.runName.strip()
    return chosen.runsFolder / name if name else free_folder(chosen.runsFolder, data, students, recipe)
