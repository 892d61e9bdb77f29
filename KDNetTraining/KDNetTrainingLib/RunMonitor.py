"""Following runs in a thread of its own, because their folders may lie on a slow disk and their events be many."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdnet.errors import KDNetError
from kdnet.runs.status import RunStatus, StatusReader

PERIOD_SECONDS = 0.4
BITE_BYTES = 100_000  # read at once: Python runs one thread at a time, and Slicer's own must not wait for this one
PAUSE_SECONDS = 0.004  # between two bites
MANY_EVENTS = 100  # in a bite; a bite with fewer has reached the end of the record
LOG_BYTES = 6000
LOG_LINES = 40
LOG = "log.txt"  # in the run folder, where the process that the panel starts writes what it says


@dataclass(frozen=True)
class RunSnapshot:
    """What a look at a run found.

    Attributes:
        root: the run folder.
        status: how it is doing; None when it cannot be read.
        problem: why it cannot be read.
        more: whether only a part of the record was read, so that the status is one of the past.
        first: whether the events are the first ones, so that earlier curves are void.
        events: new ones, of the chosen run only.
        log: its last lines, of the chosen run only; None when they have not changed.
    """

    root: Path
    status: RunStatus | None = None
    problem: str = ""
    more: bool = False
    first: bool = False
    events: Sequence[Any] = field(default_factory=tuple)
    log: str | None = None


class RunMonitor:
    """Looks at runs now and then; :meth:`take` hands out what was found, on the thread that calls it."""

    def __init__(self) -> None:
        self._looks: queue.Queue[RunSnapshot] = queue.Queue()
        self._wanted: tuple[tuple[Path, ...], Path | None] = ((), None)
        self._wake = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def follow(self, roots: Sequence[Path], chosen: Path | None) -> None:
        """Look at these runs from now on and tell all of them anew; events and log of the chosen one are wanted too."""
        self._wanted = (tuple(roots), chosen)
        if self._thread is None:
            self._ended.clear()
            self._thread = threading.Thread(target=self._run, name="kdnet runs", daemon=True)
            self._thread.start()
        self._wake.set()

    def take(self, seconds: float) -> list[RunSnapshot]:
        """What was found meanwhile, as long as handing it out takes no longer than so many seconds."""
        return list(self._taken(time.monotonic() + seconds))

    def each(self, seconds: float, handle: Callable[[RunSnapshot], None]) -> None:
        """Call ``handle`` with what was found, for so many seconds at most; the rest waits for the next call."""
        until = time.monotonic() + seconds
        for look in self._taken(until):
            handle(look)

    def stop(self) -> None:
        """Look no more. :meth:`follow` begins again."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._ended.set()
            self._wake.set()
            thread.join(timeout=2)
        with contextlib.suppress(queue.Empty):
            while True:
                self._looks.get_nowait()

    def _taken(self, until: float) -> Any:
        while time.monotonic() < until:
            try:
                yield self._looks.get_nowait()
            except queue.Empty:
                return

    def _run(self) -> None:
        readers: dict[Path, StatusReader] = {}
        seen: dict[Path, Any] = {}
        told: Any = None
        while not self._ended.is_set():
            wanted = self._wanted
            roots, chosen = wanted
            anew = wanted is not told
            if anew:
                seen.clear()
            more = False
            for root in roots:
                first = anew and root == chosen
                if first or root not in readers:
                    readers[root] = StatusReader(root)
                more |= self._look(root, readers, seen, chosen=root == chosen, first=first)
            told = wanted
            self._wake.wait(PAUSE_SECONDS if more else PERIOD_SECONDS)
            self._wake.clear()

    def _look(
        self, root: Path, readers: dict[Path, StatusReader], seen: dict[Path, Any], *, chosen: bool, first: bool
    ) -> bool:
        """Tell what a look finds; return whether there is more to read."""
        status, events, problem = None, [], ""
        try:
            status, events = readers[root].refresh(BITE_BYTES)
        except KDNetError as error:
            problem = str(error)
            readers[root] = StatusReader(root)
        except (OSError, ValueError, KeyError, TypeError) as error:
            problem = f"{root} cannot be read ({error}): it is looked at again and again."
            readers[root] = StatusReader(root)
        more = len(events) >= MANY_EVENTS
        if more and not chosen:
            return True
        log = log_tail(root) if chosen and not more else None
        told = (status, problem, log)
        if events or first or seen.get(root) != told:
            self._looks.put(RunSnapshot(root, status, problem, more, first, events if chosen else (), log))
        seen[root] = told
        return more


def log_tail(root: Path) -> str:
    """The last lines of a run's log; a progress bar that overwrites itself counts as the line that it shows last."""
    try:
        with (root / LOG).open("rb") as stream:
            end = stream.seek(0, 2)
            stream.seek(max(0, end - LOG_BYTES))
            text = stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
    lines = [line.rpartition("\r")[2].rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    return "\n".join([line for line in lines if line][-LOG_LINES:])
