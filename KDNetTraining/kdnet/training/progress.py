"""How far a training has come: everything that the next step depends on, beside weights and optimizer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import torch
from torch import nn

from kdnet.schema.recipe import Recipe
from kdnet.training.checkpoint import Checkpoint
from kdnet.training.divergence import Skipped
from kdnet.training.elapsed_time import ElapsedTime
from kdnet.training.optimization import PlateauState
from kdnet.training.validation import Validation

BEST = "best"
"""Group of a checkpoint that holds the best weights."""


@dataclass(frozen=True, eq=False)
class BestWeights:
    """The weights that become the model, unless a later validation is better.

    Attributes:
        step: number of steps after which they were validated.
        validation: its result.
        weights: state dict on the CPU.
    """

    step: int
    validation: Validation
    weights: Mapping[str, torch.Tensor]


@dataclass(frozen=True, eq=False)
class TrainingProgress:
    """The progress of a training.

    Attributes:
        step: number of steps done.
        plateau: state of the plateau schedule.
        skipped: counts of skipped steps.
        validation_due: whether a validation was interrupted.
        best: the best weights so far; None before the first validation.
        elapsed: time spent.
    """

    step: int = 0
    plateau: PlateauState = field(default_factory=PlateauState)
    skipped: Skipped = field(default_factory=Skipped)
    validation_due: bool = False
    best: BestWeights | None = None
    elapsed: ElapsedTime = field(default_factory=ElapsedTime)

    def after_step(self, *, finite: bool) -> TrainingProgress:
        """Return the progress after one more step."""
        return replace(self, step=self.step + 1, skipped=self.skipped.after(finite))

    def after_validation(self, validation: Validation, network: nn.Module, recipe: Recipe) -> TrainingProgress:
        """Return the progress after a validation; the weights of ``network`` are kept if they are the best so far."""
        best = self.best
        if best is None or validation.score > best.validation.score:
            weights = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
            best = BestWeights(self.step, validation, weights)
        return replace(self, validation_due=False, plateau=self.plateau.after(validation.loss, recipe), best=best)

    def to_json(self) -> dict[str, Any]:
        """Return the progress without weights as plain JSON values, as a checkpoint holds them."""
        plateau = {name: value if math.isfinite(value) else None for name, value in asdict(self.plateau).items()}
        values: dict[str, Any] = {"step": self.step, "plateau": plateau, "spent": asdict(self.elapsed)}
        values |= {"validation_due": self.validation_due, "skipped": asdict(self.skipped)}
        if self.best is not None:
            values["best"] = {"step": self.best.step, **asdict(self.best.validation)}
        return values

    @classmethod
    def from_checkpoint(cls, state: Checkpoint, steps: int) -> TrainingProgress:
        """Read the progress of a training of ``steps`` steps.

        Raises:
            KeyError, TypeError, ValueError: on invalid content.
        """
        step = int(state.values["step"])
        if not 0 <= step <= steps:
            raise ValueError(f"step {step} is not one of {steps}")
        plateau = dict(state.values["plateau"])
        plateau["lowest_loss"] = math.inf if plateau["lowest_loss"] is None else plateau["lowest_loss"]
        best = None
        if "best" in state.values:
            values = dict(state.values["best"])
            best = BestWeights(int(values.pop("step")), Validation(**values), dict(state.groups[BEST]))
        return cls(
            step=step,
            plateau=PlateauState(**plateau),
            skipped=Skipped(**state.values.get("skipped", {})),
            validation_due=bool(state.values.get("validation_due", False)),
            best=best,
            elapsed=ElapsedTime(**state.values["spent"]),
        )
