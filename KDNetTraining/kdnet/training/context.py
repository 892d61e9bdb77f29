"""Where a study computes, together with whom, and whether it should stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from kdnet.schema.interruption import Interrupted, Stop
from kdnet.training.distributed import ALONE, DistributedContext


def _never() -> Stop | None:
    return None


@dataclass(frozen=True, eq=False)
class ComputeContext:
    """What training, validation, and scoring have in common.

    Attributes:
        device: compute device.
        processes: the processes that train together.
        pending_stop: returns the current request to stop, if any; cheap, so that it can be called at every step.
    """

    device: torch.device
    processes: DistributedContext = ALONE
    pending_stop: Callable[[], Stop | None] = _never

    def check(self) -> None:
        """Stop here on request if this process makes decisions; for work whose failure is shared with the others.

        Raises:
            Interrupted: on request.
        """
        stop = self.pending_stop() if self.processes.is_main else None
        if stop is not None:
            raise Interrupted(stop)
