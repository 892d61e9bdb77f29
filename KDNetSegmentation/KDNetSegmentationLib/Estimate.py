"""How long a segmentation will take, from how long the same work took before, or from the passes that are done."""

from __future__ import annotations

import time
from collections.abc import Hashable


class Estimate:
    """Remembers durations in seconds by what was done; knows nothing the first time.

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
        """The work called ``key`` begins."""
        self._key, self._started, self._passes = key, time.monotonic(), None

    def passed(self, done: int, total: int) -> None:
        """So many equal passes of a total are done."""
        self._passes = (time.monotonic(), done, total)

    def end(self) -> None:
        """It went well."""
        self._seconds[self._key] = max(time.monotonic() - self._started, 1e-3)

    def fraction(self) -> float | None:
        """How much is done, 0 to 0.99, None when that is not known."""
        expected = self._expected()
        return None if expected is None else min((time.monotonic() - self._started) / expected, 0.99)

    def remaining(self) -> float | None:
        """Seconds left, None when that is not known."""
        expected = self._expected()
        return None if expected is None else max(expected - (time.monotonic() - self._started), 0.0)

    def _expected(self) -> float | None:
        """Seconds in all: as long as before; else as the passes so far suggest, if there are several."""
        if self._key in self._seconds:
            return self._seconds[self._key]
        if self._passes is None or self._passes[2] < 2:
            return None
        last, done, total = self._passes
        return max((last - self._started) * total / done, 1e-3)
