"""Training one network of a study: teacher, baseline, or student."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from kdnet.errors import RunFolderError
from kdnet.foreign import reading
from kdnet.losses.distillation_loss import LossTerms
from kdnet.networks.base import SegmentationNetwork
from kdnet.networks.fill import first_not_finite
from kdnet.runs.control import Interrupted, StopMode
from kdnet.runs.events import EventKind, EventWriter
from kdnet.runs.folder import NetworkFolder
from kdnet.runs.stop_request import StopRequest
from kdnet.schema.labels import IGNORED
from kdnet.schema.network_id import Role
from kdnet.schema.networks import preset
from kdnet.schema.recipe import CheckpointSelection, Precision
from kdnet.training.checkpoint import (
    REMEDY,
    Checkpoint,
    optimizer_tensors,
    read_checkpoint,
    restore_optimizer,
    write_checkpoint,
)
from kdnet.training.distillation_module import DistillationModule
from kdnet.training.distributed import DistributedContext
from kdnet.training.divergence import Skipped, diverged
from kdnet.training.initialization import start_from_prior, start_from_teacher
from kdnet.training.interruption import raise_if_stop_requested
from kdnet.training.job import TrainingJob, TrainingResult
from kdnet.training.optimization import PlateauState, learning_rate, make_optimizer, settled_precision, update_average
from kdnet.training.patches import PatchSampler, Sample, collate
from kdnet.training.validation import Validation, mean_validation, validate_case
from kdnet.training.workers import load_patches

EVENT_SECONDS = 1.0


@dataclass(frozen=True)
class ElapsedTime:
    """Time spent on a training, excluding interruptions."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @classmethod
    def now(cls) -> ElapsedTime:
        """Read the clocks of this process."""
        return cls(time.monotonic(), time.process_time())

    def since(self, start: ElapsedTime) -> ElapsedTime:
        """Return the time from ``start`` to this."""
        return ElapsedTime(self.seconds - start.seconds, self.cpu_seconds - start.cpu_seconds)

    def plus(self, other: ElapsedTime) -> ElapsedTime:
        """Return the sum of both."""
        return ElapsedTime(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)


@dataclass(frozen=True)
class StepOutcome:
    """Outcome of a step, the same in all processes.

    Attributes:
        losses: mean of each loss term over the batch.
        finite: whether the step was applied; otherwise nothing changed.
        stopping: why the training must stop after this step; empty if it continues.
    """

    losses: Mapping[str, float]
    finite: bool
    stopping: str


class Trainer:
    """Runs a :class:`TrainingJob` step by step; everything random depends on seed and step alone.

    Args:
        job: what to train.
        folder: for state and model.
        events: progress channel; None in all processes but the first.
        device: compute device.
        processes: the processes that train together.
        stop: checked between steps and between validation cases.
        time_remaining: seconds left of the whole study at a step, given the seconds per step; reported in events.
    """

    def __init__(
        self,
        job: TrainingJob,
        folder: NetworkFolder,
        events: EventWriter | None,
        device: torch.device,
        processes: DistributedContext,
        stop: StopRequest,
        time_remaining: Callable[[int, float], float | None] | None = None,
    ) -> None:
        self.job, self.folder, self.events, self.device = job, folder, events, device
        self.processes, self.stop, self.time_remaining = processes, stop, time_remaining
        recipe = job.recipe
        torch.manual_seed(job.seed)
        architecture = preset(job.preset_name)
        spec = architecture.spec(len(job.channels), job.labels.channels, recipe.deep_supervision)
        trainee = DistillationModule(spec, job.labels, job.channels, job.settings, job.teacher)
        self.spec = spec
        self._initialize(trainee.network)
        layout = torch.channels_last_3d if recipe.channels_last else torch.preserve_format
        self.trainee = trainee.to(device, memory_format=layout)  # type: ignore[call-overload]
        if job.teacher is not None:
            job.teacher.network.to(device, memory_format=layout)  # type: ignore[call-overload]
        self.average = self.trainee.average() if recipe.ema_decay else None
        self.optimizer = make_optimizer(recipe, self.trainee.parameters())
        self.precision = settled_precision(recipe.precision, device)
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.precision is Precision.FLOAT16)
        self.sampler = PatchSampler(
            job.training,
            job.labels,
            patch=recipe.patch,
            batch=recipe.batch,
            foreground=recipe.foreground_oversampling,
            augmentation=recipe.augmentation,
            seed=job.seed,
        )
        self.step = 0
        self._validation_due = False  # a validation was interrupted
        self._spent_before, self._started = ElapsedTime(), ElapsedTime.now()
        self.plateau = PlateauState()
        self.skipped = Skipped()
        self.best: tuple[int, Validation, dict[str, torch.Tensor]] | None = None

    @property
    def evaluated(self) -> SegmentationNetwork:
        """The network that is validated and becomes the model: the averaged weights if the recipe averages."""
        network: SegmentationNetwork = self.trainee.network if self.average is None else self.average
        return network

    @property
    def spent(self) -> ElapsedTime:
        """Time spent on this training so far, over all its sessions."""
        return ElapsedTime.now().since(self._started).plus(self._spent_before)

    def run(self) -> TrainingResult:
        """Train to the last step, from the checkpoint if there is one.

        Raises:
            Interrupted: after a stop request, once the state is saved.
            SettingsError: when the training diverges; the last finite state is kept.
        """
        self._resume()
        self._event(EventKind.NETWORK_STARTED, step=self.step, steps=self.job.recipe.steps, precision=self.precision.value)
        module: nn.Module = self.trainee
        if self.job.recipe.compile:
            module = torch.compile(module)  # type: ignore[assignment]
        if self.processes.count > 1:
            module = DistributedDataParallel(module)
        if self._validation_due:
            self._validate()
        saved = said = started = time.monotonic()
        first_step = self.step
        with closing(self._batches()) as batches:
            while (samples := self._next(batches)) is not None:
                outcome = self._train_step(module, samples)
                self.step += 1
                self._count_skipped(outcome)
                now = time.monotonic()
                last = self.step == self.job.recipe.steps
                if outcome.finite and (last or now - said >= EVENT_SECONDS):
                    said = now
                    self._say_step(outcome, (now - started) / (self.step - first_step))
                if last or self.step % self.job.recipe.validation_every == 0:
                    self._validate()
                if outcome.stopping or now - saved >= self.job.recipe.checkpoint_seconds:
                    saved = now
                    self._save()
                if outcome.stopping and not last:
                    raise Interrupted(outcome.stopping)
        return self._finish()

    def time_steps(self, count: int = 3) -> float:
        """Measure the seconds per step of this process's share; the network is not usable afterward."""
        times = []
        with closing(self._batches(stop=count + 1)) as batches:
            for samples in batches:
                started = time.monotonic()
                self._backward(self.trainee, samples)
                self.scaler.step(self.optimizer)
                self.scaler.update()
                self._synchronize()
                self.step += 1
                times.append(time.monotonic() - started)
        return sum(times[1:]) / count

    def _next(self, batches: Iterator[list[Sample]]) -> list[Sample] | None:
        """Return the next batch, None after the last; if a stop request also ended the workers, save the state first."""
        try:
            return next(batches, None)
        except (RuntimeError, OSError) as error:
            if not self.stop:
                raise
            self._save()
            raise Interrupted(self.stop.reason) from error

    def _train_step(self, module: nn.Module, samples: Sequence[Sample]) -> StepOutcome:
        terms, norm = self._backward(module, samples)
        total, size, *values = torch.stack([terms.total.detach().float(), norm.float(), *_scalars(terms)]).tolist()
        overflow = self.scaler.is_enabled() and self.scaler.get_scale() >= 1  # the scaler is still adjusting its scale
        outcome = self._agree(values, math.isfinite(total) and (overflow or math.isfinite(size)))
        if outcome.finite:
            self.scaler.step(self.optimizer)
            if self.average is not None:
                update_average(self.average, self.trainee.network, self.job.recipe.ema_decay, self.step)
        self.scaler.update()
        return outcome

    def _agree(self, losses: Sequence[float], finite: bool) -> StepOutcome:
        """Share among all processes how the step went in each, and whether the first one should stop."""
        asked = self.stop.reason if self.processes.first else ""
        codes = ("", *(intent.done for intent in StopMode))
        code = next((index for index, done in enumerate(codes) if done and asked.startswith(done)), 0)
        bad, code, *sums = self.processes.total([float(not finite), code, *losses])  # type: ignore[assignment]
        means = {name: value / self.processes.count for name, value in zip(LossTerms._fields, sums, strict=True)}
        return StepOutcome(means, not bad, asked or codes[int(code)])

    def _count_skipped(self, outcome: StepOutcome) -> None:
        self.skipped = self.skipped.after(outcome.finite)
        if self.skipped.in_a_row == 1:
            told = f"step {self.step} of {self.folder.name} was skipped: its loss or gradient is not finite."
            self._event(EventKind.WARNING, text=told)
        self.skipped.check(self.folder.name, self.step, self.job.recipe)

    def _backward(self, module: nn.Module, samples: Sequence[Sample]) -> tuple[LossTerms, torch.Tensor]:
        """Backpropagate a batch; return the loss terms and the gradient's norm."""
        recipe = self.job.recipe
        module.train()
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(recipe, self.step, self.plateau)
        image, target = collate(samples, self.device)
        with self._autocast():
            terms: LossTerms = module(image, target)
        self.optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self.scaler.scale(terms.total))
        self.scaler.unscale_(self.optimizer)
        norm = nn.utils.clip_grad_norm_(self.trainee.parameters(), recipe.gradient_clip or math.inf)
        return terms, norm

    def _batches(self, stop: int | None = None) -> Generator[list[Sample]]:
        recipe = self.job.recipe
        slots = self.processes.share(recipe.batch)
        steps = range(self.step, recipe.steps if stop is None else stop)
        return load_patches(self.sampler, [[(step, slot) for slot in slots] for step in steps], recipe.workers)

    def _synchronize(self) -> None:
        """Wait until the device has finished its queued work, so that timings are correct."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        elif self.device.type == "mps":
            torch.mps.synchronize()

    def _autocast(self) -> torch.autocast:
        dtype = torch.float16 if self.precision is Precision.FLOAT16 else torch.bfloat16
        return torch.autocast(self.device.type, dtype=dtype, enabled=self.precision is not Precision.FLOAT32)

    def _initialize(self, network: SegmentationNetwork) -> None:
        if self.job.recipe.init_bias_from_prior:
            frequency = torch.stack(
                [_frequency(torch.from_numpy(self.job.labels.encode(case.labelmap))) for case in self.job.training]
            ).mean(dim=0)
            start_from_prior(network, frequency, self.job.labels)
        if self.job.recipe.init_from_teacher and self.job.role is Role.STUDENT and self.job.teacher is not None:
            start_from_teacher(network, self.job.teacher, self.job.channels)

    def _validate(self) -> None:
        self._validation_due = True
        network = self.evaluated.eval()
        try:
            result = self._validation(network)
        except Interrupted:
            self._save()
            raise
        self._validation_due = False
        if not math.isfinite(result.loss):
            raise diverged(self.folder.name, self.step, "the loss of its validation is not finite", self.job.recipe)
        self.plateau = self.plateau.after(result.loss, self.job.recipe)
        choice = self.job.recipe.checkpoint
        if choice is CheckpointSelection.LAST or self.best is None or result.score > self.best[1].score:
            weights = {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
            self.best = (self.step, result, weights)
        self._event(EventKind.VALIDATION, step=self.step, **asdict(result))

    def _validation(self, network: SegmentationNetwork) -> Validation:
        own = []
        cases, count = self.job.validation, self.processes.count
        for index in range(0, len(cases), count):  # equally often in all processes
            raise_if_stop_requested(self.stop, self.processes)
            for case in cases[index : index + count][self.processes.rank :][:1]:
                own.append(
                    validate_case(
                        network, case, self.job.channels, self.job.labels, self.device, self.job.recipe.sliding_window_size
                    )
                )
        return mean_validation([item for part in self.processes.gather(own) for item in part])

    def _save(self) -> None:
        if not self.processes.first:
            return
        groups = {"trainee": self.trainee.state_dict()}
        if first_not_finite(groups["trainee"]):
            raise diverged(self.folder.name, self.step, "its weights are not finite", self.job.recipe)
        if self.average is not None:
            groups["average"] = self.average.state_dict()
        values: dict[str, object] = {"step": self.step, "plateau": _finite(asdict(self.plateau))}
        values |= {"scaler": self.scaler.state_dict(), "spent": asdict(self.spent)}
        values |= {"validation_due": self._validation_due, "skipped": asdict(self.skipped)}
        if self.best is not None:
            values["best"] = {"step": self.best[0], **asdict(self.best[1])}
            groups["best"] = self.best[2]
        write_checkpoint(self.folder.checkpoint, Checkpoint(values, groups, optimizer_tensors(self.optimizer)))

    def _resume(self) -> None:
        path = self.folder.checkpoint
        if not path.exists():
            return
        state = read_checkpoint(path)
        with reading(path, REMEDY, RunFolderError):
            self._take_up(state)

    def _take_up(self, state: Checkpoint) -> None:
        self.trainee.load_state_dict(state.groups["trainee"])
        if self.average is not None:
            self.average.load_state_dict(state.groups["average"])
        restore_optimizer(self.optimizer, state.optimizer)
        self.scaler.load_state_dict(state.values["scaler"])
        self._spent_before = ElapsedTime(**state.values["spent"])
        self.step = int(state.values["step"])
        if not 0 <= self.step <= self.job.recipe.steps:
            raise ValueError(f"step {self.step} is not one of {self.job.recipe.steps}")
        self._validation_due = bool(state.values.get("validation_due", False))
        self.skipped = Skipped(**state.values.get("skipped", {}))
        plateau = dict(state.values["plateau"])
        plateau["lowest_loss"] = math.inf if plateau["lowest_loss"] is None else plateau["lowest_loss"]
        self.plateau = PlateauState(**plateau)
        if "best" in state.values:
            best = dict(state.values["best"])
            self.best = (int(best.pop("step")), Validation(**best), dict(state.groups["best"]))

    def _finish(self) -> TrainingResult:
        if self.best is None:  # the training was resumed after its last step
            self._validate()
        assert self.best is not None
        step, validation, weights = self.best
        network = self.evaluated
        network.load_state_dict(weights)
        return TrainingResult(network.cpu().eval(), step, validation)

    def _say_step(self, outcome: StepOutcome, seconds_per_step: float) -> None:
        steps = self.job.recipe.steps
        left = self.time_remaining(self.step, seconds_per_step) if self.time_remaining else None
        self._event(
            EventKind.STEP,
            step=self.step,
            steps=steps,
            losses={name: round(value, 6) for name, value in outcome.losses.items()},
            learning_rate=self.optimizer.param_groups[0]["lr"],
            seconds_left=round(seconds_per_step * (steps - self.step), 1),
            study_seconds_left=left,
        )

    def _event(self, kind: EventKind, **values: object) -> None:
        if self.events is not None:
            self.events.write(kind, self.folder.name, **values)


def _scalars(terms: LossTerms) -> list[torch.Tensor]:
    return [term.detach().float() for term in terms]


def _finite(values: dict[str, float]) -> dict[str, float | None]:
    """Replace infinity, which JSON lacks, with None: the loss before the first validation."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _frequency(target: torch.Tensor) -> torch.Tensor:
    """Return each channel's share of the labeled voxels of ``target`` ``[channel, i, j, k]``."""
    flat = target.flatten(start_dim=1)
    known = flat[:, flat[0] != IGNORED]
    return known.float().mean(dim=1) if known.shape[1] else torch.zeros(len(flat))
