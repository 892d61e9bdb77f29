"""How many steps fit into the minutes that a study may take, measured on this machine by trial steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from kdnet.errors import SettingsError
from kdnet.evaluation.results import Role
from kdnet.training.recipe import Recipe

VALIDATIONS = 10  # of each network in a study with a time budget
# resampling to the original grid, writing and scoring a test case take about as long again as segmenting it, twice
TEST_CASE = 3
RESERVE = 0.9  # share of the time that is planned; the rest absorbs what was not measured


@dataclass(frozen=True)
class Measured:
    """Seconds that things take here.

    Attributes:
        step: of one training step of teacher, baseline and student together with its teacher.
        case: to segment one whole prepared case.
    """

    step: tuple[float, float, float]
    case: float


def fit_recipe(
    recipe: Recipe,
    *,
    minutes: float,
    measured: Measured,
    networks: Mapping[Role, int],
    validation_cases: int,
    tests: int,
) -> Recipe:
    """The recipe with as many steps as fit; every network of the study gets the same number.

    Args:
        recipe: whose steps are replaced.
        minutes: for the whole study.
        measured: on this machine.
        networks: how many to train, by role.
        validation_cases: per network and validation.
        tests: of all networks together, those included that are not trained.

    Raises:
        SettingsError: when not even a few steps fit.
    """
    count = sum(networks.values())
    beside = measured.case * (count * VALIDATIONS * validation_cases + TEST_CASE * tests)
    step = dict(zip((Role.TEACHER, Role.BASELINE, Role.STUDENT), measured.step, strict=True))
    per_step = sum(number * step[role] for role, number in networks.items())
    steps = int((minutes * 60 * RESERVE - beside) / per_step)
    if steps < VALIDATIONS:
        needed = (beside + VALIDATIONS * per_step) / 60 / RESERVE
        raise SettingsError(
            f"{minutes:g} minutes are too few for {count} networks on this machine: allow at least {math.ceil(needed)}."
        )
    return replace(
        recipe, steps=steps, validation_every=max(1, steps // VALIDATIONS), warm_up=min(recipe.warm_up, steps // 10)
    )


def fit_epochs(recipe: Recipe, epochs: float, training_cases: int) -> Recipe:
    """The recipe with as many steps as it takes to see each of ``training_cases`` cases ``epochs`` times."""
    steps = max(1, round(epochs * math.ceil(training_cases / recipe.batch)))
    every = min(recipe.validation_every, max(1, steps // VALIDATIONS))
    return replace(recipe, steps=steps, validation_every=every, warm_up=min(recipe.warm_up, steps // 10))
