"""Stopping a study on request: what is asked for, and the exception that carries it out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class StopMode(StrEnum):
    """What the requester intends to do afterward; the process does the same for both."""

    PAUSE = "pause"  # to be continued later
    STOP = "stop"  # not to be continued; resuming is still possible

    @property
    def done(self) -> str:
        """``"paused"`` or ``"stopped"``."""
        return "paused" if self is StopMode.PAUSE else "stopped"


@dataclass(frozen=True)
class Stop:
    """A request to stop.

    Attributes:
        mode: intent of the request.
        signal: name of the signal that made it, such as ``"SIGINT"``; empty if the panel or the terminal did.

    Example:
        >>> str(Stop(StopMode.PAUSE, "SIGINT"))
        'paused by SIGINT'
    """

    mode: StopMode
    signal: str = ""

    def __str__(self) -> str:
        return f"{self.mode.done} by {self.signal}" if self.signal else self.mode.done


class Interrupted(Exception):  # noqa: N818 - not an error: the run can be resumed
    """Raised when a study ends on request, after saving its state.

    Attributes:
        stop: the request.
    """

    def __init__(self, stop: Stop) -> None:
        super().__init__(stop)
        self.stop = stop
