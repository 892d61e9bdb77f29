"""The known runs in the order in which they start, with the latest snapshot of each, and the chosen one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from kdnet.runs.status import RunState
from slicer.i18n import tr as _

from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.RunMonitor import RunSnapshot
from KDNetTrainingLib.Runs import Run


class PanelState(StrEnum):
    """States of a run that its folder does not show."""

    STARTING = "starting"  # its process is alive, but has not written anything yet
    UNREADABLE = "unreadable"


ShownState = RunState | PanelState

RESUMABLE = frozenset({RunState.PAUSED, RunState.STOPPED, RunState.FAILED, RunState.NEW})
ACTIVE = frozenset({PanelState.STARTING, RunState.WAITING, RunState.RUNNING})
EXPLAINED = frozenset({RunState.FAILED, RunState.WAITING, PanelState.UNREADABLE})
"""States whose reason is shown."""


def shown_state(snapshot: RunSnapshot | None, *, starting: bool) -> ShownState:
    """Return the state of a run to show.

    Args:
        snapshot: latest snapshot of the run, None if there is none yet.
        starting: whether a process that this Slicer started has not written to the folder yet.
    """
    status = snapshot.status if snapshot is not None else None
    if status is not None and status.state.alive:
        return status.state
    if starting:
        return PanelState.STARTING
    if status is not None:
        return status.state
    return PanelState.UNREADABLE if snapshot is not None and snapshot.problem else RunState.NEW


class RunQueue:
    """Combines what the logic, the settings, and the run folders say about the runs.

    Args:
        logic: starts runs and knows their processes.
    """

    def __init__(self, logic: TrainingLogic) -> None:
        self._logic = logic
        self.runs: tuple[Run, ...] = ()
        self.run: Run | None = None
        self.snapshots: dict[Path, RunSnapshot] = {}

    def refresh(self, chosen: Path | None = None) -> None:
        """List the known runs again and choose one.

        Args:
            chosen: folder of the run to choose; by default the previous run, else an active one, else the last one.
        """
        self.runs = self._logic.runs()
        roots = [run.root for run in self.runs]
        previous = [self.run.root] if self.run is not None and self.run.root in roots else []
        active = [run.root for run in self.runs if self._logic.alive(run)]
        wanted = [chosen] if chosen is not None else [*previous, *active, *roots[-1:]]
        self.run = next((run for run in self.runs if wanted and run.root == wanted[0]), None)
        self.snapshots = {root: snapshot for root, snapshot in self.snapshots.items() if root in roots}

    @property
    def state(self) -> ShownState | None:
        """The state of the chosen run, None when none is chosen."""
        return self.state_of(self.run) if self.run is not None else None

    def state_of(self, run: Run) -> ShownState:
        """Return the state of a run to show."""
        return shown_state(self.snapshots.get(run.root), starting=self._logic.starting(run))

    def states(self) -> tuple[ShownState, ...]:
        """Return the states of all runs."""
        return tuple(self.state_of(run) for run in self.runs)

    @property
    def alive(self) -> bool:
        """Whether a process is working on the chosen run, also while it ends."""
        return self.run is not None and self._logic.alive(self.run)

    def take(self, snapshot: RunSnapshot) -> bool:
        """Keep a snapshot; return whether its run is still listed."""
        if snapshot.root not in [run.root for run in self.runs]:
            return False
        self.snapshots[snapshot.root] = snapshot
        return True

    def message(self) -> str | None:
        """Return why the chosen run is not running, empty if it is fine, None if there is nothing new to say."""
        run, state = self.run, self.state
        snapshot = self.snapshots.get(run.root) if run is not None else None
        if run is None or snapshot is None or state is PanelState.STARTING:
            return None
        reason = snapshot.reason
        if snapshot.status is None:
            reason = self._logic.startup_error(run) or reason
        if state in EXPLAINED:
            return _("{run}: {reason}").format(run=run.name, reason=reason) if reason else None
        return "" if state is not RunState.NEW else None
