"""The status of a run, read from its folder by any process, whether or not the writing process is alive."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kdnet.errors import RunFolderError
from kdnet.runs import legacy
from kdnet.runs.events import Event, EventKind, planned_networks, read_events
from kdnet.runs.folder import NetworkFolder, RunFolder, read_study
from kdnet.runs.lock import is_locked
from kdnet.runs.planned_networks import Networks
from kdnet.runs.process_record import recorded_pid
from kdnet.schema.interruption import StopMode
from kdnet.schema.network_id import NetworkId

KILLED = "the process ended unexpectedly (killed or shut down): resume the run to continue."


class RunState(StrEnum):
    """The states of a run."""

    NEW = "new"  # not started
    WAITING = "waiting"  # for other runs to end
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FAILED = "failed"  # its process was killed or ended with an error
    FINISHED = "finished"

    @property
    def alive(self) -> bool:
        """Whether a process is working on the run."""
        return self in (RunState.WAITING, RunState.RUNNING)


@dataclass(frozen=True)
class RunStatus:
    """The status of a run.

    Attributes:
        state: see :class:`RunState`.
        reason: why it is not in progress, or what it waits for; empty otherwise.
        network: the network being trained or tested; None before the first and after the last.
        step: current or last step of that network.
        steps: steps of each network, 0 while undetermined.
        networks: planned networks, in order; empty during the first inspection of the data.
        done: networks that are trained and tested.
        seconds_left: last reported time remaining for the whole study; None if unknown.
        pid: ID of the process; None if none is alive on this machine.
    """

    state: RunState
    reason: str = ""
    network: NetworkId | None = None
    step: int = 0
    steps: int = 0
    networks: tuple[NetworkId, ...] = ()
    done: tuple[NetworkId, ...] = ()
    seconds_left: float | None = None
    pid: int | None = None


def read_status(root: Path) -> RunStatus:
    """Read the status of the run in ``root``.

    Raises:
        RunFolderError: if there is no run, or it is from a newer version.
    """
    return StatusReader(root).refresh()[0]


class StatusReader:
    """Follows a run; each refresh reads only the events written since the last one.

    Args:
        root: the run folder.
    """

    def __init__(self, root: Path) -> None:
        self._folder = RunFolder(root)
        self._offset = 0
        self._last: Event | None = None
        self._network, self._step, self._steps = "", 0, 0
        self._networks: Networks = {}
        self._seconds_left: float | None = None

    def refresh(self, most_bytes: int = -1) -> tuple[RunStatus, list[Event]]:
        """Return the status of the run and the events since the last call (all of them on the first call).

        Args:
            most_bytes: maximum bytes to read; the status is then that after these events. Call until no events come.

        Raises:
            RunFolderError: if there is no run, or it is from a newer version.
        """
        root = self._folder.root
        # check the lock first: a process that ends in between has then recorded why
        held = is_locked(root)
        try:
            read_study(root)
        except RunFolderError:
            if held and not self._folder.study.exists():  # it holds the folder, but has not started
                return RunStatus(RunState.NEW, pid=recorded_pid(root)), []
            raise
        events, self._offset = read_events(self._folder.events, self._offset, most_bytes)
        for event in events:
            self._take(event)
        state, reason = self._state(held)
        if state is RunState.FAILED and is_locked(root):  # a process started after the lock was checked
            state, reason = RunState.RUNNING, ""
        status = RunStatus(
            state,
            reason,
            self._networks.get(self._network),
            self._step,
            self._steps,
            tuple(self._networks.values()),
            tuple(network for name, network in self._networks.items() if NetworkFolder(root / name, name).scores.exists()),
            self._seconds_left,
            recorded_pid(root) if state.alive else None,
        )
        return status, events

    def _take(self, event: Event) -> None:
        self._last, values = event, event.values
        self._seconds_left = values.get("study_seconds_left", self._seconds_left)
        if "steps" in values:
            self._steps = int(values["steps"])
        if event.network and event.network != self._network:
            self._network, self._step = event.network, 0
        match event.event:
            case EventKind.STUDY_STARTED:
                self._networks = planned_networks([event])
            case EventKind.NETWORK_STARTED | EventKind.STEP | EventKind.VALIDATION:
                self._step = int(values.get("step", self._step))
            case EventKind.NETWORK_FINISHED | EventKind.EVALUATION:
                self._step = self._steps
            case EventKind.STUDY_FINISHED:
                self._network, self._step, self._seconds_left = "", 0, 0.0
            case _:
                pass

    def _state(self, held: bool) -> tuple[RunState, str]:
        last = self._last
        if held:
            waiting = last is not None and last.event is EventKind.WAITING
            return (RunState.WAITING, _waited_for(last)) if waiting and last else (RunState.RUNNING, "")
        if last is None:
            return RunState.NEW, ""
        if last.event is EventKind.STUDY_FINISHED:
            return RunState.FINISHED, ""
        if last.event is not EventKind.STOPPED:
            return RunState.FAILED, KILLED
        reason, intent = str(last.values.get("reason", "")), last.values.get("intent")
        if intent == StopMode.STOP.value:
            return RunState.STOPPED, reason
        return (RunState.PAUSED if intent or legacy.was_paused(reason) else RunState.FAILED), reason


def _waited_for(event: Event) -> str:
    names = ", ".join(Path(run).name for run in event.values.get("runs", []))
    return f"waiting for {names}"
