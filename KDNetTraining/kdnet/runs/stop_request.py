"""Requests to stop a study: signals, the panel's button and the terminal."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from kdnet.runs.control import pending_stop
from kdnet.schema.interruption import Interrupted, Stop, StopMode

POLL_SECONDS = 0.5

AGAIN_SECONDS = 2.0  # torchrun forwards a Ctrl-C that the terminal has already sent to all processes


class StopRequest:
    """A requested stop, by a signal or by ``control.json`` in the run folder.

    Args:
        root: the run folder; None to respond to signals only.
    """

    def __init__(self, root: Path | None = None) -> None:
        self.signal = ""
        self._root = root
        self._checked = -math.inf
        self._mode: StopMode | None = None

    def pending(self) -> Stop | None:
        """Return the current request, if any; the file is checked at most twice a second, to keep this cheap."""
        if self.signal:
            return Stop(StopMode.PAUSE, self.signal)
        now = time.monotonic()
        if self._mode is None and self._root is not None and now - self._checked >= POLL_SECONDS:
            self._checked = now
            self._mode = pending_stop(self._root)
        return None if self._mode is None else Stop(self._mode)

    def check(self) -> None:
        """Stop here on request; for work that other processes are waiting for.

        Raises:
            Interrupted: on request.
        """
        stop = self.pending()
        if stop is not None:
            raise Interrupted(stop)


@contextmanager
def stop_on_signals(root: Path | None = None) -> Iterator[StopRequest]:
    """Turn SIGINT and SIGTERM into a :class:`StopRequest`.

    A second Ctrl-C interrupts immediately. A second SIGTERM does not: job schedulers and torchrun both send one, and the
    state must still be saved.
    """
    request, first = StopRequest(root), math.inf

    def handle(number: int, _frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        if number == signal.SIGINT and now - first >= AGAIN_SECONDS:
            raise KeyboardInterrupt
        first = min(first, now)
        request.signal = request.signal or signal.Signals(number).name

    previous = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
