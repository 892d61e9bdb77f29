"""Clean interruption: a study that is asked to stop saves its state first."""

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
    """Stop here if the first process has a stop request; all processes must call this equally often.

    Raises:
        Interrupted: in all processes.
    """
    reason = processes.broadcast(stop.reason)
    if reason:
        raise Interrupted(reason)
