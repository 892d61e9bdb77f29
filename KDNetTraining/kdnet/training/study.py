"""A study: teacher, baseline and student for every fold and seed, scored on the original grids, and the report.

The order of METHOD section 2: teacher, then baseline, then student, all with the same data order, seed and number of
steps. Everything is kept in the run folder, so that a study that was stopped or killed goes on where it was.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from kdnet.data.cache import PreparedCase
from kdnet.evaluation.results import Role
from kdnet.files import write_json
from kdnet.labels import LabelTable
from kdnet.model_file import ModelCard, load_model, save_model
from kdnet.training.budget import Measured, fit_recipe
from kdnet.training.events import EventKind, EventWriter
from kdnet.training.plan import PlannedNetwork, plan_networks
from kdnet.training.preparation import StudyData, prepare_cases, read_study_data
from kdnet.training.processes import Processes
from kdnet.training.recipe import Recipe
from kdnet.training.reporting import report_study
from kdnet.training.run_folder import NetworkFolder, RunFolder
from kdnet.training.stopping import StopRequest
from kdnet.training.testing import score_network
from kdnet.training.trainee import Teacher
from kdnet.training.trainer import Trained, Trainer, TrainingJob
from kdnet.training.validation import validate_case

CITATIONS = (
    "Hu, Maillard et al., MICCAI 2020 (KD-Net)",
    "Menze et al. 2015, 10.1109/TMI.2014.2377694",
    "Bakas et al. 2017, 10.1038/sdata.2017.117",
    "Bakas et al. 2018, arXiv:1811.02629",
    "Baid et al. 2021, arXiv:2107.02314",
)


@dataclass(frozen=True)
class StudyRequest:
    """What a study is asked to do; recorded in the run folder, where a resumed study must find the same.

    Attributes:
        data: the data folder.
        students: the modalities that each student sees.
        recipe: how networks are trained.
        folds: test folds; all when empty.
        seeds: of the trainings.
        minutes: time for the whole study, 0 for the recipe's own number of steps.
        labels: instead of the table that the data's format suggests.
        leave_out: names of cases that must not be used.
        command: line that repeats the study.
    """

    data: Path
    students: tuple[tuple[str, ...], ...]
    recipe: Recipe
    folds: tuple[int, ...] = ()
    seeds: tuple[int, ...] = (0,)
    minutes: float = 0.0
    labels: LabelTable | None = None
    leave_out: tuple[str, ...] = ()
    command: str = ""

    def to_json(self) -> dict[str, Any]:
        """The request as plain JSON values."""
        return {
            **asdict(self),
            "data": str(self.data.resolve()),
            "recipe": self.recipe.to_json(),
            "labels": self.labels.to_json() if self.labels else None,
        }


class Study:
    """Carries out a :class:`StudyRequest` in a run folder.

    Args:
        request: what to do.
        run: opened for writing.
        device: that computes.
        processes: that train together.
        stop: asked between steps.
    """

    def __init__(
        self, request: StudyRequest, run: RunFolder, device: torch.device, processes: Processes, stop: StopRequest
    ) -> None:
        self.request, self.run_folder, self.device = request, run, device
        self.processes, self.stop = processes, stop

    def run(self) -> Path:
        """Train, score and report whatever is not done yet; return the HTML report.

        Raises:
            KDNetError: for data, settings or a folder that cannot be used.
            Stopped: after a stop request, with everything saved.
        """
        if self.processes.first:
            self.run_folder.begin(self.request.to_json())
        events = EventWriter(self.run_folder.events) if self.processes.first else None
        try:
            return self._run(events)
        except BaseException as error:
            if events is not None:
                events.write(EventKind.STOPPED, reason=str(error) or type(error).__name__)
            raise
        finally:
            if events is not None:
                events.close()

    def _run(self, events: EventWriter | None) -> Path:
        request = self.request
        data = read_study_data(
            request.data,
            request.recipe,
            request.folds,
            labels=request.labels,
            leave_out=request.leave_out,
            events=events,
        )
        networks = plan_networks(data.dataset.modalities, request.students, list(data.splits), request.seeds)
        names = sorted({name for split in data.splits.values() for name in (*split.train, *split.validation)})
        prepared = prepare_cases(data, names, self.run_folder.cache, events)
        recipe = self._fixed_recipe(data, networks, prepared)
        if self.processes.first:
            write_json(self.run_folder.splits, {f"fold{fold}": asdict(part) for fold, part in data.splits.items()})
        _write(events, EventKind.STUDY_STARTED, networks=[item.name for item in networks], steps=recipe.steps)
        for network in networks:
            self._complete(network, data, prepared, recipe, events)
        report = self.run_folder.report / "report.html"
        if self.processes.first:
            report = report_study(self.request, recipe, data, networks, self.run_folder, self.device, self.processes)
        _write(events, EventKind.STUDY_FINISHED, report=report.relative_to(self.run_folder.root).as_posix())
        return report

    def _fixed_recipe(
        self, data: StudyData, networks: Sequence[PlannedNetwork], prepared: Mapping[str, PreparedCase]
    ) -> Recipe:
        """The recipe with its number of steps settled once for the whole run, however often it is resumed."""
        path = self.run_folder.root / "recipe.json"
        if path.exists():
            return Recipe.from_json(json.loads(path.read_text(encoding="utf-8")))
        recipe = self.request.recipe
        if self.request.minutes:
            recipe = self._recipe_in_time(data, networks, prepared)
        recipe = self.processes.from_first(recipe)
        if self.processes.first:
            write_json(path, recipe.to_json())
        return recipe

    def _recipe_in_time(
        self, data: StudyData, networks: Sequence[PlannedNetwork], prepared: Mapping[str, PreparedCase]
    ) -> Recipe:
        student = next(network for network in networks if network.role is Role.STUDENT)
        split = data.splits[student.fold]
        folder = NetworkFolder(self.run_folder.root, "")
        teacher_network = replace(student, role=Role.TEACHER, modalities=data.dataset.modalities)
        times = []
        teacher: Teacher | None = None
        for network in (teacher_network, replace(student, role=Role.BASELINE), student):
            job = self._job(network, data, prepared, self.request.recipe, teacher)
            trainer = Trainer(job, folder, None, self.device, Processes(), self.stop)
            times.append(trainer.time_steps())
            teacher = teacher or Teacher(trainer.trainee.network, job.channels)
        case = prepared[split.validation[0]]
        started = time.monotonic()
        window = self.request.recipe.window
        validate_case(trainer.trainee.network.eval(), case, job.channels, job.labels, self.device, window)
        return fit_recipe(
            self.request.recipe,
            minutes=self.request.minutes,
            measured=Measured((times[0], times[1], times[2]), time.monotonic() - started),
            teachers=sum(network.role is Role.TEACHER for network in networks),
            students=sum(network.role is Role.STUDENT for network in networks),
            validation_cases=len(split.validation),
            test_cases=len(split.test),
        )

    def _complete(
        self,
        network: PlannedNetwork,
        data: StudyData,
        prepared: Mapping[str, PreparedCase],
        recipe: Recipe,
        events: EventWriter | None,
    ) -> None:
        """Train and score one network, as far as that is not done yet."""
        folder = self.run_folder.network(network.name)
        if not self.processes.from_first(folder.model.exists()):
            self._train(network, folder, data, prepared, recipe, events)
        self.processes.gather(None)  # the model file is written by the first process and read by all
        if not self.processes.from_first(folder.scores.exists()):
            test = [data.case(name) for name in data.splits[network.fold].test]
            scores = score_network(network, folder, test, self.device, self.processes, events)
            if self.processes.first:
                write_json(folder.scores, scores)

    def _train(
        self,
        network: PlannedNetwork,
        folder: NetworkFolder,
        data: StudyData,
        prepared: Mapping[str, PreparedCase],
        recipe: Recipe,
        events: EventWriter | None,
    ) -> None:
        teacher = None
        if network.role is Role.STUDENT:
            model = load_model(self.run_folder.network(network.teacher).model)
            teacher = Teacher(model.network, [data.dataset.modalities.index(name) for name in model.card.modalities])
        job = self._job(network, data, prepared, recipe, teacher)
        trainer = Trainer(job, folder, events, self.device, self.processes, self.stop)
        trained = trainer.run()
        if not self.processes.first:
            return
        card = _card(network, data, recipe, trainer, trained)
        save_model(folder.model, card, trained.network)
        folder.checkpoint.unlink(missing_ok=True)
        _write(
            events,
            EventKind.NETWORK_FINISHED,
            network.name,
            step=trained.step,
            model=folder.model.relative_to(self.run_folder.root).as_posix(),
            seconds=round(trainer.spent.seconds, 1),
            cpu_seconds=round(trainer.spent.cpu_seconds, 1),
        )

    def _job(
        self,
        network: PlannedNetwork,
        data: StudyData,
        prepared: Mapping[str, PreparedCase],
        recipe: Recipe,
        teacher: Teacher | None,
    ) -> TrainingJob:
        split = data.splits[network.fold]
        return TrainingJob(
            role=network.role,
            recipe=recipe,
            labels=data.dataset.labels,
            channels=tuple(data.dataset.modalities.index(name) for name in network.modalities),
            training=[prepared[name] for name in split.train],
            validation=[prepared[name] for name in split.validation],
            seed=network.seed,
            teacher=teacher,
        )


def _card(network: PlannedNetwork, data: StudyData, recipe: Recipe, trainer: Trainer, trained: Trained) -> ModelCard:
    split = data.splits[network.fold]
    return ModelCard(
        role=network.role,
        name=f"{network.role.value.capitalize()} {network.sees.upper()}",
        network=trainer.spec,
        modalities=network.modalities,
        labels=data.dataset.labels,
        preprocessing=data.preprocessing,
        window=recipe.window,
        recipe=recipe.to_json(),
        figures={"validation_dice": trained.validation.dice, "validation_cases": len(split.validation)},
        training_data={
            "format": data.dataset.format,
            "cases": len(split.train),
            "fold": network.fold,
            "seed": network.seed,
            "citations": list(CITATIONS),
        },
        created=datetime.now(tz=UTC).date().isoformat(),
    )


def _write(events: EventWriter | None, kind: EventKind, network: str = "", **values: Any) -> None:
    if events is not None:
        events.write(kind, network, **values)
