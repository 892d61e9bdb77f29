"""Calling something now and then while Qt's event loop runs."""

from __future__ import annotations

from collections.abc import Callable

POLL_MILLISECONDS = 30


class PollTimer:
    """Calls something now and then while Qt's event loop runs; nothing ticks where there is no Qt.

    Args:
        callback: what to call.
        milliseconds: between two calls.
    """

    def __init__(self, callback: Callable[[], None], milliseconds: int = POLL_MILLISECONDS) -> None:
        try:
            import qt  # noqa: PLC0415
        except ImportError:  # PythonSlicer: only the blocking calls are of use there
            self._timer = None
            return
        self._timer = qt.QTimer()
        self._timer.setInterval(milliseconds)
        self._timer.timeout.connect(callback)

    def start(self) -> None:
        """Tick from now on."""
        if self._timer is not None:
            self._timer.start()

    def stop(self) -> None:
        """Tick no more."""
        if self._timer is not None:
            self._timer.stop()
