"""Skipping steps with a non-finite loss or gradient, and aborting a training that diverges."""

from __future__ import annotations

from dataclasses import dataclass

from kdnet.errors import SettingsError
from kdnet.schema.recipe import Recipe

MOST_IN_A_ROW = 10


@dataclass(frozen=True)
class Skipped:
    """Counts of skipped steps, any one of which would have turned every weight into NaN permanently.

    Attributes:
        in_a_row: consecutive ones up to the last step.
        total: over the whole training.
    """

    in_a_row: int = 0
    total: int = 0

    def after(self, finite: bool) -> Skipped:
        """Return the counts after one more step."""
        return Skipped(0, self.total) if finite else Skipped(self.in_a_row + 1, self.total + 1)

    def check(self, network: str, step: int, recipe: Recipe) -> None:
        """Raise an error after too many skipped steps in a row or, at the end, if more were skipped than done.

        Raises:
            SettingsError: naming the network.
        """
        if self.in_a_row >= MOST_IN_A_ROW:
            raise diverged(
                network, step, f"{self.in_a_row} steps in a row had a loss or gradient that is not finite", recipe
            )
        if step >= recipe.steps and 2 * self.total > recipe.steps:
            details = f"{self.total} of its {recipe.steps} steps had a loss or gradient that is not finite"
            raise diverged(network, step, details, recipe)


def diverged(network: str, step: int, details: str, recipe: Recipe) -> SettingsError:
    """Return the error that ends the training of ``network``."""
    remedy = f"start a new run with a learning_rate below {recipe.learning_rate:g}"
    remedy += "" if recipe.gradient_clip else " or with a gradient_clip such as 12"
    return SettingsError(f"the training of {network} diverged by step {step} ({details}): {remedy}.")
