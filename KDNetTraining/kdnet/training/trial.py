"""Trial steps on this machine, for the time that a study will take and the number of steps that fit into a given one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from kdnet.data.cache import PreparedCase
from kdnet.evaluation.results import Role
from kdnet.training.budget import Measured
from kdnet.training.jobs import channels, training_job
from kdnet.training.plan import PlannedNetwork
from kdnet.training.preparation import StudyData
from kdnet.training.processes import Processes
from kdnet.training.recipe import Recipe
from kdnet.training.run_folder import NetworkFolder
from kdnet.training.stopping import StopRequest, stop_here
from kdnet.training.trainee import Teacher
from kdnet.training.trainer import Trainer
from kdnet.training.validation import validate_case


def run_trial(
    student: PlannedNetwork,
    teacher: PlannedNetwork,
    data: StudyData,
    prepared: Mapping[str, PreparedCase],
    recipe: Recipe,
    device: torch.device,
    stop: StopRequest,
    brought: Teacher | None = None,
) -> Measured:
    """Time a few steps of teacher, baseline and student, and the segmentation of one validation case.

    Args:
        student: any student of the study.
        teacher: that it learns from.
        data: of the study.
        prepared: some training cases and at least one validation case of the student's fold.
        recipe: of the study.
        device: that computes.
        stop: asked between the networks.
        brought: a teacher that is not trained; its step then takes no time.
    """
    folder = NetworkFolder(Path(), "")  # nothing is written
    times: list[float] = []
    taught_by = brought
    for network in (teacher, replace(student, role=Role.BASELINE), student):
        stop_here(stop, Processes())
        if network.role is Role.TEACHER and brought is not None:
            times.append(0.0)
            continue
        job = training_job(network, data, prepared, recipe, taught_by if network.role is Role.STUDENT else None)
        trainer = Trainer(job, folder, None, device, Processes(), stop)
        times.append(trainer.time_steps())
        taught_by = taught_by or Teacher(trainer.trainee.network, job.channels)
    case = next(prepared[name] for name in data.splits[student.fold].validation if name in prepared)
    network_seen = trainer.trainee.network.eval()
    started = time.monotonic()
    validate_case(network_seen, case, channels(student.modalities, data), data.dataset.labels, device, recipe.window)
    return Measured((times[0], times[1], times[2]), time.monotonic() - started)
