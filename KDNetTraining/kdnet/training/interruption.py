"""Stopping cleanly: a study that is asked to end saves its state first."""

from __future__ import annotations

from kdnet.runs.control import Interrupted
from kdnet.runs.stop_request import StopRequest
from kdnet.training.distributed import DistributedContext

__all__ = [
    "Interrupted",
    "StopRequest",
    "raise_if_stop_requested",
]


def raise_if_stop_requested(stop: StopRequest, processes: DistributedContext) -> None:
    """End here on a request to the first process; all processes call this equally often.

    Raises:
        Stopped: in all processes.
    """
    reason = processes.broadcast(stop.reason)
    if reason:
        raise Interrupted(reason)
