"""Steps of kdnet's training on the set of ``made_sets.py``, alone or under ``torchrun``.

    python kdnet_training.py TASK RAW WORK STEPS [NAME=VALUE ...]

Tasks: ``train`` (together, if there are several processes), ``apart`` (each process for itself, at the same time), ``profile``
(what a step's time goes to). ``NAME=VALUE`` changes the recipe.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from unittest.mock import patch

import torch
from kdnet.data.formats.detect import read_dataset
from kdnet.data.preprocessing.case_cache import CaseCache
from kdnet.schema.network_id import Role
from kdnet.schema.preprocessing import Preprocessing
from kdnet.schema.recipe_files import read_recipe
from kdnet.training import learner as learning
from kdnet.training import patches
from kdnet.training.batches import load_batches
from kdnet.training.context import ComputeContext
from kdnet.training.distributed import ALONE, DistributedContext, joined_processes
from kdnet.training.job import TrainingJob
from kdnet.training.learner import Learner
from kdnet.training.optimization import PlateauState
from nnunet_training import WARM_UP, timed

CPU = torch.device("cpu")
EQUAL = ("batch=2", "optimizer=sgd", "learning_rate=0.01", "weight_decay=3e-5")  # as nnU-Net trains
STAGES = {
    "image from the cache, deformed": (patches.PatchSampler, "_patch"),
    "flips and intensities": (patches, "augment"),
    "collation": (learning, "collate"),
    "forward pass and losses": (learning.DistillationModule, "__call__"),
    "backward pass": (torch.autograd, "backward"),
    "norm of the gradient": (torch.nn.utils, "clip_grad_norm_"),
    "moving average": (learning, "update_average"),
}


def job_for(raw: Path, work: Path, overrides: Sequence[str]) -> TrainingJob:
    """Return the training of a baseline with recipe ``steady``, and prepare its cases."""
    recipe = read_recipe("steady", [*EQUAL, *overrides])
    dataset = read_dataset(raw)
    cache = CaseCache(work / "cache", Preprocessing(spacing=recipe.spacing), dataset.labels)
    cases = [cache.get(case) for case in dataset.cases]
    return TrainingJob("bench", Role.BASELINE, recipe, dataset.labels, (0,), cases, cases[:1], seed=0)


def train(
    job: TrainingJob,
    steps: int,
    processes: DistributedContext,
    meeting: DistributedContext,
    begin: Callable[[], None] = lambda: None,
) -> dict[str, float]:
    """Time ``steps`` steps of :class:`Learner` with its batches; all of ``meeting`` begin at the same time."""
    context = ComputeContext(CPU, processes)
    learner = Learner(job, CPU)
    learner.join(processes)
    numbers = itertools.count()
    with closing(load_batches(job, processes, range(steps + WARM_UP))) as batches:

        def step() -> None:
            learner.train_step(next(batches), next(numbers), PlateauState(), context)

        meeting.gather(None)
        return timed(step, steps, begin)


def profile(job: TrainingJob, steps: int) -> dict[str, float]:
    """Return the CPU milliseconds per step of each stage, and of the whole."""
    spent = dict.fromkeys([*STAGES, "optimizer"], 0.0)

    def begin() -> None:
        spent.update(dict.fromkeys(spent, 0.0))

    with timing(spent), patch.object(torch.optim.SGD, "step", _timed(torch.optim.SGD.step, "optimizer", spent)):
        figures = train(job, steps, ALONE, ALONE, begin)
    return {name: 1000 * seconds / steps for name, seconds in {**spent, "all": figures["cpu"]}.items()}


@contextmanager
def timing(spent: dict[str, float]) -> Iterator[None]:
    """Add up the CPU seconds of each stage in ``spent``."""
    originals = {name: getattr(owner, attribute) for name, (owner, attribute) in STAGES.items()}
    for name, (owner, attribute) in STAGES.items():
        setattr(owner, attribute, _timed(originals[name], name, spent))
    try:
        yield
    finally:
        for name, (owner, attribute) in STAGES.items():
            setattr(owner, attribute, originals[name])


def _timed(function, name, spent):  # type: ignore[no-untyped-def]
    def measured(*arguments, **named):  # type: ignore[no-untyped-def]
        started = time.process_time()
        try:
            return function(*arguments, **named)
        finally:
            spent[name] += time.process_time() - started

    return measured


def main(task: str, raw: Path, work: Path, steps: int, overrides: Sequence[str]) -> None:
    with joined_processes(CPU) as processes:
        job = job_for(raw, work, overrides)
        if task == "profile":
            answer = profile(job, steps)
        else:
            answer = train(job, steps, ALONE if task == "apart" else processes, processes)
        slowest = max(processes.gather(answer), key=lambda figures: figures.get("seconds", 0.0))
    if processes.is_main:
        print(json.dumps({**slowest, "pid": os.getpid()}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
