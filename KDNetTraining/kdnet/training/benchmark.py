"""Timing a few training steps on this machine."""

from __future__ import annotations

import time
from contextlib import closing

import torch

from kdnet.training.batches import load_batches
from kdnet.training.distributed import DistributedContext
from kdnet.training.job import TrainingJob
from kdnet.training.learner import Learner
from kdnet.training.optimization import PlateauState

STEPS = 3


def seconds_per_step(learner: Learner, job: TrainingJob, processes: DistributedContext) -> float:
    """Measure the seconds per step of this process's share of a batch, without communication.

    The first step warms up and does not count. The weights of ``learner`` are not usable afterward.
    """
    times = []
    with closing(load_batches(job, processes, range(STEPS + 1))) as batches:
        for step, samples in enumerate(batches):
            started = time.monotonic()
            learner.backward(samples, step, PlateauState())
            learner.optimizer.step()
            _synchronize(learner.device)
            times.append(time.monotonic() - started)
    return sum(times[1:]) / STEPS


def _synchronize(device: torch.device) -> None:
    """Wait until the device has finished its queued work, so that timings are correct."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
