"""Single- and multi-process training, as started by ``torchrun``, in the few operations it needs.

Plain torch.distributed: PyTorch is a dependency anyway, and only these calls are needed (docs/explanation/dependencies.md).
Gradients go through the default group, NCCL on GPUs; everything else goes through a gloo group on the CPU, which neither
synchronizes a GPU nor depends on which GPU is current.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
from torch import distributed

from kdnet.errors import KDNetError, RunFolderError, SettingsError
from kdnet.foreign import reason
from kdnet.messages import message_line
from kdnet.schema.interruption import Interrupted

T = TypeVar("T")

NOTICE_SECONDS = 5.0

MEETING = timedelta(minutes=10)  # for all processes to start; also the timeout for a gradient

WORK = timedelta(days=1)  # for the first process to inspect or prepare cases while the others wait


@dataclass(frozen=True, eq=False)
class DistributedContext:
    """This process's place among the processes that train together.

    Attributes:
        rank: 0 to count - 1; rank 0 makes decisions and writes files.
        count: number of processes.
        local_rank: index of this process on its machine, and of its GPU.
        group: process group for everything but gradients; None for one process.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    group: distributed.ProcessGroup | None = None

    @property
    def is_main(self) -> bool:
        """Whether this process makes decisions and writes events and files."""
        return self.rank == 0

    def local_indices(self, batch: int) -> range:
        """Return the slots of a global batch that this process computes.

        Raises:
            SettingsError: when the batch cannot be split evenly, which would bias the mean gradient.
        """
        if batch % self.count:
            raise SettingsError(
                f"a batch of {batch} cannot be shared by {self.count} processes: choose a multiple of {self.count}."
            )
        return range(self.rank, batch, self.count)

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes in rank order."""
        if self.count == 1:
            return [value]
        values: list[T | None] = [None] * self.count
        distributed.all_gather_object(values, value, group=self.group)
        return cast("list[T]", values)

    def broadcast(self, value: T) -> T:
        """Return the first process's value."""
        if self.count == 1:
            return value
        values: list[Any] = [value]
        distributed.broadcast_object_list(values, src=0, group=self.group)
        return cast(T, values[0])

    def total(self, values: Sequence[float]) -> list[float]:
        """Return the element-wise sum of ``values`` over all processes, in one small message."""
        if self.count == 1:
            return list(values)
        numbers = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(numbers, group=self.group)
        return cast("list[float]", numbers.tolist())

    def once(self, work: Callable[[], T]) -> T:
        """Run ``work`` in the first process on behalf of all.

        Raises:
            KDNetError, Interrupted: in all processes when the first one raises it.
        """
        if self.count == 1:
            return work()
        outcome = self._attempt(work, self.broadcast) if self.is_main else self.broadcast(cast(Any, None))
        return cast(T, _checked([outcome])[0])

    def together(self, work: Callable[[], T]) -> list[T]:
        """Run ``work`` in every process and return the results in rank order.

        Raises:
            KDNetError, Interrupted: in all processes when any of them raises it.
        """
        if self.count == 1:
            return [work()]
        return _checked(self._attempt(work, self.gather))

    def _attempt(self, work: Callable[[], T], share: Callable[[Any], Any]) -> Any:
        """Share the result of ``work``, or its failure, because the others would otherwise wait forever."""
        try:
            value = work()
        except BaseException as error:
            share(_Failure.of(error, self.rank))
            raise
        return share(value)


ALONE = DistributedContext()


@dataclass(frozen=True)
class _Failure:
    """Placeholder for a result that could not be obtained."""

    error: KDNetError | Interrupted

    @classmethod
    def of(cls, error: BaseException, rank: int) -> _Failure:
        if isinstance(error, KDNetError | Interrupted):
            return cls(error)
        return cls(RunFolderError(f"process {rank} has ended ({reason(error)}): see its messages, then resume the run."))


def _checked(outcomes: list[Any]) -> list[Any]:
    for outcome in outcomes:
        if isinstance(outcome, _Failure):
            raise outcome.error
    return outcomes


def announced_processes(environment: Mapping[str, str] = os.environ) -> int:
    """Return the number of processes given by the environment; 1 if no launcher has set it.

    Raises:
        SettingsError: for variables left over from another program or contradicting each other.
    """
    text = environment.get("WORLD_SIZE", "1")
    count = _number(text)
    if count is None or count < 1:
        raise SettingsError(f"WORLD_SIZE is {text!r}, not a number of processes: unset it, or start kdnet with torchrun.")
    if count == 1:
        return 1
    missing = [name for name in ("RANK", "MASTER_ADDR", "MASTER_PORT") if not environment.get(name)]
    if missing:
        raise SettingsError(
            f"WORLD_SIZE is {count}, but {' and '.join(missing)} is not set: start kdnet with torchrun, or unset "
            "WORLD_SIZE to train in one process."
        )
    for name, most in (("RANK", count - 1), ("LOCAL_RANK", count - 1), ("MASTER_PORT", 65535)):
        value = environment.get(name, "0")
        number = _number(value)
        if number is None or not 0 <= number <= most:
            raise SettingsError(
                f"{name} is {value!r}, not a number from 0 to {most} (WORLD_SIZE is {count}): start kdnet with torchrun, "
                "or unset WORLD_SIZE to train in one process."
            )
    return count


def check_device_name(name: str, count: int) -> None:
    """Check that not all processes would use one GPU.

    Raises:
        SettingsError: for a numbered device with several processes, or GPUs whose numbers are unknown.
    """
    if count == 1:
        return
    if name.startswith("cuda:"):
        raise SettingsError(
            f"--device {name} would put all {count} processes on one GPU: give --device cuda, so that each takes its own."
        )
    if name in ("auto", "cuda") and torch.cuda.is_available() and "LOCAL_RANK" not in os.environ:
        raise SettingsError("LOCAL_RANK is not set, which numbers the GPU of each process: start kdnet with torchrun.")


@contextmanager
def joined_processes(device: torch.device) -> Iterator[DistributedContext]:
    """Join the processes started by ``torchrun``, or run as the only one.

    Raises:
        SettingsError: when the environment is inconsistent or the other processes do not join.
    """
    count = announced_processes()
    if count == 1:
        yield DistributedContext()
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    _meet(device, count)
    try:
        group = distributed.new_group(backend="gloo", timeout=WORK)
        yield DistributedContext(distributed.get_rank(), count, int(os.environ.get("LOCAL_RANK", "0")), group)
    finally:
        distributed.destroy_process_group()


def _meet(device: torch.device, count: int) -> None:
    place = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    others = f"{count - 1} other process(es) at {place} (WORLD_SIZE is {count})"
    remedy = "Start them with torchrun, or unset WORLD_SIZE to train in one process."
    notice = threading.Timer(
        NOTICE_SECONDS, lambda: print(message_line(f"waiting for {others}. {remedy}"), file=sys.stderr)
    )
    notice.daemon = True
    notice.start()
    cuda = device.type == "cuda"
    try:
        distributed.init_process_group(
            "nccl" if cuda else "gloo",
            timeout=MEETING,
            **({"device_id": device} if cuda else {}),  # type: ignore[arg-type]
        )
    except (RuntimeError, ValueError) as error:
        raise SettingsError(f"{others} did not join ({reason(error)}). {remedy}") from error
    finally:
        notice.cancel()


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None
