"""Time spent on a training."""

from __future__ import annotations

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class ElapsedTime:
    """Time spent on a training in seconds, excluding interruptions."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @classmethod
    def now(cls) -> ElapsedTime:
        """Read the clocks of this process."""
        return cls(time.monotonic(), time.process_time())

    def since(self, start: ElapsedTime) -> ElapsedTime:
        """Return the time from ``start`` to this."""
        return ElapsedTime(self.seconds - start.seconds, self.cpu_seconds - start.cpu_seconds)

    def plus(self, other: ElapsedTime) -> ElapsedTime:
        """Return the sum of both."""
        return ElapsedTime(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)


class Stopwatch:
    """Measures the time spent on a training over all its sessions; it starts when it is created."""

    def __init__(self) -> None:
        self._before, self._started = ElapsedTime(), ElapsedTime.now()

    def add(self, before: ElapsedTime) -> None:
        """Count the time of earlier sessions too."""
        self._before = before

    @property
    def elapsed(self) -> ElapsedTime:
        """The time so far."""
        return ElapsedTime.now().since(self._started).plus(self._before)
