"""Number of steps that fit a study's time budget, measured on this machine by trial steps."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.data.references import read_reference
from kdnet.data.volumes.masks import bounding_box
from kdnet.errors import SettingsError
from kdnet.inference.decoding import VoxelLabels
from kdnet.schema.adaptation import FEWEST_STEPS
from kdnet.schema.network_id import Role
from kdnet.schema.recipe import Recipe
from kdnet.schema.study_request import StudyRequest
from kdnet.study.decoding_sizes import LabeledCase, learn_decoding
from kdnet.study.jobs import training_job
from kdnet.study.setup import PreparedStudy
from kdnet.training.benchmark import seconds_per_step
from kdnet.training.context import ComputeContext
from kdnet.training.learner import Learner
from kdnet.training.teacher import Teacher
from kdnet.training.validation import validate_case

VALIDATIONS = 10  # per network in a study with a time budget

# resampling to the original grid, writing, and scoring a test case take about twice as long as segmenting it
TEST_CASE = 3

RESERVE = 0.9  # share of the time to plan for; the rest covers what was not measured

ADVICE = 1.2  # advised minimum relative to the measured one: the next trial steps may take a little longer


@dataclass(frozen=True)
class StepTimings:
    """Measured times on this machine in seconds.

    Attributes:
        step: one training step each of teacher, baseline, and student with its teacher.
        case: to segment one whole prepared case.
        decoding: to choose, on one segmented case, which parts and holes are debris.
    """

    step: tuple[float, float, float]
    case: float
    decoding: float = 0.0

    @property
    def decoded_case(self) -> float:
        """To segment a case and learn from it which parts and holes are debris."""
        return TEST_CASE * self.case + self.decoding

    def at_pace(self, pace: float) -> StepTimings:
        """Return these times on a computer that takes ``pace`` times as long."""
        teacher, baseline, student = self.step
        return StepTimings((pace * teacher, pace * baseline, pace * student), pace * self.case, pace * self.decoding)

    def of(self, role: Role) -> float:
        """Return the seconds per step of a network; a control takes as long as a baseline."""
        teacher, baseline, student = self.step
        return {Role.TEACHER: teacher, Role.STUDENT: student}.get(role, baseline)


def steps_for_budget(
    recipe: Recipe,
    *,
    minutes: float,
    measured: StepTimings,
    networks: Mapping[Role, int],
    validation_cases: int,
    tests: int,
    decoded: int = 0,
    validations: int = VALIDATIONS,
    fewest: int = VALIDATIONS,
) -> Recipe:
    """Return the recipe with as many steps as fit, the same number for every network of the study.

    Args:
        recipe: whose steps are replaced.
        minutes: for the whole study.
        measured: times on this machine.
        networks: number to train, by role.
        validation_cases: per network and validation.
        tests: over all networks, including those that are not trained.
        decoded: cases to learn the decoding from, over all networks.
        validations: per network.
        fewest: steps that are worth while.

    Raises:
        SettingsError: when fewer steps than these fit.
    """

    def fitting(seconds: float) -> float:
        return steps_that_fit(
            seconds,
            measured,
            networks=networks,
            validation_cases=validation_cases,
            tests=tests,
            decoded=decoded,
            validations=validations,
        )

    steps = int(fitting(minutes * 60 * RESERVE))
    if steps < fewest:
        per_step = sum(number * measured.of(role) for role, number in networks.items())
        needed = ADVICE * (fewest - fitting(0.0)) * per_step / 60 / RESERVE
        count = sum(networks.values())
        raise SettingsError(
            f"the time budget of {minutes:g} min is too short for {count} networks on this machine: give at least "
            f"{math.ceil(needed)} min."
        )
    return with_step_count(recipe, steps, validations)


def steps_that_fit(
    seconds: float,
    measured: StepTimings,
    *,
    networks: Mapping[Role, int],
    validation_cases: int,
    tests: int,
    decoded: int,
    validations: int = VALIDATIONS,
) -> float:
    """Return how many steps of each network fit into ``seconds`` beside everything else; negative if that takes longer.

    The other arguments are those of :func:`steps_for_budget`.
    """
    count = sum(networks.values())
    beside = measured.case * (count * validations * validation_cases + TEST_CASE * tests) + measured.decoded_case * decoded
    return (seconds - beside) / sum(number * measured.of(role) for role, number in networks.items())


def with_step_count(recipe: Recipe, steps: int, validations: int = VALIDATIONS) -> Recipe:
    """Return the recipe with this number of steps, and as many validations as with any number."""
    return replace(
        recipe,
        steps=steps,
        validation_every=max(1, steps // validations),
        lr_warmup_steps=min(recipe.lr_warmup_steps, steps // 10),
    )


def steps_for_epochs(recipe: Recipe, epochs: float, training_cases: int) -> Recipe:
    """Return the recipe with enough steps to use each of ``training_cases`` cases ``epochs`` times."""
    steps = max(1, round(epochs * math.ceil(training_cases / recipe.batch)))
    every = min(recipe.validation_every, max(1, steps // VALIDATIONS))
    return replace(recipe, steps=steps, validation_every=every, lr_warmup_steps=min(recipe.lr_warmup_steps, steps // 10))


def benchmark_steps(
    setup: PreparedStudy,
    prepared: Mapping[str, PreparedCase],
    context: ComputeContext,
) -> StepTimings:
    """Time a few steps of teacher, baseline, and student, and the segmentation of one validation case.

    A pretrained teacher is not trained, so its step takes no time.

    Args:
        setup: of the study.
        prepared: some training cases and at least one validation case of the first student's fold.
        context: of the study; each process times its share of a batch, without communication.
    """
    student, data = setup.student, setup.data
    times: list[float] = []
    teacher = setup.pretrained_teacher()
    for role in (Role.TEACHER, Role.BASELINE, Role.STUDENT):
        context.check()
        if (role is Role.TEACHER and teacher is not None) or (setup.adapts and role is not Role.STUDENT):
            times.append(0.0)
            continue
        network = setup.teacher_of(student) if role is Role.TEACHER else replace(student, role=role)
        job = training_job(network, data, prepared, setup.recipe, teacher if network.role is Role.STUDENT else None)
        job = replace(job, start=setup.start_of(network), decoding=setup.decoding)
        learner = Learner(job, context.device)
        times.append(seconds_per_step(learner, job, context.processes))
        teacher = teacher or Teacher(learner.module.network, job.channels)
    case = next(prepared[name] for name in setup.split_of(student).validation if name in prepared)
    segmenting = learner.module.network.eval()
    started = time.monotonic()
    validate_case(segmenting, case, job, context.device)
    seconds = time.monotonic() - started
    decoding = _decoding_seconds(setup, case.name) if any(map(setup.decoded_cases, setup.trained)) else 0.0
    return StepTimings((times[0], times[1], times[2]), seconds, decoding)


def _decoding_seconds(setup: PreparedStudy, name: str) -> float:
    """Time learning from a case, as if a network had segmented it like its expert."""
    table = setup.data.dataset.labels
    reference = read_reference(setup.data.case(name), table)
    expert = np.asarray(reference.voxels)
    box = bounding_box(expert > 0) or (slice(0, 1),) * 3
    own = VoxelLabels(expert[box].copy(), np.zeros(expert[box].shape, bool))
    started = time.monotonic()
    learn_decoding([LabeledCase(own, expert[box].copy(), reference.grid.spacing)], table)
    return time.monotonic() - started


def resolve_steps(
    request: StudyRequest,
    setup: PreparedStudy,
    prepared: Mapping[str, PreparedCase],
    context: ComputeContext,
) -> tuple[Recipe, StepTimings | None]:
    """Return the recipe with its number of steps resolved, by trial steps if the request gives minutes; and their times.

    Raises:
        SettingsError: when the time budget is too small.
    """
    measured = benchmark_steps(setup, prepared, context) if request.minutes else None
    return with_steps(request, setup, measured), measured


def with_steps(request: StudyRequest, setup: PreparedStudy, measured: StepTimings | None) -> Recipe:
    """Return the recipe with its steps set by the request's minutes (which need ``measured``) or epochs.

    Raises:
        SettingsError: when the time budget is too small.
    """
    recipe = setup.recipe
    if request.epochs:
        return steps_for_epochs(recipe, request.epochs, max(len(part.train) for part in setup.data.splits.values()))
    if not request.minutes or measured is None:
        return recipe
    fitting = steps_for_budget(
        recipe,
        minutes=request.minutes,
        measured=measured,
        networks=Counter(network.role for network in setup.trained),
        validation_cases=max(len(part.validation) for part in setup.data.splits.values()),
        tests=sum(len(setup.split_of(network).test) for network in setup.networks),
        decoded=sum(map(setup.decoded_cases, setup.trained)),
        validations=1 if setup.adapts else VALIDATIONS,
        fewest=min(recipe.steps, FEWEST_STEPS) if setup.adapts else VALIDATIONS,
    )
    if not setup.adapts:
        return fitting
    steps = min(fitting.steps, recipe.steps)  # more time must not make an adaptation memorize its few cases
    return replace(fitting, steps=steps, validation_every=steps)
