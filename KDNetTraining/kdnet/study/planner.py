"""Plan of a study and its cost on this machine, measured by a few trial steps."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from kdnet.data.references import read_reference
from kdnet.data.volumes.io import write_volume
from kdnet.networks.factory import build_network
from kdnet.schema.network_id import Role
from kdnet.schema.networks import preset
from kdnet.schema.recipe import Recipe
from kdnet.schema.study_plan import FoldCounts, StudyPlan
from kdnet.schema.study_request import StudyRequest
from kdnet.study.memory import peak_memory
from kdnet.study.prepare_data import prepare_cases
from kdnet.study.setup import PreparedStudy, prepare_study
from kdnet.study.time_budget import TEST_CASE, StepTimings, benchmark_steps, with_steps
from kdnet.temporary_names import temporary_prefix
from kdnet.training.context import ComputeContext

TRIAL_CASES = 2  # training cases prepared for the trial

EVENT_BYTES = 350  # per second of training

REPORT_BYTES = 5_000_000

ProgressCallback = Callable[[str], None]


def make_plan(
    request: StudyRequest, device: torch.device, show_progress: ProgressCallback = lambda _text: None
) -> StudyPlan:
    """Inspect the data, run a few trial steps in a temporary folder, and estimate the rest.

    Args:
        request: the study to plan.
        device: compute device.
        show_progress: called with short progress messages.

    Raises:
        KDNetError: for everything the study itself would reject.
    """
    started = time.monotonic()
    setup = prepare_study(request, progress=lambda done, total: show_progress(f"inspecting cases: {done} of {total}"))
    inspecting = time.monotonic() - started
    with tempfile.TemporaryDirectory(prefix=temporary_prefix()) as folder:
        split = setup.split_of(setup.student)
        names = [*split.train[:TRIAL_CASES], split.validation[0]]
        show_progress("preparing a few cases")
        started = time.monotonic()
        prepared = prepare_cases(setup.data, names, Path(folder))
        preparing = (time.monotonic() - started) / len(names)
        show_progress("timing a few steps of teacher, baseline, and student")
        measured = benchmark_steps(setup, prepared, ComputeContext(device))
        labelmap_bytes = _labelmap_bytes(setup, names[-1], Path(folder))
        case_bytes = sum(case.image.nbytes + case.labelmap.nbytes for case in prepared.values()) / len(prepared)
    memory = peak_memory(device)
    recipe = with_steps(request, setup, measured)
    seconds = _study_seconds(setup, recipe, measured)
    return StudyPlan(
        networks=setup.networks,
        steps=recipe.steps,
        minutes=round((inspecting + preparing * len(_learning(setup)) + seconds) / 60, 2),
        memory_bytes=memory,
        disk_bytes=_disk_bytes(setup, recipe, case_bytes, labelmap_bytes, seconds),
        folds=tuple(
            FoldCounts(fold, len(part.train), len(part.validation), len(part.test))
            for fold, part in setup.data.splits.items()
        ),
        device=_description(device),
        excluded=setup.data.excluded,
        warnings=setup.warnings,
    )


def _study_seconds(setup: PreparedStudy, recipe: Recipe, measured: StepTimings) -> float:
    """Estimate the seconds of training, validation, decoding, and testing, without preparation."""
    seconds = 0.0
    for network in setup.networks:
        split = setup.split_of(network)
        seconds += TEST_CASE * measured.case * len(split.test)
        if network in setup.trained:
            validations = -(-recipe.steps // recipe.validation_every)
            seconds += recipe.steps * measured.of(network.role) + validations * measured.case * len(split.validation)
            seconds += setup.decoded_cases(network) * measured.decoded_case
    return seconds


def _disk_bytes(setup: PreparedStudy, recipe: Recipe, case_bytes: float, labelmap_bytes: int, seconds: float) -> int:
    """Estimate the bytes of prepared cases, models, one checkpoint, predictions, events, and report."""
    channels = setup.data.dataset.labels.channels
    weights = []
    for network in setup.networks:
        if network.role is Role.TEACHER and setup.pretrained is not None:
            tensors = setup.pretrained.network.state_dict().values()
        else:
            name = recipe.network if network.role is Role.TEACHER else recipe.trained_student_network
            tensors = build_network(preset(name).spec(len(network.modalities), channels)).state_dict().values()
        weights.append(sum(tensor.nbytes for tensor in tensors))
    state = 5 * max(weights)  # weights, their average, the best, and two optimizer moments
    tests = sum(len(setup.split_of(network).test) for network in setup.networks)
    total = case_bytes * len(_learning(setup)) + sum(weights) + state + tests * labelmap_bytes
    return int(total + EVENT_BYTES * seconds + REPORT_BYTES)


def _labelmap_bytes(setup: PreparedStudy, name: str, folder: Path) -> int:
    """Return the size of a labelmap written like a prediction, in bytes."""
    path = folder / "labelmap.nii.gz"
    write_volume(path, read_reference(setup.data.case(name), setup.data.dataset.labels))
    return path.stat().st_size


def _learning(setup: PreparedStudy) -> set[str]:
    return {name for part in setup.data.splits.values() for name in (*part.train, *part.validation)}


def _description(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
