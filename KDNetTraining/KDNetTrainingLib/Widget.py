"""The panel: data, experiment, runs, status of the chosen run, and its results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
import vtk
from kdnet.errors import SettingsError
from KDNetLib.InstallPanel import InstallPanel
from KDNetLib.Paths import show_nothing_for_unset
from KDNetLib.PollTimer import PollTimer
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from KDNetTrainingLib.DataPanel import DataPanel
from KDNetTrainingLib.ExperimentPanel import ExperimentPanel
from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.MonitorPanel import MonitorPanel
from KDNetTrainingLib.Parameters import Length, Parameters, TeacherSource
from KDNetTrainingLib.PlanPanel import PlanPanel
from KDNetTrainingLib.Request import ExperimentRequest, free_folder, numbers
from KDNetTrainingLib.ResultPanel import ResultPanel
from KDNetTrainingLib.RunMonitor import RunMonitor, RunSnapshot
from KDNetTrainingLib.RunsPanel import RunsPanel

TICK_MILLISECONDS = 100
TICK_SECONDS = 0.02  # for handling run snapshots; the rest waits for the next tick
DRAW_TICKS = 5  # charts are drawn once per this many ticks


class Panel(VTKObservationMixin):
    """Connects the widgets of the .ui file with the logic.

    Args:
        uiWidget: loaded widget, with its scene.
        logic: the module's logic; also provides the parameter node.
    """

    def __init__(self, uiWidget: Any, logic: TrainingLogic) -> None:
        VTKObservationMixin.__init__(self)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        self.logic = logic
        self.parameters: Any = None
        self._guiTag: Any = None
        self._ticks = 0
        self._states: tuple[str, ...] = ()
        self.watcher = RunMonitor()
        self._ticker = PollTimer(self.onTick, TICK_MILLISECONDS)
        self.install = InstallPanel(self.ui, self.onInstalled)
        self.data = DataPanel(self)
        self.experiment = ExperimentPanel(self)
        self.plan = PlanPanel(self)
        self.runs = RunsPanel(self)
        self.live = MonitorPanel(self)
        self.result = ResultPanel(self)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneChanged)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneChanged)
        self.enter()

    def enter(self) -> None:
        """Refresh the list of runs when the module is opened, because they continue without it."""
        self.install.check()
        self.setParameters(Parameters(self.logic.getParameterNode()))
        self.onInstalled()
        self.runs.refill()
        self._ticker.start()

    def exit(self) -> None:
        """Leave the module; runs, charts and inspections continue."""
        self._disconnect()

    def cleanup(self) -> None:
        """Clean up when the module is closed; runs continue."""
        self._ticker.stop()
        self.watcher.stop()
        for part in (self.install, self.data, self.experiment, self.plan, self.live, self.result):
            part.cleanup()
        self.setParameters(None)
        self.removeObservers()

    def setParameters(self, parameters: Any) -> None:
        """Show and edit the choices of a parameter node, or of none."""
        self._disconnect()
        self.parameters = parameters
        if parameters is None:
            return
        if str(parameters.runsFolder) in ("", "."):
            parameters.runsFolder = defaultRunsFolder()
        self._guiTag = parameters.connectGui(self.ui)
        self.addObserver(parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self.experiment.fill()
        self.data.table.show_left_out(parameters.leftOut)
        self.update()

    def request(self) -> ExperimentRequest:
        """Return the request for the current choices.

        Raises:
            SettingsError: when something is missing or invalid.
        """
        problem = self.problem()
        if problem:
            raise SettingsError(problem)
        chosen, data = self.parameters, self.data
        recipe = str(self.experiment.recipe_file or chosen.recipe)
        students = data.students()
        folder, name = chosen.runsFolder, chosen.runName.strip()
        return ExperimentRequest(
            data=data.folder,
            students=students,
            out=folder / name if name else free_folder(folder, data.folder, students, recipe),
            recipe=recipe,
            settings=self.experiment.settings(),
            modalities=data.teacher_modalities(),
            folds=data.folds(),
            foldCount=chosen.foldCount,
            seeds=numbers(chosen.seeds, _("Seeds")),
            minutes=chosen.amount if chosen.length is Length.MINUTES else 0.0,
            epochs=round(chosen.amount) if chosen.length is Length.EPOCHS else 0,
            labels=data.labels,
            leaveOut=tuple(chosen.leftOut),
            teacher=chosen.teacherFile if chosen.teacherSource is TeacherSource.FILE else None,
            device=chosen.device or "auto",
            threads=chosen.threads,
            processes=chosen.processes,
        )

    def problem(self) -> str:
        """Return why no run can be started, empty if one can."""
        if self.install.missing:
            return _("Install the packages above first.")
        return self.data.problem() or self.experiment.problem()

    def update(self, *_arguments: Any) -> None:
        """Update all sections from choices and running work."""
        if self.parameters is None:
            return
        show_nothing_for_unset(self.ui.dataFolderEdit, self.ui.recipeFileEdit, self.ui.teacherFileEdit)
        free = not self.install.missing
        problem = self.problem()
        self.data.update(free=free)
        self.experiment.update()
        self.plan.update(ready=not problem)
        self.runs.update(problem=problem)
        self.live.update()
        self.result.update()

    def _disconnect(self) -> None:
        if self._guiTag is not None:
            self.parameters.disconnectGui(self._guiTag)
            self.removeObserver(self.parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self._guiTag = None

    def onTick(self) -> None:
        """Handle new run snapshots, and redraw now and then."""
        self.watcher.each(TICK_SECONDS, self.onLook)
        states = self.runs.states()
        if states != self._states:
            self._states = states
            self.runs.show()
            self.runs.tell()
            self.update()
        elif self.runs.settled():
            self.update()
        self._ticks += 1
        if self._ticks % DRAW_TICKS == 0:
            self.live.draw()

    def onLook(self, look: RunSnapshot) -> None:
        """Handle a snapshot of a run."""
        run = self.runs.run
        chosen = run is not None and run.root == look.root
        if chosen:
            self.live.collect(look)
        if look.more:
            return
        self.runs.take(look)
        if chosen:
            self.live.take(look)
            self.result.take(look)

    def onRunChosen(self) -> None:
        """Follow the chosen run from its beginning, and the states of the others."""
        run = self.runs.run
        self.live.clear()
        self.result.clear()
        self.watcher.follow([known.root for known in self.runs.table.runs], run.root if run is not None else None)
        self.update()

    def onInstalled(self) -> None:
        """Update after packages were installed or removed."""
        if not self.install.missing and self.parameters is not None:
            self.experiment.ask()
        self.update()

    def onParametersModified(self, *_arguments: Any) -> None:
        """Update after a choice changed."""
        self.update()

    def onSceneStartClose(self, *_arguments: Any) -> None:
        """Release the scene before it closes; runs continue."""
        self.data.loader.cancel()
        self.live.cleanup()
        self.result.loader.cancel()
        self.setParameters(None)

    def onSceneChanged(self, *_arguments: Any) -> None:
        """Update for a new scene."""
        self.setParameters(Parameters(self.logic.getParameterNode()))


def defaultRunsFolder() -> Path:
    """Return the default folder for runs."""
    return Path.home() / "KDNet runs"
