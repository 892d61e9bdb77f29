"""nnU-Net's own preprocessing and trainer for the set of ``made_sets.py``; run with an interpreter that has ``nnunetv2``.

python nnunet_training.py preprocess RAW WORK SPACING PROCESSES
python nnunet_training.py train RAW WORK STEPS
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from measuring import tree_cpu
from nnunet_side import plans_of

FILTERS = (12, 24, 48, 96)  # of preset dynunet-12
PATCH = (72, 88, 72)  # of recipe steady
BATCH = 2  # the smallest that nnU-Net trains with
RESTING = 0.1  # CPU seconds in a second of waiting
WARM_UP = 4  # steps before the clock starts


def prepare(raw: Path, work: Path, spacing: float, processes: int) -> dict[str, float]:
    """Preprocess the set at ``raw`` with nnU-Net's preprocessor into ``work``."""
    _use(raw, work)
    from nnunetv2.preprocessing.preprocessors.default_preprocessor import DefaultPreprocessor

    target = work / "preprocessed" / raw.name
    target.mkdir(parents=True, exist_ok=True)
    channels = len(json.loads((raw / "dataset.json").read_text())["channel_names"])
    (target / "bench.json").write_text(json.dumps(plans_of((spacing,) * 3, FILTERS, PATCH, BATCH, channels)))
    shutil.copyfile(raw / "dataset.json", target / "dataset.json")
    started = time.perf_counter()
    DefaultPreprocessor(verbose=False).run(raw.name, "3d_fullres", "bench", processes)
    return {"seconds": time.perf_counter() - started}


def train(raw: Path, work: Path, steps: int) -> dict[str, float]:
    """Do ``steps`` steps with nnU-Net's trainer, data loaders and augmentation, after some to warm up."""
    _use(raw, work)
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    target = work / "preprocessed" / raw.name
    plans = {**json.loads((target / "bench.json").read_text()), "continue_training": False}
    trainer = nnUNetTrainer(plans, "3d_fullres", 0, json.loads((target / "dataset.json").read_text()), torch.device("cpu"))
    trainer.initialize()
    batches, validation = trainer.get_dataloaders()
    trainer.network.train()
    try:
        return timed(lambda: trainer.train_step(next(batches)), steps, settle)
    finally:
        for loader in (batches, validation):
            loader._finish()


def settle() -> None:
    """Wait until the processes that prepare patches ahead rest, so that each step of the clock costs one batch of theirs."""
    before = -1.0
    while (now := tree_cpu(os.getpid())) > before + RESTING:
        before = now
        time.sleep(1.0)


def timed(step: Callable[[], Any], steps: int, begin: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Time ``steps`` calls after some to warm up; the CPU time counts processes that prepare patches too.

    Args:
        step: does one step.
        steps: number of steps to time.
        begin: called when the clock starts.
    """
    for _ in range(WARM_UP):
        step()
    begin()
    started, worked = time.perf_counter(), tree_cpu(os.getpid())
    for _ in range(steps):
        step()
    return {"seconds": time.perf_counter() - started, "cpu": tree_cpu(os.getpid()) - worked, "steps": float(steps)}


def _use(raw: Path, work: Path) -> None:
    """Tell nnU-Net its folders, which it reads from the environment."""
    folders = {"raw": raw.parent, "preprocessed": work / "preprocessed", "results": work / "results"}
    os.environ.update({f"nnUNet_{name}": str(folder) for name, folder in folders.items()})


def main(arguments: Sequence[str]) -> None:
    task, raw, work = arguments[0], Path(arguments[1]).absolute(), Path(arguments[2]).absolute()
    if task == "preprocess":
        answer = prepare(raw, work, float(arguments[3]), int(arguments[4]))
    else:
        answer = train(raw, work, int(arguments[3]))
    print(json.dumps(answer))


if __name__ == "__main__":
    main(sys.argv[1:])
