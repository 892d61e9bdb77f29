"""The panel: data, experiment, runs, progress of the chosen run, and its results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import slicer
from kdnet.errors import KDNetError, SettingsError
from KDNetLib.GuiConnection import GuiConnection
from KDNetLib.InstallPanel import InstallPanel
from KDNetLib.Paths import clear_unset_paths
from KDNetLib.PollTimer import PollTimer
from KDNetLib.TemporaryFolders import sweep_temporary_folders
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from KDNetTrainingLib.AdaptPanel import AdaptPanel
from KDNetTrainingLib.Choices import Choices
from KDNetTrainingLib.DataPanel import DataPanel
from KDNetTrainingLib.ExperimentPanel import ExperimentPanel
from KDNetTrainingLib.LoadedCases import LoadedCases
from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.MonitorPanel import MonitorPanel
from KDNetTrainingLib.Parameters import Parameters
from KDNetTrainingLib.PlanPanel import PlanPanel
from KDNetTrainingLib.RawStudiesPanel import RawStudiesPanel
from KDNetTrainingLib.Request import ExperimentRequest
from KDNetTrainingLib.RequestBuilder import build_request
from KDNetTrainingLib.ResultPanel import SEGMENTATION_MODULE, ResultPanel
from KDNetTrainingLib.RunMonitor import RunMonitor, RunSnapshot
from KDNetTrainingLib.Runs import Run, slicer_settings
from KDNetTrainingLib.RunSettings import RunSettings
from KDNetTrainingLib.RunsPanel import RunsPanel
from KDNetTrainingLib.StoredChoices import StoredChoices, as_json, choose

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
        self.ui: Any = slicer.util.childWidgetVariables(uiWidget)
        self.logic = logic
        self._choices = Choices()
        self._stored = StoredChoices(slicer_settings())
        self._gui = GuiConnection(self.ui, self, self.update)
        self._ticks = 0
        self._monitor = RunMonitor()
        self._timer = PollTimer(self.onTick, TICK_MILLISECONDS)
        self.install = InstallPanel(self.ui, self.onInstalled)
        self.raw = RawStudiesPanel(self.ui, self._choices, self)
        self.data = DataPanel(self.ui, self._choices, self)
        self.experiment = ExperimentPanel(self.ui, self._choices, self)
        self.plan = PlanPanel(self.ui, logic, self)
        self.runs = RunsPanel(self.ui, self._choices, logic, self)
        self.monitor = MonitorPanel(self.ui, logic, self.runs, self)
        self.result = ResultPanel(self.ui, logic, self.runs, self)
        self.loaded = LoadedCases((self.ui.removeCasesButton, self.ui.removeResultCasesButton), self.onCasesRemoved)
        self.adapt = AdaptPanel(self.ui, self._choices, logic, self.runs, self.result, self)
        self.ui.adaptSection.contentsCollapsed.connect(self.update)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneChanged)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneChanged)
        sweep_temporary_folders()
        self.enter()

    @property
    def parameters(self) -> Parameters | None:
        """The choices of the scene; None while it closes."""
        return self._choices.parameters

    def enter(self) -> None:
        """Refresh the list of runs when the module is opened, because they continue without it."""
        self.install.check()
        self.onSceneChanged()
        self.onInstalled()
        self.runs.refill()
        if self.runs.queue.alive:
            self.runs.make_room()
        self._timer.start()

    def exit(self) -> None:
        """Leave the module; runs, charts and inspections continue."""
        self._gui.disconnect()

    def cleanup(self) -> None:
        """Clean up when the module is closed; runs continue."""
        self._timer.stop()
        self._monitor.stop()
        self.install.cleanup()
        self.raw.cleanup()
        self.data.cleanup()
        self.experiment.cleanup()
        self.plan.cleanup()
        self.runs.deletion.cleanup()
        self.monitor.cleanup()
        self.result.cleanup()
        self.adapt.cleanup()
        self.setParameters(None)
        self.removeObservers()

    def setParameters(self, parameters: Any) -> None:
        """Show and edit the choices of a parameter node, or of none."""
        self._gui.disconnect()
        self._choices.parameters = parameters
        if parameters is None:
            return
        if str(parameters.runsFolder) in ("", "."):
            parameters.runsFolder = defaultRunsFolder()
        self._gui.connect(parameters)
        self.experiment.adopt()
        self.data.table.show_excluded(parameters.excludedCases)
        self.adapt.open()
        self.update()

    def request(self) -> ExperimentRequest:
        """Return the request for the current choices.

        Raises:
            SettingsError: when something is missing or invalid.
        """
        if self.install.missing:
            raise SettingsError(self.problem())
        return build_request(self._choices.current, self.data.selection, self.experiment.config)

    def problem(self) -> str:
        """Return why no run can be started, empty if one can."""
        if self.install.missing:
            return _("Install the packages listed above first.")
        return self.data.selection.problem() or self.experiment.config.problem()

    def update(self, *_arguments: Any) -> None:
        """Update all sections from choices and running work."""
        if self._choices.parameters is None:
            return
        clear_unset_paths(self.ui.dataFolderEdit, self.ui.recipeFileEdit, self.ui.teacherFileEdit)
        available = not self.install.missing
        self._stored.store(self._choices.parameters)
        self.raw.update(available=available)
        self.data.update(available=available)
        self.experiment.update(available=available)
        problem = self.problem()
        self.plan.update(problem=problem)
        self.runs.update(problem=problem or self.plan.refusal)
        self.monitor.update()
        self.result.update()
        self.loaded.update()
        self.adapt.update(available=available)

    def onTick(self) -> None:
        """Handle new run snapshots, and redraw every few ticks."""
        self._monitor.each_update(TICK_SECONDS, self.onSnapshot)
        if self.runs.refresh():
            self.update()
        self._ticks += 1
        if self._ticks % DRAW_TICKS == 0 and self._choices.parameters is not None:
            self.monitor.draw()

    def onSnapshot(self, snapshot: RunSnapshot) -> None:
        """Handle a snapshot of a run."""
        run = self.runs.run
        chosen = run is not None and run.root == snapshot.root
        if chosen:
            self.monitor.collect(snapshot)
        if snapshot.more:
            return
        self.runs.take(snapshot)
        if chosen:
            self.monitor.take(snapshot)
            self.result.take(snapshot)
            self.adapt.take(snapshot)

    def onRunChosen(self) -> None:
        """Follow the chosen run from its beginning, and the states of the others."""
        run = self.runs.run
        self.monitor.clear()
        self.result.clear()
        self.adapt.clear()
        self._monitor.follow([known.root for known in self.runs.queue.runs], run.root if run is not None else None)
        self.update()

    def onDeployed(self) -> None:
        """Open KDNetSegmentation, in the layout that the user had."""
        self.monitor.layout.hide()
        slicer.util.selectModule(SEGMENTATION_MODULE)

    def onRunAdded(self, run: Run) -> None:
        """List and choose a run that a section has started."""
        self.runs.refill(run.root)

    def useSettings(self, settings: RunSettings) -> None:
        """Make the settings of a run the choices.

        Raises:
            SettingsError: when the panel does not offer one of them.
        """
        chosen: Any = self._choices.current  # the wrapper adds what the class does not declare
        before = as_json(chosen)
        with slicer.util.NodeModify(chosen.parameterNode):
            try:
                settings.choose(chosen)
            except KDNetError:
                choose(chosen, before)
                raise
        self.experiment.restore()
        self.data.restore()
        self.update()

    def onInstalled(self) -> None:
        """Update after packages were installed or removed."""
        if not self.install.missing and self._choices.parameters is not None:
            self.experiment.query()
        self.update()

    def onSceneStartClose(self, *_arguments: Any) -> None:
        """Release the scene before it closes; runs continue."""
        self._end_loading("")
        self.setParameters(None)

    def onCasesRemoved(self, text: str) -> None:
        """Update after loaded cases were removed; ``text`` says what is left."""
        self._end_loading(text)
        self.update()

    def _end_loading(self, text: str) -> None:
        """Stop loading cases that do not belong into the scene anymore; the sections say so, or ``text``."""
        for section in (self.data, self.monitor, self.result):
            section.onScene(text)

    def onSceneChanged(self, *_arguments: Any) -> None:
        """Connect to the parameter node of the scene; a scene without choices starts with the last ones."""
        logic: Any = self.logic  # ScriptedLoadableModuleLogic provides the node
        wrap: Any = Parameters  # the wrapper's constructor takes it
        node = logic.getParameterNode()
        fresh = node.GetParameterCount() == 0
        parameters = wrap(node)
        if fresh:
            self._stored.restore(parameters)
        self.setParameters(parameters)


def defaultRunsFolder() -> Path:
    """Return the default folder for runs."""
    return Path.home() / "KDNet runs"
