"""The batches of a training; everything random in them depends on seed, step, and slot alone."""

from __future__ import annotations

from collections.abc import Generator

from kdnet.training.distributed import DistributedContext
from kdnet.training.job import TrainingJob
from kdnet.training.patches import PatchSampler, Sample
from kdnet.training.workers import load_patches


def load_batches(job: TrainingJob, processes: DistributedContext, steps: range) -> Generator[list[Sample]]:
    """Yield this process's share of the batch of each of ``steps``; close the iterator to end its worker processes.

    Raises:
        SettingsError: when the processes cannot share a batch evenly.
    """
    recipe = job.recipe
    sampler = PatchSampler(
        job.training,
        job.labels,
        patch=recipe.patch,
        batch=recipe.batch,
        foreground=recipe.foreground_oversampling,
        augmentation=recipe.augmentation,
        seed=job.seed,
    )
    slots = processes.local_indices(recipe.batch)
    return load_patches(sampler, [[(step, slot) for slot in slots] for step in steps], recipe.workers)
