"""What a training reports while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kdnet.schema.recipe import Precision
from kdnet.training.validation import Validation


@dataclass(frozen=True)
class StepReport:
    """A step that was applied.

    Attributes:
        step: number of steps done, from 1.
        steps: number of steps of the training.
        losses: mean of each loss term over the batch.
        learning_rate: of this step.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    learning_rate: float

    @property
    def last(self) -> bool:
        """Whether this was the last step."""
        return self.step == self.steps


class TrainingCallbacks:
    """Hooks of :class:`~kdnet.training.trainer.Trainer`, called in every process; they do nothing unless overridden."""

    def on_start(self, step: int, steps: int, precision: Precision) -> None:
        """Receive the step to start from, the number of steps, and the precision in use."""

    def on_step(self, report: StepReport) -> None:
        """Receive a step that was applied."""

    def on_skipped_step(self, step: int) -> None:
        """Receive the first of one or more steps in a row that were skipped, because they were not finite."""

    def on_validation(self, step: int, validation: Validation) -> None:
        """Receive the result of a validation after ``step`` steps."""
