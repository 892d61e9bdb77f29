"""An unattended queue: a study that starts when others have ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from kdnet.errors import RunFolderError
from kdnet.runs.events import EventKind, EventLog
from kdnet.runs.status import RunState, read_status
from kdnet.training.context import ComputeContext
from kdnet.training.interruption import raise_if_stop_requested

LOOK_SECONDS = 0.5

START_SECONDS = 20.0  # for a run being started, maybe at the same moment, to lock its folder


def wait_for_runs(
    runs: Sequence[Path],
    own: Path,
    events: EventLog,
    context: ComputeContext,
    *,
    grace: float = START_SECONDS,
) -> None:
    """Wait until none of ``runs`` is active, waiting, or about to start; all processes of this run call it.

    A run that has finished, or was alive and has ended in any way, is no longer waited for. One that was never observed
    alive may just be starting and is given some time.

    Args:
        runs: run folders.
        own: the folder of the waiting run.
        events: receives one event about waiting.
        context: whose stop request is checked while waiting.
        grace: seconds allowed for a run to start.

    Raises:
        RunFolderError: for a folder in which no run has started within that time, or the run's own.
        Interrupted: on request.
    """
    if own.resolve() in {run.resolve() for run in runs}:
        raise RunFolderError(f"{own} cannot wait for itself: name other run folders with --wait-for.")
    ahead = [_Ahead(run, time.monotonic() + grace) for run in runs]
    reported = False
    while True:
        ahead = [item for item in ahead if not item.ended()] if context.processes.is_main else []
        if not context.processes.broadcast(len(ahead)):
            return
        if not reported:
            events.write(EventKind.WAITING, runs=[str(item.run.resolve()) for item in ahead])
            reported = True
        raise_if_stop_requested(context)
        time.sleep(LOOK_SECONDS)


class _Ahead:
    """A run to wait for."""

    def __init__(self, run: Path, deadline: float) -> None:
        self.run, self._deadline = run, deadline
        self._seen_alive = False

    def ended(self) -> bool:
        late = self._seen_alive or time.monotonic() >= self._deadline
        try:
            status = read_status(self.run)
        except RunFolderError:
            if late and not self._seen_alive:
                raise
            return late  # it was removed in the meantime
        if status.state.alive or status.pid is not None:
            self._seen_alive = True
            return False
        return late or status.state is RunState.FINISHED
