"""Stopping cleanly: a study that is asked to end saves its state first."""

from __future__ import annotations

from kdnet.runs.control import Stopped
from kdnet.runs.stop_request import StopRequest
from kdnet.training.distributed import Processes

__all__ = [
    "StopRequest",
    "Stopped",
    "stop_here",
]


def stop_here(stop: StopRequest, processes: Processes) -> None:
    """End here on a request to the first process; all processes call this equally often.

    Raises:
        Stopped: in all processes.
    """
    reason = processes.from_first(stop.reason)
    if reason:
        raise Stopped(reason)
