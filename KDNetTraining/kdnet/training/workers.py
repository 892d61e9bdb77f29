"""Worker processes that prepare patches during training."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Generator, Sequence
from typing import Any

from torch.utils.data import DataLoader

from kdnet.errors import SettingsError
from kdnet.training.patches import PatchSampler, Sample, StepDataset

END_SECONDS = 60  # for the training to save its state after SIGTERM
SOCKET_NAME = len("/pymp-12345678/listener-12345678")  # what Python adds to the temporary folder
LONGEST_SOCKET = 103 if sys.platform == "darwin" else 107


def load_patches(sampler: PatchSampler, keys: Sequence[list[tuple[int, int]]], workers: int) -> Generator[list[Sample]]:
    """Yield the samples of each batch of ``(step, slot)`` pairs in ``keys``, prepared by ``workers`` processes.

    Close the iterator to end the processes.
    """
    loader: DataLoader[Any] = DataLoader(
        StepDataset(sampler),
        batch_sampler=keys,
        num_workers=workers,
        collate_fn=list,
        worker_init_fn=begin_worker if workers else None,
        pin_memory=False,
    )
    yield from loader


def begin_worker(_index: int) -> None:
    """Make a worker survive signals sent to all processes of a training.

    Job schedulers, containers, and terminals signal the whole group, but the training still needs its workers to finish
    the current step and save its state. A worker ends with its loader; after SIGTERM it eventually ends by itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform != "win32":
        signal.signal(signal.SIGTERM, lambda *_: signal.alarm(END_SECONDS))


def check_sockets(workers: int) -> None:
    """Check that the temporary folder's path is short enough for worker sockets.

    Raises:
        SettingsError: when it is too long; names the folder.
    """
    folder = tempfile.gettempdir()
    if workers and sys.platform != "win32" and len(os.fsencode(folder)) + SOCKET_NAME > LONGEST_SOCKET:
        raise SettingsError(
            f"the temporary folder {folder} has too long a name for worker processes: set TMPDIR to a shorter one such as "
            "/tmp, or workers to 0."
        )
