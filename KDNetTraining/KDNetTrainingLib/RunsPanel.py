"""The section that starts runs and shows the queue."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import qt
from kdnet.errors import KDNetError
from KDNetLib.Availability import restrict
from KDNetLib.FileDialogs import ask_folder
from slicer.i18n import tr as _

from KDNetTrainingLib.Choices import Choices
from KDNetTrainingLib.Host import RunHost
from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.RunDeletion import RunDeletion
from KDNetTrainingLib.RunMonitor import RunSnapshot
from KDNetTrainingLib.RunQueue import ACTIVE, RESUMABLE, RunQueue, ShownState
from KDNetTrainingLib.Runs import Run
from KDNetTrainingLib.RunsTable import RunsTable


class RunsPanel:
    """Starts, pauses, resumes and stops runs.

    Args:
        ui: widgets of the panel by name.
        choices: the choices of the scene.
        logic: starts runs.
        host: the panel.
    """

    def __init__(self, ui: Any, choices: Choices, logic: TrainingLogic, host: RunHost) -> None:
        self.ui, self._choices, self._logic, self._host = ui, choices, logic, host
        self.queue = RunQueue(logic)
        self._ending = False
        self._states: tuple[ShownState, ...] = ()
        self.table = RunsTable(ui.runsTable, self.onChosen)
        self.deletion = RunDeletion(ui.runsTable, self.onDeletion, self.onDeleted)
        for button, slot in (
            (ui.startButton, self.onStart),
            (ui.pauseButton, self.onPause),
            (ui.resumeButton, self.onResume),
            (ui.reuseButton, self.onReuse),
            (ui.copyChoicesButton, self.onCopyChoices),
            (ui.copyButton, self.onCopy),
            (ui.openButton, self.onOpen),
            (ui.forgetButton, self.onForget),
            (ui.deleteButton, self.onDelete),
        ):
            button.clicked.connect(slot)
        self.show_message("")

    @property
    def run(self) -> Run | None:
        """The chosen run."""
        return self.queue.run

    @property
    def state(self) -> ShownState | None:
        """The state of the chosen run, None when none is chosen."""
        return self.queue.state

    def refill(self, chosen: Path | None = None) -> None:
        """List the known runs again, and choose that in the folder ``chosen`` or another one."""
        self.queue.refresh(chosen)
        self.table.refill(self.queue.runs, self.queue.run)
        self._show_states()
        self._host.onRunChosen()

    def update(self, *, problem: str) -> None:
        """Update the buttons for the chosen run and for what prevents a new one."""
        ui, state = self.ui, self.state
        self._ending = state in RESUMABLE and self.queue.alive
        none = "" if self.run is not None else _("No run is selected.")
        active = _("The run is in progress. Pause it first.") if state in ACTIVE or self.queue.alive else ""
        restrict(ui.startButton, problem)
        restrict(ui.copyChoicesButton, problem)
        restrict(ui.pauseButton, none or ("" if state in ACTIVE else _("The run is not in progress.")))
        restrict(ui.resumeButton, none or self._resume_problem())
        restrict(ui.copyButton, none)
        restrict(ui.reuseButton, none)
        restrict(ui.forgetButton, none or (active if state in ACTIVE else ""))
        restrict(ui.deleteButton, none or active or (_("A run is being deleted.") if self.deletion.busy else ""))
        ui.waitCheckBox.visible = any(known in ACTIVE for known in self.queue.states())

    def make_room(self) -> None:
        """Fold the sections that configure a run, so that the list and the results of runs are in view."""
        for section in (self.ui.rawSection, self.ui.dataSection, self.ui.experimentSection, self.ui.runSection):
            section.collapsed = True
        self.ui.liveSection.collapsed = False

    def refresh(self) -> bool:
        """Show states that changed between two snapshots; return whether one has.

        Processes start and end without changing a file, and one that announced its end takes a while to end.
        """
        states = self.queue.states()
        if states == self._states:
            return self._ending and not self.queue.alive
        self._states = states
        self._show_states()
        self._show_reason()
        return True

    def take(self, snapshot: RunSnapshot) -> None:
        """Update from a snapshot of a run."""
        if not self.queue.take(snapshot):
            return
        self._show_states(snapshot.root)
        if self.run is not None and snapshot.root == self.run.root:
            self._show_reason()

    def onStart(self, *_arguments: Any) -> None:
        """Start a run with the current choices."""
        try:
            run = self._logic.start(self._host.request(), after=self._after())
        except KDNetError as error:
            self.show_message(str(error))
            return
        self._choices.current.runName = ""
        self.show_message(_("Starting {run}...").format(run=run.name))
        self.refill(run.root)
        self.make_room()

    def onPause(self, *_arguments: Any) -> None:
        """Pause the chosen run."""
        self._do(self._logic.pause, _("Pausing {run} after the current step or case..."))

    def onResume(self, *_arguments: Any) -> None:
        """Resume the chosen run."""
        after = self._after()
        self._do(lambda run: self._logic.resume(run, after=after), _("Resuming {run}..."))

    def onReuse(self, *_arguments: Any) -> None:
        """Make the settings of the chosen run the choices of the panel."""
        self._do(lambda run: self._host.useSettings(self._logic.settings(run)), _("The settings are those of {run}."))

    def onCopyChoices(self, *_arguments: Any) -> None:
        """Copy the command line of the current choices."""
        self._copy(lambda: self._host.request().commandLine())

    def onCopy(self, *_arguments: Any) -> None:
        """Copy the command line of the chosen run."""
        run = self.run
        if run is not None:
            self._copy(lambda: self._logic.command_line(run))

    def _copy(self, line: Callable[[], str]) -> None:
        try:
            text = line()
        except KDNetError as error:
            self.show_message(str(error))
            return
        qt.QApplication.clipboard().setText(text)
        self.show_message(_("Copied: {text}").format(text=text.splitlines()[0]))

    def onOpen(self, *_arguments: Any) -> None:
        """Ask for a run folder."""
        folder = ask_folder(_("Open a run folder"))
        if folder is None:
            return
        try:
            run = self._logic.open(folder)
        except KDNetError as error:
            self.show_message(str(error))
            return
        self.show_message(_("Opened {run}.").format(run=run.name))
        self.refill(run.root)

    def onForget(self, *_arguments: Any) -> None:
        """Remove the chosen run from the list."""
        run = self.run
        if run is not None:
            self._logic.remove(run)
            kept = _("Removed {run} from the list. Its folder is kept: {folder}")
            self.show_message(kept.format(run=run.name, folder=run.root))
            self.refill()

    def onDelete(self, *_arguments: Any) -> None:
        """Delete the chosen run from disk, after asking."""
        if self.run is not None:
            self.deletion.start(self.run)

    def onDeletion(self, text: str) -> None:
        """Show how far the deletion has come."""
        self.show_message(text)
        self._host.update()

    def onDeleted(self, run: Run) -> None:
        """Remove a run whose folder is gone from the list."""
        self._logic.remove(run)
        self.refill()

    def onChosen(self, run: Run | None) -> None:
        """Follow a newly chosen run."""
        self.queue.run = run
        self.show_message("")
        self._show_reason()
        if run is not None:
            self.make_room()
        self._host.onRunChosen()

    def show_message(self, text: str) -> None:
        """Show a sentence below the table of runs."""
        self.ui.runLabel.text = text
        self.ui.runLabel.visible = bool(text)

    def _resume_problem(self) -> str:
        if self._ending:
            return _("The process of the run is still ending.")
        return "" if self.state in RESUMABLE else _("Only a run that was paused, failed or has not begun can be resumed.")

    def _after(self) -> Sequence[Run] | None:
        """Return the runs to wait for: None means all active ones."""
        return None if self._choices.current.waitForOthers else []

    def _do(self, action: Callable[[Run], None], text: str) -> None:
        run = self.run
        if run is None:
            return
        try:
            action(run)
        except KDNetError as error:
            self.show_message(str(error))
        else:
            self.show_message(text.format(run=run.name))
        self._host.update()

    def _show_states(self, root: Path | None = None) -> None:
        """Write the state of the run in ``root``, or of all runs, into the table."""
        for run in self.queue.runs:
            snapshot = self.queue.snapshots.get(run.root)
            if snapshot is not None and root in (None, run.root):
                self.table.show(snapshot, self.queue.state_of(run))

    def _show_reason(self) -> None:
        """Show why the chosen run is not running, if there is anything to report."""
        message = self.queue.message()
        if message is not None:
            self.show_message(message)
