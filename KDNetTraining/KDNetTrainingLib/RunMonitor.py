"""Follow runs in a separate thread, because their folders may be on a slow disk and their events many."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kdnet.errors import KDNetError
from kdnet.runs.events import Event
from kdnet.runs.folder import RunFolder
from kdnet.runs.overview import RunOverview, read_overview
from kdnet.runs.status import RunStatus, StatusReader

PERIOD_SECONDS = 0.4
BITE_BYTES = 100_000  # read at once: Python runs one thread at a time, and Slicer's main thread must not wait for this one
PAUSE_SECONDS = 0.004  # between two reads
MANY_EVENTS = 100  # per read; a read with fewer has reached the end of the record
LOG_BYTES = 6000
LOG_LINES = 40
LOG = "log.txt"  # in the run folder, with the output of the process that the panel starts


@dataclass(frozen=True)
class RunSnapshot:
    """A snapshot of a run.

    Attributes:
        root: run folder.
        status: run status; None when it cannot be read.
        problem: why it cannot be read.
        more: whether only part of the record was read, so that the status is outdated.
        first: whether the events are the first ones, so that earlier curves are invalid.
        events: new events, of the chosen run only.
        log: last lines of the log, of the chosen run only; None when unchanged.
        overview: start, data and results.
    """

    root: Path
    status: RunStatus | None = None
    problem: str = ""
    more: bool = False
    first: bool = False
    events: Sequence[Event] = field(default_factory=tuple)
    log: str | None = None
    overview: RunOverview = field(default_factory=RunOverview)

    @property
    def reason(self) -> str:
        """Why the run is not in progress, what it waits for, or why it cannot be read; empty otherwise."""
        return self.status.reason if self.status is not None else self.problem


Report = tuple[RunStatus | None, str, str | None, RunOverview]
"""Status, problem, log and overview of a run as last reported."""


class RunMonitor:
    """Polls runs; :meth:`updates` returns the snapshots on the thread that calls it."""

    def __init__(self) -> None:
        self._snapshots: queue.Queue[RunSnapshot] = queue.Queue()
        self._wanted: tuple[tuple[Path, ...], Path | None] = ((), None)
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._overviews: dict[Path, tuple[tuple[float, ...], RunOverview]] = {}  # with the times of their files

    def follow(self, roots: Sequence[Path], chosen: Path | None) -> None:
        """Monitor these runs from now on and report all of them afresh, with events and log of the chosen one."""
        self._wanted = (tuple(roots), chosen)
        if self._thread is None:
            self._ended.clear()
            self._thread = threading.Thread(target=self._run, name="kdnet runs", daemon=True)
            self._thread.start()
        self._wake.set()

    def updates(self, seconds: float) -> list[RunSnapshot]:
        """Return new snapshots, collected for at most ``seconds``."""
        return list(self._pending(time.monotonic() + seconds))

    def each_update(self, seconds: float, handle: Callable[[RunSnapshot], None]) -> None:
        """Call ``handle`` with new snapshots for at most ``seconds``; the rest waits for the next call."""
        until = time.monotonic() + seconds
        for snapshot in self._pending(until):
            handle(snapshot)

    def stop(self) -> None:
        """Stop monitoring. :meth:`follow` starts again."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ended.set()
            self._wake.set()
            thread.join(timeout=2)
        with contextlib.suppress(queue.Empty):
            while True:
                self._snapshots.get_nowait()

    def _pending(self, until: float) -> Iterator[RunSnapshot]:
        while time.monotonic() < until:
            try:
                yield self._snapshots.get_nowait()
            except queue.Empty:
                return

    def _run(self) -> None:
        readers: dict[Path, StatusReader] = {}
        reported: dict[Path, Report] = {}
        followed: tuple[tuple[Path, ...], Path | None] | None = None
        while not self._ended.is_set():
            wanted = self._wanted
            roots, chosen = wanted
            anew = wanted is not followed
            if anew:
                reported.clear()
            more = False
            for root in roots:
                first = anew and root == chosen
                if first or root not in readers:
                    readers[root] = StatusReader(root)
                more |= self._report(root, readers, reported, chosen=root == chosen, first=first)
            followed = wanted
            self._wake.wait(PAUSE_SECONDS if more else PERIOD_SECONDS)
            self._wake.clear()

    def _report(
        self, root: Path, readers: dict[Path, StatusReader], reported: dict[Path, Report], *, chosen: bool, first: bool
    ) -> bool:
        """Report a snapshot of a run; return whether there is more to read."""
        status: RunStatus | None = None
        events: list[Event] = []
        problem = ""
        try:
            status, events = readers[root].refresh(BITE_BYTES)
        except KDNetError as error:
            problem = str(error)
            readers[root] = StatusReader(root)
        except (OSError, ValueError, KeyError, TypeError) as error:
            problem = f"{root} cannot be read ({error}): check the folder; reading is retried."
            readers[root] = StatusReader(root)
        more = len(events) >= MANY_EVENTS
        if more and not chosen:
            return True
        log = log_tail(root) if chosen and not more else None
        overview = self._overview(root)
        report = (status, problem, log, overview)
        if events or first or reported.get(root) != report:
            self._snapshots.put(RunSnapshot(root, status, problem, more, first, events if chosen else (), log, overview))
        reported[root] = report
        return more

    def _overview(self, root: Path) -> RunOverview:
        """Return the overview of a run, read again only when one of its files is another one."""
        folder = RunFolder(root)
        times = tuple(_changed(path) for path in (folder.study, folder.report / "results.json"))
        known = self._overviews.get(root)
        if known is None or known[0] != times or known[1].started is None:
            known = self._overviews[root] = (times, read_overview(root))
        return known[1]


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def log_tail(root: Path) -> str:
    """Return the last lines of a run's log; a progress bar that overwrites itself counts as its last line."""
    try:
        with (root / LOG).open("rb") as stream:
            end = stream.seek(0, 2)
            stream.seek(max(0, end - LOG_BYTES))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.rpartition("\r")[2].rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join([line for line in lines if line][-LOG_LINES:])
