"""The section where a student is adapted to training cases; its run is one of the runs, with their progress and results."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from kdnet.errors import KDNetError
from kdnet.runs.status import RunState
from kdnet.schema.run_results import RunResults
from KDNetLib.Paths import clear_unset_paths
from slicer.i18n import tr as _

from KDNetTrainingLib.Adaptation import FILE, Adaptation
from KDNetTrainingLib.Choices import Choices
from KDNetTrainingLib.Host import ChosenRun, RunStarter
from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.ResultText import adaptation_text
from KDNetTrainingLib.RunMonitor import RunSnapshot
from KDNetTrainingLib.RunProgress import progress_text
from KDNetTrainingLib.RunQueue import EXPLAINED


class Results(Protocol):
    """The section with the results of the chosen run."""

    @property
    def results(self) -> RunResults | None:
        """The results so far, None until there are any."""

    def onDeploy(self) -> None:
        """Deploy the model of the run."""


class AdaptPanel:
    """Starts an adaptation, and says what came of it.

    Args:
        ui: widgets of the panel by name.
        choices: the choices of the scene.
        logic: starts runs.
        runs: the section with the chosen run.
        results: the section with its results.
        host: the panel.
    """

    def __init__(
        self, ui: Any, choices: Choices, logic: TrainingLogic, runs: ChosenRun, results: Results, host: RunStarter
    ) -> None:
        self.ui, self._choices, self._logic = ui, choices, logic
        self._runs, self._results, self._host = runs, results, host
        self.adaptation = Adaptation(choices, self.onListed)
        self._adapts: dict[Path, bool] = {}
        self._started: set[Path] = set()
        self._status: RunSnapshot | None = None
        ui.adaptModelSelector.currentIndexChanged.connect(self.onModel)
        ui.adaptButton.clicked.connect(self.onAdapt)
        ui.adaptDeployButton.clicked.connect(lambda *_arguments: results.onDeploy())
        ui.adaptKeepButton.clicked.connect(self.onKeep)

    def open(self) -> None:
        """Offer the models that there are now, and complete the choices."""
        self.adaptation.open()
        titles = {model.path.name: model.title for model in self.adaptation.models} | {FILE: _("From file...")}
        selector = self.ui.adaptModelSelector
        blocked = selector.blockSignals(True)
        selector.clear()
        for key, title in titles.items():
            selector.addItem(title, key)
        selector.currentIndex = list(titles).index(self._choices.current.adaptModel)
        selector.blockSignals(blocked)

    def update(self, *, available: bool) -> None:
        """Update the section from the choices; ``available`` says whether ``kdnet`` can be run."""
        ui, adaptation = self.ui, self.adaptation
        clear_unset_paths(ui.adaptCollectionEdit, ui.adaptUnlabeledEdit, ui.adaptModelFileEdit)
        if available and not ui.adaptSection.collapsed:
            adaptation.listCases()
        ofFile = self._choices.current.adaptModel == FILE
        ui.adaptModelFileLabel.visible = ui.adaptModelFileEdit.visible = ofFile
        problem = adaptation.problem() if available else _("Install the packages listed above first.")
        ui.adaptButton.enabled = not problem
        ui.adaptButton.toolTip = problem or _("Adapt in a separate process, which continues after Slicer is closed.")
        ui.adaptCasesLabel.text = " ".join(filter(None, (adaptation.text(), problem)))
        ui.adaptCasesLabel.visible = bool(ui.adaptCasesLabel.text)
        self._show()

    def take(self, snapshot: RunSnapshot) -> None:
        """Show the progress of the chosen run, if that is an adaptation."""
        self._status = snapshot
        self._show()

    def clear(self) -> None:
        """Forget the run that was chosen before."""
        self._status = None

    def cleanup(self) -> None:
        """Stop all processes; runs continue."""
        self.adaptation.cancel()

    def onListed(self) -> None:
        """Show what is known about the training cases."""
        if self._choices.parameters is not None:
            self._host.update()

    def onModel(self, index: int) -> None:
        """Choose another model."""
        self._choices.current.adaptModel = str(self.ui.adaptModelSelector.itemData(index) or "")
        self._host.update()

    def onAdapt(self, *_arguments: Any) -> None:
        """Start the adaptation."""
        try:
            run = self._logic.startAdaptation(self.adaptation.request(), after=self._after())
        except KDNetError as error:
            self._runs.show_message(str(error))
            self._say(str(error))
            return
        self._started.add(run.root)
        self._runs.show_message(_("Starting {run}...").format(run=run.name))
        self._host.onRunAdded(run)

    def onKeep(self, *_arguments: Any) -> None:
        """Write the model although it is not better, which needs no training."""
        run = self._runs.run
        if run is None:
            return
        try:
            self._logic.resume(run, after=[], force=True)
        except KDNetError as error:
            self._say(str(error))
        else:
            self._say(_("Writing the model file..."))
            self._host.update()

    def _after(self) -> list[Any] | None:
        return None if self._choices.current.waitForOthers else []

    def _chosen_adapts(self) -> bool:
        """Return whether the chosen run is an adaptation, which is known once it has been started."""
        run = self._runs.run
        if run is None:
            return False
        if run.root not in self._adapts:
            try:
                self._adapts[run.root] = self._logic.adapts(run)
            except KDNetError:
                return False
        return self._adapts[run.root]

    def _show(self) -> None:
        """Show progress or result of the chosen run."""
        ui, run, state, results = self.ui, self._runs.run, self._runs.state, self._results.results
        if run is None or state is None or not self._chosen_adapts():
            ui.adaptDeployButton.visible = ui.adaptKeepButton.visible = False
            self._say(self._logic.startup_error(run) if run is not None and run.root in self._started else "")
            return
        finished = state is RunState.FINISHED and results is not None and results.adaptation is not None
        offered = finished and results is not None and results.offered(results.student) is not None
        ui.adaptDeployButton.visible = offered
        ui.adaptKeepButton.visible = finished and not offered
        if finished and results is not None and results.adaptation is not None:
            self._say(f"{run.name}: {adaptation_text(results.adaptation)}")
        else:
            status = self._status.status if self._status is not None else None
            reason = self._status.reason if self._status is not None and state in EXPLAINED else ""
            self._say(f"{run.name}: {progress_text(status, state)} {reason}".rstrip())

    def _say(self, text: str) -> None:
        self.ui.adaptResultLabel.text = text
        self.ui.adaptResultLabel.visible = bool(text)
