"""What a run is doing, read from its folder by any process, whether or not the one that writes it lives."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kdnet.errors import RunFolderError
from kdnet.runs.control import StopMode
from kdnet.runs.events import Event, EventKind, read_events
from kdnet.runs.folder import RunFolder, read_study
from kdnet.runs.lock import is_locked
from kdnet.runs.process_record import recorded_pid

KILLED = "the process ended without a word (killed, or the machine went down): resume it to go on."


class RunState(StrEnum):
    """What can be said of a run."""

    NEW = "new"  # not begun
    WAITING = "waiting"  # for other runs to end
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FAILED = "broken"  # its process was killed, or ended by an error
    FINISHED = "finished"

    @property
    def alive(self) -> bool:
        """Whether a process is at work."""
        return self in (RunState.WAITING, RunState.RUNNING)


@dataclass(frozen=True)
class RunStatus:
    """How a run is doing.

    Attributes:
        state: see :class:`RunState`.
        reason: why it is not going on, or what it waits for; empty otherwise.
        network: that is being trained or tested, empty before the first and after the last.
        step: of that network, or that it had reached.
        steps: of each network, 0 while not settled.
        networks: planned, in order; empty while the data is being looked at for the first time.
        done: those that are trained and tested.
        seconds_left: of the whole study, as told last; None while not known.
        pid: of the process, None when none is alive on this machine.
    """

    state: RunState
    reason: str = ""
    network: str = ""
    step: int = 0
    steps: int = 0
    networks: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    seconds_left: float | None = None
    pid: int | None = None


def read_status(root: Path) -> RunStatus:
    """How the run in ``root`` is doing.

    Raises:
        RunFolderError: when there is no run, or one of a newer version.
    """
    return StatusReader(root).refresh()[0]


class StatusReader:
    """Follows a run; each look reads only what was written since the one before.

    Args:
        root: the run folder.
    """

    def __init__(self, root: Path) -> None:
        self._folder = RunFolder(root)
        self._offset = 0
        self._last: Event | None = None
        self._network, self._step, self._steps = "", 0, 0
        self._networks: tuple[str, ...] = ()
        self._seconds_left: float | None = None

    def refresh(self, most_bytes: int = -1) -> tuple[RunStatus, list[Event]]:
        """How the run is doing, and the events since the last call (all of them at first).

        Args:
            most_bytes: to read at once; the status is then that after these events. Call again until no events come.

        Raises:
            RunFolderError: when there is no run, or one of a newer version.
        """
        root = self._folder.root
        # the lock is asked first: a process that ends in between has then written why
        held = is_locked(root)
        try:
            read_study(root)
        except RunFolderError:
            if held and not self._folder.study.exists():  # it has the folder, but has not begun
                return RunStatus(RunState.NEW, pid=recorded_pid(root)), []
            raise
        events, self._offset = read_events(self._folder.events, self._offset, most_bytes)
        for event in events:
            self._take(event)
        state, reason = self._state(held)
        if state is RunState.FAILED and is_locked(root):  # a process began after the lock was asked
            state, reason = RunState.RUNNING, ""
        status = RunStatus(
            state,
            reason,
            self._network,
            self._step,
            self._steps,
            self._networks,
            tuple(name for name in self._networks if (root / name / "scores.json").exists()),
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
                self._networks = tuple(values.get("networks", ()))
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
        return (RunState.PAUSED if intent or reason.startswith("stopped by SIG") else RunState.FAILED), reason


def _waited_for(event: Event) -> str:
    names = ", ".join(Path(run).name for run in event.values.get("runs", []))
    return f"waits for {names}"
