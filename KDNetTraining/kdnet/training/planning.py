"""What a study would do, and what it would take on this machine, measured by a few trial steps."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from kdnet.data.fold_names import ALL_CASES
from kdnet.data.image_io import write_volume
from kdnet.data.references import read_reference
from kdnet.evaluation.results import Role
from kdnet.networks import build_network, preset
from kdnet.training.budget import TEST_CASE, Measured
from kdnet.training.memory import peak_memory
from kdnet.training.preparation import prepare_cases
from kdnet.training.recipe import Recipe
from kdnet.training.request import StudyRequest
from kdnet.training.setup import Setup, set_up
from kdnet.training.stopping import StopRequest
from kdnet.training.trial import run_trial, with_steps

TRIAL_CASES = 2  # training cases that are prepared for the trial
EVENT_BYTES = 350  # per second of training
REPORT_BYTES = 5_000_000

Say = Callable[[str], None]


@dataclass(frozen=True)
class FoldCounts:
    """Number of cases of one fold."""

    fold: int
    train: int
    validation: int
    test: int

    def words(self) -> str:
        """What is done with them."""
        if self.fold == ALL_CASES:
            return f"all {self.train} cases train, and none is kept to test"
        return (
            f"fold {self.fold}: {self.train} cases to train, {self.validation} to choose the weights, {self.test} to test"
        )


@dataclass(frozen=True)
class StudyPlan:
    """What a study would do and need.

    Attributes:
        networks: that are trained, or only tested where the teacher is brought along, in order.
        steps: of each trained network.
        minutes: expected for the whole study on this machine, as it is used now.
        memory_bytes: of the device, or of the process on a CPU, at most and for each process.
        disk_bytes: of the run folder at its end.
        folds: cases of each fold.
        device: that computes.
        left_out: cases that cannot be used, with the reason.
        warnings: what would go on otherwise than asked for.
    """

    networks: tuple[str, ...]
    steps: int
    minutes: float
    memory_bytes: int
    disk_bytes: int
    folds: tuple[FoldCounts, ...]
    device: str
    left_out: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    def words(self) -> str:
        """The plan as a paragraph."""
        folds = "; ".join(item.words() for item in self.folds)
        kinds = ", ".join(dict.fromkeys(name.rpartition("/")[2].replace("-", " ", 1) for name in self.networks))
        parts = [
            f"{len(self.networks)} networks of {self.steps} steps each: {kinds}.",
            f"{folds[:1].upper()}{folds[1:]}.",
            f"On this machine ({self.device}) that takes about {duration(self.minutes)}, up to "
            f"{_size(self.memory_bytes)} of memory and {_size(self.disk_bytes)} of disk.",
        ]
        if self.left_out:
            names = ", ".join(sorted(self.left_out))
            parts.append(f"{len(self.left_out)} case(s) are left out: {names}.")
        return " ".join([*parts, *self.warnings])

    def to_json(self) -> dict[str, Any]:
        """The plan as plain JSON values, its words included."""
        return {**asdict(self), "left_out": dict(self.left_out), "words": self.words()}


def make_plan(request: StudyRequest, device: torch.device, say: Say = lambda _text: None) -> StudyPlan:
    """Look at the data, try a few steps in a folder that is removed, and work out the rest.

    Args:
        request: what would be done.
        device: that would compute.
        say: told in short sentences what is going on.

    Raises:
        KDNetError: for all that the study itself would refuse.
    """
    started = time.monotonic()
    setup = set_up(request, progress=lambda done, total: say(f"inspecting cases: {done} of {total}"))
    inspecting = time.monotonic() - started
    with tempfile.TemporaryDirectory(prefix="kdnet-plan-") as folder:
        split = setup.split_of(setup.student)
        names = [*split.train[:TRIAL_CASES], split.validation[0]]
        say("preparing a few cases")
        started = time.monotonic()
        prepared = prepare_cases(setup.data, names, Path(folder))
        preparing = (time.monotonic() - started) / len(names)
        say("trying a few steps of teacher, baseline and student")
        measured = run_trial(setup, prepared, device, StopRequest())
        labelmap_bytes = _labelmap_bytes(setup, names[-1], Path(folder))
        case_bytes = sum(case.image.nbytes + case.labelmap.nbytes for case in prepared.values()) / len(prepared)
    memory = peak_memory(device)
    recipe = with_steps(request, setup, measured)
    seconds = _study_seconds(setup, recipe, measured)
    return StudyPlan(
        networks=tuple(network.name for network in setup.networks),
        steps=recipe.steps,
        minutes=round((inspecting + preparing * len(_learning(setup)) + seconds) / 60, 2),
        memory_bytes=memory,
        disk_bytes=_disk_bytes(setup, recipe, case_bytes, labelmap_bytes, seconds),
        folds=tuple(
            FoldCounts(fold, len(part.train), len(part.validation), len(part.test))
            for fold, part in setup.data.splits.items()
        ),
        device=_told(device),
        left_out=setup.data.left_out,
        warnings=setup.warnings,
    )


def duration(minutes: float) -> str:
    """``"40 s"``, ``"25 min"`` or ``"7 h 30 min"``."""
    if minutes < 2:
        return f"{minutes * 60:.0f} s"
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _study_seconds(setup: Setup, recipe: Recipe, measured: Measured) -> float:
    """Of training, validations and tests, without preparing."""
    step = dict(zip((Role.TEACHER, Role.BASELINE, Role.STUDENT), measured.step, strict=True))
    seconds = 0.0
    for network in setup.networks:
        split = setup.split_of(network)
        seconds += TEST_CASE * measured.case * len(split.test)
        if network in setup.trained:
            validations = -(-recipe.steps // recipe.validation_every)
            seconds += recipe.steps * step[network.role] + validations * measured.case * len(split.validation)
    return seconds


def _disk_bytes(setup: Setup, recipe: Recipe, case_bytes: float, labelmap_bytes: int, seconds: float) -> int:
    """Prepared cases, models, one state for resuming, predictions, events and report."""
    channels = setup.data.dataset.labels.channels
    weights = []
    for network in setup.networks:
        if network.role is Role.TEACHER and setup.brought is not None:
            tensors = setup.brought.network.state_dict().values()
        else:
            name = recipe.network if network.role is Role.TEACHER else recipe.trained_student_network
            tensors = build_network(preset(name).spec(len(network.modalities), channels)).state_dict().values()
        weights.append(sum(tensor.nbytes for tensor in tensors))
    state = 5 * max(weights)  # weights, their average, the best, and two moments of the optimiser
    tests = sum(len(setup.split_of(network).test) for network in setup.networks)
    total = case_bytes * len(_learning(setup)) + sum(weights) + state + tests * labelmap_bytes
    return int(total + EVENT_BYTES * seconds + REPORT_BYTES)


def _labelmap_bytes(setup: Setup, name: str, folder: Path) -> int:
    """Of a labelmap as predictions are written."""
    path = folder / "labelmap.nii.gz"
    write_volume(path, read_reference(setup.data.case(name), setup.data.dataset.labels))
    return path.stat().st_size


def _learning(setup: Setup) -> set[str]:
    return {name for part in setup.data.splits.values() for name in (*part.train, *part.validation)}


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, count / 1e6):.0f} MB"


def _told(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
