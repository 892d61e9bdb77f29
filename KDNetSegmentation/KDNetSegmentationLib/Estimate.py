"""Estimated duration of a segmentation, from earlier durations of the same work or from finished passes."""

from __future__ import annotations

import time
from collections.abc import Hashable


class Estimate:
    """Remembers durations in seconds by kind of work; has no estimate the first time.

    Example:
        >>> estimate = Estimate()
        >>> estimate.begin("a")
        >>> estimate.remaining() is None
        True
        >>> estimate.end()
        >>> estimate.begin("a")
        >>> estimate.fraction() is not None
        True
    """

    def __init__(self) -> None:
        self._seconds: dict[Hashable, float] = {}
        self._key: Hashable = None
        self._started = 0.0
        self._passes: tuple[float, int, int] | None = None

    def begin(self, key: Hashable) -> None:
        """Start timing the work named ``key``."""
        self._key, self._started, self._passes = key, time.monotonic(), None

    def passed(self, done: int, total: int) -> None:
        """Record that ``done`` of ``total`` equal passes are finished."""
        self._passes = (time.monotonic(), done, total)

    def end(self) -> None:
        """Record the duration after successful work."""
        self._seconds[self._key] = max(time.monotonic() - self._started, 1e-3)

    def fraction(self) -> float | None:
        """Return the finished fraction, 0 to 0.99, or None if unknown."""
        expected = self._expected()
        return None if expected is None else min((time.monotonic() - self._started) / expected, 0.99)

    def remaining(self) -> float | None:
        """Return the seconds left, or None if unknown."""
        expected = self._expected()
        return None if expected is None else max(expected - (time.monotonic() - self._started), 0.0)

    def _expected(self) -> float | None:
        """Return the total seconds: those of the last time, else extrapolated from the passes so far, if several."""
        if self._key in self._seconds:
            return self._seconds[self._key]
        if self._passes is None or self._passes[2] < 2:
            return None
        last, done, total = self._passes
        return max((last - self._started) * total / done, 1e-3)
