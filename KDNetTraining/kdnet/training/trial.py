"""Trial steps on this machine, for the time that a study will take and the number of steps that fit into a given one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from kdnet.data.cache import PreparedCase
from kdnet.evaluation.results import Role
from kdnet.training.budget import Measured, fit_epochs, fit_recipe
from kdnet.training.jobs import channels, training_job
from kdnet.training.processes import ALONE, Processes
from kdnet.training.recipe import Recipe
from kdnet.training.request import StudyRequest
from kdnet.training.run_folder import NetworkFolder
from kdnet.training.setup import Setup
from kdnet.training.stopping import StopRequest
from kdnet.training.trainee import Teacher
from kdnet.training.trainer import Trainer
from kdnet.training.validation import validate_case


def run_trial(
    setup: Setup,
    prepared: Mapping[str, PreparedCase],
    device: torch.device,
    stop: StopRequest,
    processes: Processes = ALONE,
) -> Measured:
    """Time a few steps of teacher, baseline and student, and the segmentation of one validation case.

    A teacher that was brought along is not trained, so its step takes no time.

    Args:
        setup: of the study.
        prepared: some training cases and at least one validation case of the first student's fold.
        device: that computes.
        stop: asked between the networks.
        processes: that train together; each times its share of a batch, and no messages.
    """
    student, data = setup.student, setup.data
    folder = NetworkFolder(Path(), "")  # nothing is written
    times: list[float] = []
    taught_by = setup.brought_teacher()
    for network in (setup.teacher_of(student), replace(student, role=Role.BASELINE), student):
        if processes.first:
            stop.check()
        if network.role is Role.TEACHER and taught_by is not None:
            times.append(0.0)
            continue
        job = training_job(network, data, prepared, setup.recipe, taught_by if network.role is Role.STUDENT else None)
        trainer = Trainer(job, folder, None, device, processes, stop)
        times.append(trainer.time_steps())
        taught_by = taught_by or Teacher(trainer.trainee.network, job.channels)
    case = next(prepared[name] for name in setup.split_of(student).validation if name in prepared)
    network_seen, window = trainer.trainee.network.eval(), setup.recipe.window
    started = time.monotonic()
    validate_case(network_seen, case, channels(student.modalities, data), data.dataset.labels, device, window)
    return Measured((times[0], times[1], times[2]), time.monotonic() - started)


def settle_steps(
    request: StudyRequest,
    setup: Setup,
    prepared: Mapping[str, PreparedCase],
    device: torch.device,
    stop: StopRequest,
    processes: Processes = ALONE,
) -> Recipe:
    """The recipe with its number of steps settled, by trial steps where the request gives minutes.

    Raises:
        SettingsError: when the minutes are too few.
    """
    measured = run_trial(setup, prepared, device, stop, processes) if request.minutes else None
    return with_steps(request, setup, measured)


def with_steps(request: StudyRequest, setup: Setup, measured: Measured | None) -> Recipe:
    """The recipe with the number of steps that the request's minutes, which need ``measured``, or epochs ask for.

    Raises:
        SettingsError: when the minutes are too few.
    """
    recipe = setup.recipe
    if request.epochs:
        return fit_epochs(recipe, request.epochs, max(len(part.train) for part in setup.data.splits.values()))
    if not request.minutes or measured is None:
        return recipe
    return fit_recipe(
        recipe,
        minutes=request.minutes,
        measured=measured,
        networks=Counter(network.role for network in setup.trained),
        validation_cases=max(len(part.validation) for part in setup.data.splits.values()),
        tests=sum(len(setup.split_of(network).test) for network in setup.networks),
    )
