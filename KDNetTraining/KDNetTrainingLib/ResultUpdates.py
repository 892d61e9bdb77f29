"""Gather the results of the chosen run again whenever more of its networks have been evaluated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kdnet.runs.folder import RunFolder
from kdnet.runs.status import RunState
from kdnet.schema.network_id import Role
from kdnet.schema.run_results import RunResults
from KDNetLib.Command import Command
from KDNetLib.Worker import Failure

from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.RunMonitor import RunSnapshot
from KDNetTrainingLib.Runs import Run


class ResultUpdates:
    """Keeps the latest results of one run.

    Args:
        logic: gathers results in a process of its own.
        onResults: called with new results.
        onFailed: called with the reason on failure.
    """

    def __init__(
        self, logic: TrainingLogic, onResults: Callable[[RunResults], None], onFailed: Callable[[Failure], None]
    ) -> None:
        self._logic, self._onResults, self._onFailed = logic, onResults, onFailed
        self.results: RunResults | None = None
        self._command: Command | None = None
        self._gathered: tuple[Path, int, bool, int] | None = None
        self._waiting: tuple[Run, RunSnapshot] | None = None  # the newest that came while results were gathered

    def take(self, run: Run, snapshot: RunSnapshot) -> bool:
        """Gather results if another network, or the whole run, is finished; return whether this was started."""
        status = snapshot.status
        if status is None or not any(network.role is Role.STUDENT for network in status.done):
            return False
        state = (snapshot.root, len(status.done), status.state is RunState.FINISHED, _written(snapshot.root))
        if state == self._gathered:
            return False
        if self._command is not None:
            self._waiting = (run, snapshot)  # it may be the last one: a finished run changes no more
            return False
        self._gathered = state
        self._command = self._logic.startResults(run, onFinished=self._finished, onFailed=self._failed)
        return True

    def clear(self) -> None:
        """Forget the run and its results."""
        self.cancel()
        self.results, self._gathered = None, None

    def cancel(self) -> None:
        """Stop the process."""
        self._waiting = None
        if self._command is not None:
            self._command.cancel()
            self._command, self._gathered = None, None  # what it would have brought is still wanted

    def _finished(self, results: RunResults) -> None:
        self._command, self.results = None, results
        self._onResults(results)
        self._takeWaiting()

    def _failed(self, failure: Failure) -> None:
        self._command = None
        self._onFailed(failure)
        self._takeWaiting()

    def _takeWaiting(self) -> None:
        if self._waiting is not None and self._command is None:
            (run, snapshot), self._waiting = self._waiting, None
            self.take(run, snapshot)


def _written(root: Path) -> int:
    """Return when the result of an adaptation was written, which can be done again after its end; 0 if it was not."""
    try:
        return RunFolder(root).adaptation.stat().st_mtime_ns
    except OSError:
        return 0
