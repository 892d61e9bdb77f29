"""Periodic callbacks while Qt's event loop runs."""

from __future__ import annotations

from collections.abc import Callable

POLL_MILLISECONDS = 30


class PollTimer:
    """Calls a function periodically while Qt's event loop runs; does nothing without Qt.

    Args:
        callback: function to call.
        milliseconds: interval between calls.
    """

    def __init__(self, callback: Callable[[], None], milliseconds: int = POLL_MILLISECONDS) -> None:
        try:
            import qt  # noqa: PLC0415
        except ImportError:  # PythonSlicer: only the blocking calls are usable there
            self._timer = None
            return
        self._timer = qt.QTimer()
        self._timer.setInterval(milliseconds)
        self._timer.timeout.connect(callback)

    def start(self) -> None:
        """Start the timer."""
        if self._timer is not None:
            self._timer.start()

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.stop()
