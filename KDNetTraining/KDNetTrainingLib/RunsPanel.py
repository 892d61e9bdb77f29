"""The section that starts runs and shows the queue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
from kdnet.errors import KDNetError
from slicer.i18n import tr as _

from KDNetTrainingLib.RunMonitor import RunSnapshot
from KDNetTrainingLib.Runs import Run
from KDNetTrainingLib.RunsTable import RunsTable, state_of

RESUMABLE = ("paused", "stopped", "broken", "new")
ALIVE = ("starting", "waiting", "running")


class RunsPanel:
    """Starts, pauses, resumes and stops runs.

    Args:
        panel: the whole panel, for its choices and logic.
    """

    def __init__(self, panel: Any) -> None:
        self.panel, self.ui = panel, panel.ui
        self.looks: dict[Path, RunSnapshot] = {}
        self._settling = False
        self.table = RunsTable(self.ui.runsTable, self.onChosen)
        for button, slot in (
            (self.ui.startButton, self.onStart),
            (self.ui.pauseButton, self.onPause),
            (self.ui.resumeButton, self.onResume),
            (self.ui.stopButton, self.onStop),
            (self.ui.copyButton, self.onCopy),
            (self.ui.openButton, self.onOpen),
            (self.ui.forgetButton, self.onForget),
        ):
            button.clicked.connect(slot)
        self.say("")

    @property
    def run(self) -> Run | None:
        """The chosen run."""
        return self.table.run

    @property
    def state(self) -> str:
        """The state of the chosen run, empty when none is chosen."""
        return self.state_of(self.run) if self.run is not None else ""

    def state_of(self, run: Run) -> str:
        """Return a run's state, as defined by ``RunsTable.state_of``."""
        return state_of(self.looks.get(run.root), starting=self.panel.logic.starting(run))

    def refill(self, chosen: Path | None = None) -> None:
        """List the known runs again and choose one: the requested one, else the previous one, else a live one."""
        runs = self.panel.logic.runs()
        if chosen is None:
            alive = [run.root for run in runs if self.panel.logic.alive(run)]
            kept = self.run.root if self.run is not None else None
            last = runs[-1].root if runs else None
            chosen = kept if kept in [run.root for run in runs] else alive[0] if alive else last
        self.table.refill(runs, chosen)
        self.looks = {root: look for root, look in self.looks.items() if root in [run.root for run in runs]}
        self.show()
        self.panel.onRunChosen()

    def update(self, *, problem: str) -> None:
        """Update the buttons for the chosen run and for what prevents a new one."""
        ui, state = self.ui, self.state
        ui.startButton.enabled = not problem
        ui.startButton.toolTip = problem or _("Train in a process of its own, which goes on when Slicer is closed.")
        ui.pauseButton.enabled = ui.stopButton.enabled = state in ALIVE
        self._settling = state in RESUMABLE and self._alive()
        ui.resumeButton.enabled = state in RESUMABLE and not self._settling
        ui.copyButton.enabled = self.run is not None or not problem
        ui.forgetButton.enabled = self.run is not None and state not in ALIVE
        ui.waitCheckBox.visible = any(self.state_of(run) in ALIVE for run in self.table.runs)

    def states(self) -> tuple[str, ...]:
        """Return the states of all runs."""
        return tuple(self.state_of(run) for run in self.table.runs)

    def settled(self) -> bool:
        """Check whether the chosen run's process, which had announced its end, has ended since the last update."""
        return self._settling and not self._alive()

    def _alive(self) -> bool:
        return self.run is not None and self.panel.logic.alive(self.run)

    def show(self) -> None:
        """Write all states into the table again: processes start and end between two snapshots."""
        for look in self.looks.values():
            self._show(look)

    def tell(self) -> None:
        """Report the chosen run's status again: a process that ends before it writes changes no file."""
        look = self.looks.get(self.run.root) if self.run is not None else None
        if look is not None:
            self._show_status(look)

    def take(self, look: RunSnapshot) -> None:
        """Update from a snapshot of a run."""
        if look.root not in [run.root for run in self.table.runs]:
            return
        self.looks[look.root] = look
        self._show(look)
        if self.run is not None and look.root == self.run.root:
            self._show_status(look)

    def onStart(self, *_arguments: Any) -> None:
        """Start a run with the current choices."""
        try:
            request = self.panel.request()
            after = None if self.panel.parameters.waitForOthers else []
            run = self.panel.logic.start(request, after=after)
        except KDNetError as error:
            self.say(str(error))
            return
        self.panel.parameters.runName = ""
        self.say(_("{run} is being started.").format(run=run.name))
        self.refill(run.root)
        self.panel.live.showCharts()

    def onPause(self, *_arguments: Any) -> None:
        """Pause the chosen run."""
        self._do(self.panel.logic.pause, _("{run} saves its state and pauses; as soon as its step or case is done."))

    def onResume(self, *_arguments: Any) -> None:
        """Resume the chosen run."""
        after = None if self.panel.parameters.waitForOthers else []
        self._do(lambda run: self.panel.logic.resume(run, after=after), _("{run} is being started again."))

    def onStop(self, *_arguments: Any) -> None:
        """Stop the chosen run."""
        self._do(self.panel.logic.stop, _("{run} saves its state and ends; as soon as its step or case is done."))

    def onCopy(self, *_arguments: Any) -> None:
        """Copy the command line of the chosen run, or of the current choices, to the clipboard."""
        try:
            text = self.panel.logic.command_line(self.run) if self.run is not None else self.panel.request().commandLine()
        except KDNetError as error:
            self.say(str(error))
            return
        qt.QApplication.clipboard().setText(text)
        self.say(_("Copied: {text}").format(text=text.splitlines()[0]))

    def onOpen(self, *_arguments: Any) -> None:
        """Ask for a run folder."""
        folder = qt.QFileDialog.getExistingDirectory(None, _("Open a run folder"))
        if not folder:
            return
        try:
            run = self.panel.logic.open(Path(folder))
        except KDNetError as error:
            self.say(str(error))
            return
        self.say(_("{run} is opened.").format(run=run.name))
        self.refill(run.root)

    def onForget(self, *_arguments: Any) -> None:
        """Remove the chosen run from the list."""
        run = self.run
        if run is not None:
            self.panel.logic.forget(run)
            self.say(_("{run} is off the list; its folder stays: {folder}").format(run=run.name, folder=run.root))
            self.refill()

    def onChosen(self) -> None:
        """Follow a newly chosen run."""
        self.say("")
        self.tell()
        self.panel.onRunChosen()

    def say(self, text: str) -> None:
        """Show a sentence in this section."""
        self.ui.runLabel.text = text
        self.ui.runLabel.visible = bool(text)

    def _do(self, action: Callable[[Run], None], text: str) -> None:
        run = self.run
        if run is None:
            return
        try:
            action(run)
        except KDNetError as error:
            self.say(str(error))
        else:
            self.say(text.format(run=run.name))
        self.panel.update()

    def _show(self, look: RunSnapshot) -> None:
        run = next(run for run in self.table.runs if run.root == look.root)
        self.table.show(look, starting=self.panel.logic.starting(run))

    def _show_status(self, look: RunSnapshot) -> None:
        """Show why the chosen run is not running, if there is anything to report."""
        run = self.run
        assert run is not None
        state = self.state
        reason = look.status.reason if look.status is not None else look.problem
        if state == "starting":
            return
        if look.status is None:
            reason = self.panel.logic.startup_error(run) or reason
        if state in ("broken", "waiting", "unreadable") and reason:
            self.say(f"{run.name}: {reason}")
        elif state in ("running", "paused", "stopped", "finished"):
            self.say("")
