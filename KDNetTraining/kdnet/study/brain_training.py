"""Training the brain student: one small network for whole heads of any MR sequence, trained on another program's masks."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from kdnet.device import computes_bfloat16
from kdnet.errors import DataError
from kdnet.losses.dice import SoftDiceLoss
from kdnet.networks.base import SegmentationNetwork
from kdnet.networks.factory import build_network
from kdnet.schema.labels import Code, Label, LabelMode, LabelTable, Region, Terminology
from kdnet.schema.networks import preset
from kdnet.schema.preprocessing import Intensities, Preprocessing
from kdnet.study.brain_cases import PreparedHead
from kdnet.study.brain_changes import HeadChanges, changed_head
from kdnet.training.checkpoint import Checkpoint, optimizer_tensors, read_checkpoint, restore_optimizer, write_checkpoint


@dataclass(frozen=True)
class BrainRecipe:
    """How the brain student is trained.

    Attributes:
        network: preset.
        steps: number of training samples, one per step.
        learning_rate: maximum, reached after ``lr_warmup_steps`` steps, then half-cosine decay to 0.
        lr_warmup_steps: see ``learning_rate``.
        ema_decay: decay of the moving average of the weights, which becomes the model.
        patch: sample size in voxels.
        seed: for weights and samples.
        preprocessing: of the model.
        changes: augmentation of the samples.
    """

    network: str = "dynunet-8"
    steps: int = 2500
    learning_rate: float = 3e-3
    lr_warmup_steps: int = 50
    ema_decay: float = 0.995
    patch: tuple[int, int, int] = (48, 64, 48)
    seed: int = 0
    preprocessing: Preprocessing = field(
        default_factory=lambda: Preprocessing((4.0, 4.0, 4.0), margin=12.0, intensities=Intensities.RANGE)
    )
    changes: HeadChanges = field(default_factory=HeadChanges)

    def rate(self, step: int) -> float:
        """Return the learning rate of ``step``."""
        rise = min(1.0, (step + 1) / (self.lr_warmup_steps + 1))
        return self.learning_rate * rise * 0.5 * (1 + math.cos(math.pi * step / self.steps))


def brain_labels() -> LabelTable:
    """Return the label table with one label, Brain, and its SNOMED CT code."""
    structure = Code("SCT", "123037004", "Anatomical Structure")
    brain = Label(1, "Brain", (250, 250, 225), Terminology(structure, Code("SCT", "12738006", "Brain")))
    return LabelTable(LabelMode.REGIONS, (brain,), (Region("Brain", (1,)),))


class BrainTrainer:
    """Trains step by step; everything random depends on seed and step alone.

    Args:
        recipe: how to train.
        heads: training data.
        start: initial weights; random by default.
    """

    def __init__(
        self, recipe: BrainRecipe, heads: Sequence[PreparedHead], start: SegmentationNetwork | None = None
    ) -> None:
        if not heads:
            raise DataError("there is no scan to train on: list some that are not held out.")
        self.recipe, self.heads = recipe, heads
        torch.manual_seed(recipe.seed)
        self.spec = preset(recipe.network).spec(1, 1)
        network = build_network(self.spec)
        if start is not None:
            network.load_state_dict(start.state_dict())
        self.network = network.train().to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.average: SegmentationNetwork = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=recipe.learning_rate, weight_decay=1e-4)
        self.loss = SoftDiceLoss(LabelMode.REGIONS)
        self.bfloat16 = computes_bfloat16(torch.device("cpu"))
        weights = np.array([head.weight for head in heads])
        self._odds = weights / weights.sum()
        self.step = 0

    def train(self, checkpoint: Path, progress: Callable[[int, float], None], every: int = 100) -> SegmentationNetwork:
        """Train to the last step, from ``checkpoint`` if it exists.

        Args:
            checkpoint: state file, written after every ``every`` steps.
            progress: called with the step and the mean loss since the last call.
            every: see ``checkpoint``.

        Returns:
            The network with averaged weights, in evaluation mode.
        """
        if checkpoint.is_file():
            self._restore(checkpoint)
        losses: list[float] = []
        while self.step < self.recipe.steps:
            losses.append(self._one_step())
            if self.step % every == 0 or self.step == self.recipe.steps:
                self._save(checkpoint)
                progress(self.step, float(np.mean(losses)))
                losses = []
        return self.average

    def _one_step(self) -> float:
        recipe = self.recipe
        index = int(np.random.default_rng([recipe.seed, self.step, 0]).choice(len(self.heads), p=self._odds))
        image, share = changed_head(self.heads[index], recipe.patch, recipe.changes, [recipe.seed, self.step, 1])
        for group in self.optimizer.param_groups:
            group["lr"] = recipe.rate(self.step)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            logits = self.network(image[None].to(memory_format=torch.channels_last_3d)).logits
        loss = self.loss(logits.float(), share[None])
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 2.0)
        self.optimizer.step()
        self._follow()
        self.step += 1
        return float(loss.detach())

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averaged weights toward the current ones, faster at first."""
        weight = 1 - min(self.recipe.ema_decay, (1 + self.step) / (10 + self.step))
        for slow, fast in zip(self.average.parameters(), self.network.parameters(), strict=True):
            slow.lerp_(fast, weight)

    def _save(self, path: Path) -> None:
        groups = {"network": self.network.state_dict(), "average": self.average.state_dict()}
        values = {"step": self.step, "seed": self.recipe.seed, "steps": self.recipe.steps}
        write_checkpoint(path, Checkpoint(values, groups, optimizer_tensors(self.optimizer)))

    def _restore(self, path: Path) -> None:
        state = read_checkpoint(path)
        self.network.load_state_dict(dict(state.groups["network"]))
        self.average.load_state_dict(dict(state.groups["average"]))
        restore_optimizer(self.optimizer, state.optimizer)
        self.step = int(state.values["step"])


def recipe_json(recipe: BrainRecipe) -> dict[str, object]:
    """Return the recipe as plain JSON values, for a model card."""
    content = {**asdict(recipe), "name": "brain", "patch": list(recipe.patch)}
    return {**content, "preprocessing": recipe.preprocessing.to_json()}
