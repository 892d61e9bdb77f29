"""How many steps fit into the minutes that a study may take, measured on this machine by trial steps."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from kdnet.errors import SettingsError
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
    teachers: int,
    students: int,
    validation_cases: int,
    test_cases: int,
    brought: int = 0,
) -> Recipe:
    """The recipe with as many steps as fit; every network of the study gets the same number.

    Args:
        recipe: whose steps are replaced.
        minutes: for the whole study.
        measured: on this machine.
        teachers: number of teachers to train.
        students: number of pairs of baseline and student.
        validation_cases: per network and validation.
        test_cases: per network.
        brought: number of teachers that are only tested.

    Raises:
        SettingsError: when not even a few steps fit.
    """
    networks = teachers + 2 * students
    tests = (networks + brought) * TEST_CASE * test_cases
    beside = measured.case * (networks * VALIDATIONS * validation_cases + tests)
    teacher, baseline, student = measured.step
    per_step = teachers * teacher + students * (baseline + student)
    steps = int((minutes * 60 * RESERVE - beside) / per_step)
    if steps < VALIDATIONS:
        needed = (beside + VALIDATIONS * per_step) / 60 / RESERVE
        raise SettingsError(
            f"{minutes:g} minutes are too few for {networks} networks on this machine: allow at least {needed:.0f}."
        )
    return replace(
        recipe, steps=steps, validation_every=max(1, steps // VALIDATIONS), warm_up=min(recipe.warm_up, steps // 10)
    )


def fit_epochs(recipe: Recipe, epochs: float, training_cases: int) -> Recipe:
    """The recipe with as many steps as it takes to see each of ``training_cases`` cases ``epochs`` times."""
    steps = max(1, round(epochs * math.ceil(training_cases / recipe.batch)))
    every = min(recipe.validation_every, max(1, steps // VALIDATIONS))
    return replace(recipe, steps=steps, validation_every=every, warm_up=min(recipe.warm_up, steps // 10))
