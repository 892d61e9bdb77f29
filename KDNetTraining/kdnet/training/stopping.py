"""Stopping cleanly: who asks a study to end lets it save its state first, instead of breaking it off."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from kdnet.training.control import Intent, requested
from kdnet.training.processes import Processes

POLL_SECONDS = 0.5


class StopRequest:
    """Whether somebody asked to stop: by a signal, or by ``control.json`` in the run folder.

    Args:
        root: the run folder; None to listen to signals alone.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.signal = ""
        self._root = root
        self._looked = -math.inf
        self._asked: Intent | None = None

    def __bool__(self) -> bool:
        return self.intent is not None

    @property
    def intent(self) -> Intent | None:
        """What is asked for; the file is looked for twice a second at most, so that asking costs nothing."""
        if self.signal:
            return Intent.PAUSE
        now = time.monotonic()
        if self._asked is None and self._root is not None and now - self._looked >= POLL_SECONDS:
            self._looked = now
            self._asked = requested(self._root)
        return self._asked

    @property
    def reason(self) -> str:
        """``"paused"``, ``"stopped"``, ``"paused by SIGINT"``; empty while nobody asked."""
        intent = self.intent
        if intent is None:
            return ""
        return f"{intent.done} by {self.signal}" if self.signal else intent.done


class Stopped(Exception):  # noqa: N818 - not an error: the run can be resumed
    """A study ended on request after it had saved its state.

    Attributes:
        intent: of who asked.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.intent = Intent.STOP if reason.startswith(Intent.STOP.done) else Intent.PAUSE


def stop_here(stop: StopRequest, processes: Processes) -> None:
    """End here when the first process was asked to; all processes call this equally often.

    Raises:
        Stopped: in all processes.
    """
    reason = processes.from_first(stop.reason)
    if reason:
        raise Stopped(reason)


@contextmanager
def stop_on_signals(root: Path | None = None) -> Iterator[StopRequest]:
    """Turn SIGINT and SIGTERM into a :class:`StopRequest`; a second signal interrupts at once."""
    request = StopRequest(root)

    def handle(number: int, _frame: FrameType | None) -> None:
        if request.signal:
            raise KeyboardInterrupt
        request.signal = signal.Signals(number).name

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
