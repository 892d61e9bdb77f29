"""Training without the panel, from the Python console, a script, or the panel itself.

In the Python console of Slicer::

    logic = slicer.util.getModuleLogic("KDNetTraining")

The examples below need ``DATA``, a folder of cases, and ``RUNS``, a folder for runs. Plan a run and estimate how long it
takes on this machine:

    >>> from pathlib import Path
    >>> from KDNetTrainingLib.Request import ExperimentRequest
    >>> out = Path(RUNS) / "first"
    >>> request = ExperimentRequest(Path(DATA), (("t1ce",),), out, recipe="demo", folds=(0,), settings={"steps": 8})
    >>> print(request.commandLine())  # doctest: +ELLIPSIS
    kdnet study ... --student t1ce --recipe demo ...
    # with several processes or GPUs:
    # torchrun --standalone --nproc-per-node 2 -m kdnet study ...
    >>> len(logic.plan(request).networks)
    3

Train teacher, baseline and student in a separate process, which continues when Slicer is closed; wait for it here:

    >>> run = logic.start(request)
    >>> logic.wait(run).state
    <RunState.FINISHED: 'finished'>

Pause and resume (both return immediately; ``logic.status`` reports the outcome)::

    logic.pause(run)
    logic.resume(run)

Open a run folder from elsewhere, and read the results of a run:

    >>> run = logic.open(Path(RUNS) / "first")
    >>> results = logic.results(run)
    >>> results.student.cases[0].case.startswith("Phantom_")
    True

Adapt a model to training cases that were collected in KDNetSegmentation::

    from KDNetTrainingLib.AdaptationRequest import AdaptationRequest
    model, cases, run = Path("student.safetensors"), Path("/data/corrections"), Path(RUNS) / "adapted"
    run = logic.startAdaptation(AdaptationRequest(model, cases, run / "adapted.safetensors", run=run, minutes=10))
    print(logic.results(run).adaptation.findings())

Deploy a student to the KDNetSegmentation module::

    logic.deploy(results.student.model)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import slicer
from kdnet.errors import KDNetError, RunFolderError, SettingsError
from kdnet.files import writable_folder
from kdnet.runs.control import request_stop
from kdnet.runs.folder import read_study
from kdnet.runs.status import RunStatus, read_status
from kdnet.schema.interruption import StopMode
from kdnet.schema.run_results import RunResults
from kdnet.schema.study_plan import StudyPlan
from KDNetLib.Command import Command, json_answer
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.AdaptationRequest import AdaptationRequest
from KDNetTrainingLib.Request import ExperimentRequest, command_lines, recorded_line
from KDNetTrainingLib.RunProcesses import RunProcesses
from KDNetTrainingLib.Runs import Run, RunRegistry, slicer_settings
from KDNetTrainingLib.RunSettings import RunSettings

Failed = Callable[[Failure], None]


class TrainingLogic:
    """Starts training runs and reports on them.

    Args:
        known: the registry of remembered runs.
    """

    def __init__(self, known: RunRegistry | None = None) -> None:
        self.known = known or RunRegistry(slicer_settings())
        self.processes = RunProcesses()

    def runs(self) -> tuple[Run, ...]:
        """Return the runs known on this computer."""
        return self.known.runs()

    def startPlan(
        self,
        request: ExperimentRequest,
        *,
        onFinished: Callable[[StudyPlan], None] = lambda _plan: None,
        onFailed: Failed = lambda _failure: None,
        onProgress: Callable[[str], None] = lambda _line: None,
    ) -> Command:
        """Determine what ``request`` would do and need on this machine, using a few trial steps."""
        return Command(
            [*request.arguments("plan"), "--json"],
            onNote=onProgress,
            read=_read_plan,
            onFinished=onFinished,
            onFailed=onFailed,
        ).start()

    def plan(self, request: ExperimentRequest) -> StudyPlan:
        """Like :meth:`startPlan`, but wait and return the plan.

        Raises:
            KDNetError: with a one-sentence message.
        """
        plan: StudyPlan = Command([*request.arguments("plan"), "--json"], read=_read_plan).answer()
        return plan

    def start(self, request: ExperimentRequest, *, after: Sequence[Run] | None = None) -> Run:
        """Start a run in a separate process and remember it.

        Args:
            request: what to run.
            after: runs to wait for; by default all known active ones.

        Raises:
            KDNetError: when the request or its folder is unusable.
        """
        if not request.data.is_dir():
            problem = _("{folder} is not a folder: choose the folder that holds the cases.")
            raise SettingsError(problem.format(folder=request.data))
        if not request.students or not all(request.students):
            raise SettingsError(_("The student has no input modality: select at least one."))
        run = Run(request.out, request.processes)
        if self.alive(run):
            raise _in_use(run)
        writable_folder(run.root)
        self._start(run, [*request.arguments(), *self._after(run, after)])
        return run

    def startAdaptation(self, request: AdaptationRequest, *, after: Sequence[Run] | None = None) -> Run:
        """Adapt a model to training cases, as :meth:`start` runs a study.

        Raises:
            KDNetError: when the request or its folder is unusable.
        """
        run = Run(request.run)
        if self.alive(run):
            raise _in_use(run)
        writable_folder(run.root)
        self._start(run, [*request.arguments(), *self._after(run, after)])
        return run

    def resume(self, run: Run, *, after: Sequence[Run] | None = None, force: bool = False) -> None:
        """Resume a run that was paused, stopped or interrupted.

        Args:
            run: the run.
            after: runs to wait for; by default all known active ones.
            force: write the model of an adaptation even if it is not better; nothing is trained again.

        Raises:
            KDNetError: when it is already running, or is not a run.
        """
        if self.alive(run):
            raise _in_use(run)
        read_study(run.root)
        self._start(run, ["resume", str(run.root), *(("--force",) if force else ()), *self._after(run, after)])

    def pause(self, run: Run) -> None:
        """Ask a run to save its state and end, to be resumed later.

        Raises:
            KDNetError: when its folder cannot be written.
        """
        request_stop(run.root, StopMode.PAUSE)

    def open(self, folder: Path) -> Run:
        """Remember a run folder, for example one from a server.

        Raises:
            KDNetError: when it is not a run folder, or is one of a newer version.
        """
        read_study(folder)
        known = next((run for run in self.runs() if run.root == folder), Run(folder))
        self.known.add(known)
        return known

    def remove(self, run: Run) -> None:
        """Remove a run from the list; its folder is kept."""
        self.known.remove(run)

    def alive(self, run: Run) -> bool:
        """Check whether a process is working on the run, at least on this computer."""
        return self.processes.alive(run)

    def starting(self, run: Run) -> bool:
        """Check whether a process started here is alive but has not written to the folder yet."""
        return self.processes.starting(run)

    def startup_error(self, run: Run) -> str:
        """Return why a process started here ended before it wrote anything, empty if it did not."""
        return self.processes.startup_error(run)

    def status(self, run: Run) -> RunStatus:
        """Return the status of the run.

        Raises:
            KDNetError: when there is no run, or one of a newer version.
        """
        return read_status(run.root)

    def command_line(self, run: Run) -> str:
        """Return the equivalent lines for a terminal or server.

        Raises:
            KDNetError: when there is no run, one of a newer version, or one whose command cannot be pasted safely.
        """
        return command_lines(recorded_line(str(read_study(run.root)["command"])), run.processes)

    def settings(self, run: Run) -> RunSettings:
        """Return the settings that a run was started with, for the panel to offer them again.

        Raises:
            KDNetError: when there is no run, one of a newer version, or one with settings that the panel does not offer.
        """
        return RunSettings.of(run, read_study(run.root))

    def adapts(self, run: Run) -> bool:
        """Return whether a run is an adaptation.

        Raises:
            KDNetError: when there is no run, or one of a newer version.
        """
        return bool(read_study(run.root).get("adaptation"))

    def data_folder(self, run: Run) -> Path:
        """Return the folder with the cases of a run.

        Raises:
            KDNetError: when there is no run, or one of a newer version.
        """
        return Path(str(read_study(run.root)["data"]))

    def wait(self, run: Run) -> RunStatus:
        """Wait until no process is working on the run.

        Raises:
            KDNetError: when its process ended before the run started.
        """
        while self.alive(run):
            time.sleep(0.2)
        reason = self.startup_error(run)
        if reason and not (run.root / "study.json").exists():
            raise KDNetError(reason)
        return self.status(run)

    def startPreview(
        self,
        run: Run,
        network: str,
        file: Path,
        *,
        onFinished: Callable[[Mapping[str, Any]], None] = lambda _answer: None,
        onFailed: Failed = lambda _failure: None,
    ) -> Command:
        """Segment a validation case with the current weights of a network of the run, into a NIfTI file.

        ``onFinished`` receives ``case``, ``step``, ``labelmap`` (the file), and ``labels`` (the label table).
        """
        return Command(
            ["predict-checkpoint", str(run.root), "--network", network, "-o", str(file)],
            read=json_answer,
            onFinished=onFinished,
            onFailed=onFailed,
        ).start()

    def startResults(
        self,
        run: Run,
        *,
        onFinished: Callable[[RunResults], None] = lambda _results: None,
        onFailed: Failed = lambda _failure: None,
    ) -> Command:
        """Gather the results of a run so far."""
        return Command(
            ["results", str(run.root), "--json"],
            read=_read_results,
            onFinished=onFinished,
            onFailed=onFailed,
        ).start()

    def results(self, run: Run) -> RunResults:
        """Like :meth:`startResults`, but wait and return them.

        Raises:
            KDNetError: with a one-sentence message.
        """
        results: RunResults = Command(["results", str(run.root), "--json"], read=_read_results).answer()
        return results

    def deploy(self, model: Path, name: str = "") -> Any:
        """Add a model file to the library of KDNetSegmentation; return the library's entry for it.

        Args:
            model: model file.
            name: file name in the library; by default that of ``model``.

        Raises:
            RuntimeError: with a one-sentence message, when it is damaged or the module is busy.
        """
        return slicer.util.getModuleLogic("KDNetSegmentation").importModel(model, name)

    def _after(self, run: Run, after: Sequence[Run] | None) -> list[str]:
        waited = [other for other in self.runs() if self.alive(other)] if after is None else after
        return [part for other in waited if other.root != run.root for part in ("--wait-for", str(other.root))]

    def _start(self, run: Run, arguments: list[str]) -> None:
        self.processes.start(run, arguments)
        self.known.add(run)


def _read_plan(answer: str) -> StudyPlan:
    return StudyPlan.from_json(json_answer(answer))


def _read_results(answer: str) -> RunResults:
    return RunResults.from_json(json_answer(answer))


def _in_use(run: Run) -> RunFolderError:
    problem = _("{folder} is in use by another process: wait until it ends, or pause it first.")
    return RunFolderError(problem.format(folder=run.root))
