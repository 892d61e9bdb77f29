"""A study: teacher, baseline, and student for every fold and seed, scored on the original grids, and the report.

Order as in docs/method.md section 4: teacher, then baseline, then student, all with the same data order, seed, and number
of steps. Everything is kept in the run folder, so that a study that was stopped or killed continues where it was.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from kdnet.data.inspection_cache import InspectionRecord
from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.files import write_json
from kdnet.model_file import save_model
from kdnet.runs.events import EventKind, read_events
from kdnet.runs.folder import RunFolder
from kdnet.runs.planned_networks import network_records
from kdnet.runs.record import RunRecord, open_record
from kdnet.runs.splits import keep_splits
from kdnet.runs.stop_request import StopRequest
from kdnet.runs.time_remaining import TimeRemaining
from kdnet.schema.interruption import Interrupted
from kdnet.schema.recipe import Recipe
from kdnet.schema.recipe_files import read_settled_recipe
from kdnet.schema.study_request import StudyRequest
from kdnet.study.adaptation import prepare_adaptation
from kdnet.study.contents import keep_contents, read_contents
from kdnet.study.network_runner import provide_model, provide_scores
from kdnet.study.prepare_data import prepare_cases
from kdnet.study.queue import wait_for_runs
from kdnet.study.running_study import RunningStudy
from kdnet.study.settled_steps import keep_timings, settle_steps
from kdnet.study.setup import PreparedStudy, prepare_study
from kdnet.study.time_budget import resolve_steps
from kdnet.training.context import ComputeContext
from kdnet.training.distributed import DistributedContext
from kdnet.training.failures import explain
from kdnet.training.interruption import raise_if_stop_requested
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
        self.request, self.folder, self.after = request, run, after
        self.context = ComputeContext(device, processes, stop.pending)

    def run(self) -> Path:
        """Train, score, and report whatever is not done yet; return the HTML report.

        Raises:
            KDNetError: for unusable data, settings, or folder, a full disk, or exhausted memory.
            Interrupted: after a stop request, with everything saved.
        """
        with open_record(self.folder, self.request.to_json(), writes=self.context.processes.is_main) as record:
            try:
                return self._run(record)
            except BaseException as error:
                cause = self._cause(error)
                record.stopped(cause)
                if cause is error:
                    raise
                raise cause from error

    def _run(self, record: RunRecord) -> Path:
        record.write(EventKind.STARTED, pid=os.getpid())
        wait_for_runs(self.after, self.folder.root, record, self.context)
        setup = self._set_up(record)
        study = self._start(setup, record)
        for network in setup.networks:  # teacher, baseline, and student of each fold and seed
            raise_if_stop_requested(self.context)
            settle_steps(network, self.request.minutes, study)
            provide_model(network, study)
            provide_scores(network, study)
        return self._finish(study)

    def _set_up(self, record: RunRecord) -> PreparedStudy:
        """Read the data, its splits, and the pretrained teacher, and plan the networks."""
        check_sockets(self.request.recipe.workers)
        prepare = prepare_study if self.request.adaptation is None else prepare_adaptation
        setup = prepare(
            self.request,
            self.folder,
            record,
            lambda *_: self.context.check(),
            InspectionRecord(self.folder.inspection) if self.context.processes.is_main else None,
            processes=self.context.processes,
            resumed=self.folder.splits.exists(),
        )
        for text in setup.warnings:
            record.write(EventKind.WARNING, text=text)
        return setup

    def _start(self, setup: PreparedStudy, record: RunRecord) -> RunningStudy:
        """Prepare the cases and resolve the number of steps; from then on the networks of the run are known."""
        prepared = self._prepare_cases(setup, record)
        recipe = self._resolve_recipe(setup, prepared, record)
        teacher = setup.pretrained
        if teacher is not None and not self.folder.teacher.exists():
            record.keep(lambda: save_model(self.folder.teacher, teacher.card, teacher.network))
        start = setup.start
        if start is not None and not self.folder.start.exists():
            record.keep(lambda: save_model(self.folder.start, start.card, start.network))
        record.write(
            EventKind.STUDY_STARTED,
            networks=network_records(setup.networks),
            labels=setup.data.dataset.labels.to_json(),
            teacher=list(setup.networks[0].modalities),
            steps=recipe.steps,
        )
        time_remaining = self._time_remaining(setup, recipe)
        return RunningStudy(setup, recipe, prepared, self.folder, record, self.context, time_remaining)

    def _finish(self, study: RunningStudy) -> Path:
        # matplotlib and scipy.stats, which a run needs at its end alone
        from kdnet.study.adaptation_result import finish_adaptation  # noqa: PLC0415
        from kdnet.study.report import report_study  # noqa: PLC0415

        report = self.folder.report / "report.html"
        finish = report_study if self.request.adaptation is None else finish_adaptation
        study.record.keep(lambda: finish(self.request, study))
        study.record.write(EventKind.STUDY_FINISHED, report=report.relative_to(self.folder.root).as_posix())
        return report

    def _prepare_cases(self, setup: PreparedStudy, record: RunRecord) -> dict[str, PreparedCase]:
        """Prepare the training and validation cases, unless folds or files changed since the run started."""
        processes, check = self.context.processes, self.context.check
        processes.once(lambda: keep_splits(self.folder.splits, setup.data.splits))
        splits = setup.data.splits.values()
        learning = sorted({name for split in splits for name in (*split.train, *split.validation)})
        names = sorted({*learning, *(name for split in splits for name in split.test)})

        def report(done: int, total: int) -> None:
            record.write(EventKind.PREPARATION, what="checking files", done=done, total=total)

        contents = read_contents([setup.data.case(name) for name in names], processes, check, report)
        processes.once(lambda: keep_contents(self.folder.contents, contents))
        return prepare_cases(setup.data, learning, self.folder.cache, record, check, processes=processes, contents=contents)

    def _resolve_recipe(self, setup: PreparedStudy, prepared: Mapping[str, PreparedCase], record: RunRecord) -> Recipe:
        """Return the recipe with its number of steps, resolved once, however often the run is resumed.

        With a time budget, it is settled again between networks (:mod:`kdnet.study.settled_steps`).
        """
        path, processes = self.folder.recipe, self.context.processes
        if processes.broadcast(path.exists()):
            return processes.once(lambda: read_settled_recipe(path))
        recipe, timings = processes.together(lambda: resolve_steps(self.request, setup, prepared, self.context))[0]
        if timings is not None:
            record.keep(lambda: keep_timings(self.folder.steps, timings))  # first: the recipe says that all is settled
        record.keep(lambda: write_json(path, recipe.to_json()))
        return recipe

    def _time_remaining(self, setup: PreparedStudy, recipe: Recipe) -> TimeRemaining:
        folders = {network: self.folder.network(network) for network in setup.networks}
        trained = set(setup.trained)
        return TimeRemaining(
            setup.networks,
            recipe.steps,
            {network: len(setup.split_of(network).test) for network in setup.networks},
            done=[network for network, folder in folders.items() if folder.scores.exists()],
            trained=[network for network, folder in folders.items() if network not in trained or folder.model.exists()],
            events=read_events(self.folder.events)[0],
        )

    def _cause(self, error: BaseException) -> BaseException:
        """Return the error to report instead of ``error``, or the error itself."""
        explained = explain(error, self.context.device, self.folder.root)
        stop = self.context.pending_stop()
        if explained is not None and self.context.processes.count > 1 and stop is not None:
            return Interrupted(stop)  # the same request ended another process a moment earlier
        return explained or error
