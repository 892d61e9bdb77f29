"""A study: teacher, baseline, and student for every fold and seed, scored on the original grids, and the report.

Order as in docs/method.md section 4: teacher, then baseline, then student, all with the same data order, seed, and number
of steps. Everything is kept in the run folder, so that a study that was stopped or killed continues where it was.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from kdnet.data.inspection_cache import InspectionRecord
from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.errors import KDNetError, RunFolderError
from kdnet.files import write_json
from kdnet.model_file import load_model, save_model
from kdnet.runs.control import Interrupted, StopMode
from kdnet.runs.events import EventKind, EventWriter, read_events
from kdnet.runs.folder import NetworkFolder, RunFolder
from kdnet.runs.planned_networks import network_records
from kdnet.runs.splits import keep_splits
from kdnet.runs.stop_request import StopRequest
from kdnet.runs.time_remaining import TimeRemaining
from kdnet.schema.model_card import read_card
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.recipe import Recipe, read_settled_recipe
from kdnet.schema.results import Score
from kdnet.schema.study_request import StudyRequest
from kdnet.study.contents import keep_contents, read_contents
from kdnet.study.export import copy_model, tested_figures
from kdnet.study.jobs import channels, model_card, training_job
from kdnet.study.prepare_data import prepare_cases
from kdnet.study.queue import wait_for_runs
from kdnet.study.reader import open_readonly, read_scores
from kdnet.study.report import report_study
from kdnet.study.scoring import clear_parts, score_network
from kdnet.study.setup import PreparedStudy, prepare_study
from kdnet.study.time_budget import resolve_steps
from kdnet.training.distributed import DistributedContext
from kdnet.training.failures import explain
from kdnet.training.interruption import raise_if_stop_requested
from kdnet.training.teacher import Teacher
from kdnet.training.trainer import Trainer
from kdnet.training.workers import check_sockets


class Study:
    """Carries out a :class:`StudyRequest` in a run folder.

    Args:
        request: what to do.
        run: run folder, open for writing.
        device: compute device.
        processes: the processes that train together.
        stop: checked between steps and between cases.
        after: run folders to wait for first.
    """

    def __init__(
        self,
        request: StudyRequest,
        run: RunFolder,
        device: torch.device,
        processes: DistributedContext,
        stop: StopRequest,
        after: Sequence[Path] = (),
    ) -> None:
        self.request, self.run_folder, self.device = request, run, device
        self.processes, self.stop, self.after = processes, stop, after

    def run(self) -> Path:
        """Train, score, and report whatever is not done yet; return the HTML report.

        Raises:
            KDNetError: for unusable data, settings, or folder, a full disk, or exhausted memory.
            Interrupted: after a stop request, with everything saved.
        """
        if self.processes.first:
            self.run_folder.begin(self.request.to_json())
        events = EventWriter(self.run_folder.events) if self.processes.first else None
        try:
            _write(events, EventKind.STARTED, pid=os.getpid())
            return self._run(events)
        except BaseException as error:
            told: Exception | None = explain(error, self.device, self.run_folder.root)
            if told is not None and self.processes.count > 1 and self.stop:
                told = Interrupted(self.stop.reason)  # the same request ended another process a moment earlier
            self._record_stop(events, told or error)
            if told is not None:
                raise told from error
            raise
        finally:
            if events is not None:
                events.close()

    def _record_stop(self, events: EventWriter | None, error: BaseException) -> None:
        if events is None:
            return
        values = {"reason": str(error) or type(error).__name__}
        if isinstance(error, Interrupted | KeyboardInterrupt):
            values["intent"] = (error.intent if isinstance(error, Interrupted) else StopMode.PAUSE).value
        self.run_folder.reserve.unlink(missing_ok=True)  # makes room for the last event, however full the disk
        with suppress(KDNetError):
            events.write(EventKind.STOPPED, **values)

    def _run(self, events: EventWriter | None) -> Path:
        wait_for_runs(self.after, self.run_folder.root, events, self.stop, self.processes)
        check_sockets(self.request.recipe.workers)
        kept = self.processes.broadcast(self.run_folder.teacher.exists())
        setup = prepare_study(
            self.request,
            self.run_folder.teacher if kept else None,
            events,
            lambda *_: self.stop.check(),
            InspectionRecord(self.run_folder.inspection) if self.processes.first else None,
            processes=self.processes,
            begun=self.run_folder.splits.exists(),
        )
        for text in setup.warnings:
            _write(events, EventKind.WARNING, text=text)
        prepared = self._prepare(setup, events)
        recipe = self._fixed_recipe(setup, prepared)
        if self.processes.first and setup.brought is not None and not kept:
            save_model(self.run_folder.teacher, setup.brought.card, setup.brought.network)
        _write(
            events,
            EventKind.STUDY_STARTED,
            networks=network_records(setup.networks),
            labels=setup.data.dataset.labels.to_json(),
            teacher=list(setup.networks[0].modalities),
            steps=recipe.steps,
        )
        time_remaining = self._time_left(setup, recipe)
        for network in setup.networks:
            raise_if_stop_requested(self.stop, self.processes)
            self._complete(network, setup, prepared, recipe, events, time_remaining)
            time_remaining.finish(network)
        report = self.run_folder.report / "report.html"
        if self.processes.first:
            report = report_study(self.request, recipe, setup, self.run_folder, self.device, self.processes)
        _write(events, EventKind.STUDY_FINISHED, report=report.relative_to(self.run_folder.root).as_posix())
        return report

    def _prepare(self, setup: PreparedStudy, events: EventWriter | None) -> dict[str, PreparedCase]:
        """Prepare the training and validation cases, unless folds or files changed since the run started."""
        self.processes.once(lambda: keep_splits(self.run_folder.splits, setup.data.splits))
        splits = setup.data.splits.values()
        learning = sorted({name for split in splits for name in (*split.train, *split.validation)})
        names = sorted({*learning, *(name for split in splits for name in split.test)})

        def check() -> None:
            if self.processes.first:
                self.stop.check()

        def say(done: int, total: int) -> None:
            _write(events, EventKind.PREPARATION, what="checking files", done=done, total=total)

        contents = read_contents([setup.data.case(name) for name in names], self.processes, check, say)
        self.processes.once(lambda: keep_contents(self.run_folder.contents, contents))
        cache = self.run_folder.cache
        return prepare_cases(setup.data, learning, cache, events, check, processes=self.processes, contents=contents)

    def _time_left(self, setup: PreparedStudy, recipe: Recipe) -> TimeRemaining:
        folders = {item: self.run_folder.network(item) for item in setup.networks}
        brought = set(setup.networks) - set(setup.trained)
        return TimeRemaining(
            setup.networks,
            recipe.steps,
            {item: len(setup.split_of(item).test) for item in setup.networks},
            done=[network for network, folder in folders.items() if folder.scores.exists()],
            trained=[network for network, folder in folders.items() if network in brought or folder.model.exists()],
            events=read_events(self.run_folder.events)[0],
        )

    def _fixed_recipe(self, setup: PreparedStudy, prepared: Mapping[str, PreparedCase]) -> Recipe:
        """Return the recipe with its number of steps fixed once for the whole run, however often resumed."""
        path = self.run_folder.recipe
        if self.processes.broadcast(path.exists()):
            return self.processes.once(lambda: read_settled_recipe(path))
        recipe = self.processes.together(
            lambda: resolve_steps(self.request, setup, prepared, self.device, self.stop, self.processes)
        )[0]
        if self.processes.first:
            write_json(path, recipe.to_json())
        return recipe

    def _complete(
        self,
        network: NetworkId,
        setup: PreparedStudy,
        prepared: Mapping[str, PreparedCase],
        recipe: Recipe,
        events: EventWriter | None,
        time_remaining: TimeRemaining,
    ) -> None:
        """Train and score one network, skipping what is already done."""
        folder = self.run_folder.network(network)
        folder.root.mkdir(parents=True, exist_ok=True)
        if self.processes.broadcast(folder.model.exists()):
            self._complete_record(network, folder, setup, events)
        elif network in setup.trained:
            self._train(network, folder, setup, prepared, recipe, events, time_remaining)
        elif setup.brought is not None and self.processes.first:
            card = replace(setup.brought.card, role=Role.TEACHER)
            save_model(folder.model, card, setup.brought.network)
        self.processes.gather(None)  # the first process writes the model file, all read it
        test = [setup.data.case(name) for name in setup.split_of(network).test]
        if not self.processes.once(lambda: _scored(network, folder, {case.name for case in test})):
            scores = score_network(network, folder, test, self.device, self.processes, self.stop, events, time_remaining)
            if self.processes.first:
                self._record_figures(network, folder, scores)
                write_json(folder.scores, [asdict(score) for score in scores])
                clear_parts(folder)

    def _complete_record(
        self, network: NetworkId, folder: NetworkFolder, setup: PreparedStudy, events: EventWriter | None
    ) -> None:
        """Complete the work of a process that was killed right after writing a model file."""
        if events is None or network not in setup.trained:
            return
        folder.checkpoint.unlink(missing_ok=True)
        known = read_events(self.run_folder.events)[0]
        if not any(event.event is EventKind.NETWORK_FINISHED and event.network == network.key for event in known):
            self._say_finished(network, folder, events)

    def _say_finished(self, network: NetworkId, folder: NetworkFolder, events: EventWriter | None) -> None:
        trained = read_card(folder.model).training_data
        _write(
            events,
            EventKind.NETWORK_FINISHED,
            network.key,
            step=int(trained.get("step", 0)),
            model=folder.model.relative_to(self.run_folder.root).as_posix(),
            seconds=float(trained.get("seconds", 0.0)),
            cpu_seconds=float(trained.get("cpu_seconds", 0.0)),
        )

    def _record_figures(self, network: NetworkId, folder: NetworkFolder, scores: Sequence[Score]) -> None:
        """Record the test figures in the model file, for use outside the run."""
        figures = tested_figures(network, [*open_readonly(self.run_folder.root).scores(), *scores])
        if figures:
            copy_model(folder.model, folder.model, figures)

    def _train(
        self,
        network: NetworkId,
        folder: NetworkFolder,
        setup: PreparedStudy,
        prepared: Mapping[str, PreparedCase],
        recipe: Recipe,
        events: EventWriter | None,
        time_remaining: TimeRemaining,
    ) -> None:
        teacher = None
        if network.role is Role.STUDENT:
            model = load_model(self.run_folder.network(setup.teacher_of(network)).model)
            teacher = Teacher(model.network, channels(model.card.modalities, setup.data))
        job = training_job(network, setup.data, prepared, recipe, teacher)
        left = partial(time_remaining.during_training, network)
        trainer = Trainer(job, folder, events, self.device, self.processes, self.stop, left)
        trained = trainer.run()
        if not self.processes.first:
            return
        card = model_card(network, setup.data, recipe, trainer.spec, trained, trainer.spent)
        save_model(folder.model, card, trained.network)
        folder.checkpoint.unlink(missing_ok=True)
        self._say_finished(network, folder, events)


def _scored(network: NetworkId, folder: NetworkFolder, cases: Set[str]) -> bool:
    """Check whether the network is scored on ``cases``; drop other or damaged scores, to score again."""
    if not folder.scores.is_file():
        return False
    own = (network.role, network.modality_key, network.fold, network.seed)
    with suppress(RunFolderError):
        scores = read_scores(folder.scores)
        of_others = any((score.role, score.modalities, score.fold, score.seed) != own for score in scores)
        if not of_others and {score.case for score in scores} == cases:
            return True
    folder.scores.unlink()
    return False


def _write(events: EventWriter | None, kind: EventKind, network: str = "", **values: Any) -> None:
    if events is not None:
        events.write(kind, network, **values)
