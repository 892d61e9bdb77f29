"""One process or several: what ``torchrun`` starts, told in the few words that the trainer needs.

Plain torch.distributed: PyTorch is there anyway, and no more than the calls below is needed (docs/dependencies.md).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed

from kdnet.errors import SettingsError

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The place of this process among those that train together.

    Attributes:
        rank: 0 to count - 1; rank 0 writes files.
        count: number of processes.
        local_rank: number of this process on its machine, and of the GPU that it uses.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def first(self) -> bool:
        """Whether this process writes events and files."""
        return self.rank == 0

    def share(self, batch: int) -> range:
        """The slots of a global batch that this process computes.

        Raises:
            SettingsError: when the batch cannot be shared equally, which would bias the mean gradient.
        """
        if batch % self.count:
            raise SettingsError(
                f"a batch of {batch} cannot be shared by {self.count} processes: choose a multiple of {self.count}."
            )
        return range(self.rank, batch, self.count)

    def gather(self, value: T) -> list[T]:
        """The values of all processes in rank order."""
        if self.count == 1:
            return [value]
        values: list[T | None] = [None] * self.count
        distributed.all_gather_object(values, value)
        return [item for item in values if item is not None]

    def from_first(self, value: T) -> T:
        """The value that the first process has."""
        return self.gather(value)[0]


@contextmanager
def joined_processes(device: torch.device) -> Iterator[Processes]:
    """Join the processes that ``torchrun`` started, or be the only one."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=timedelta(hours=2))
    try:
        yield Processes(distributed.get_rank(), count, int(os.environ.get("LOCAL_RANK", "0")))
    finally:
        distributed.destroy_process_group()
