"""Clean interruption: a study that is asked to stop saves its state first."""

from __future__ import annotations

from kdnet.schema.interruption import Interrupted
from kdnet.training.context import ComputeContext


def raise_if_stop_requested(context: ComputeContext) -> None:
    """Stop here if the first process has a stop request; all processes must call this equally often.

    Raises:
        Interrupted: in all processes.
    """
    stop = context.processes.broadcast(context.pending_stop())
    if stop is not None:
        raise Interrupted(stop)
