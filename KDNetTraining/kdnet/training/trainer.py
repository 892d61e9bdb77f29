"""Training one network of a study: teacher, baseline, or student."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from kdnet.errors import RunFolderError
from kdnet.foreign import reading
from kdnet.networks.fill import first_not_finite
from kdnet.schema.interruption import Interrupted, Stop
from kdnet.training.batches import load_batches
from kdnet.training.callbacks import StepReport, TrainingCallbacks
from kdnet.training.checkpoint import REMEDY, read_checkpoint, write_checkpoint
from kdnet.training.context import ComputeContext
from kdnet.training.divergence import diverged
from kdnet.training.elapsed_time import Stopwatch
from kdnet.training.job import TrainingJob
from kdnet.training.learner import TRAINED, Learner, StepOutcome
from kdnet.training.patches import Sample
from kdnet.training.progress import BEST, TrainingProgress
from kdnet.training.result import TrainingResult
from kdnet.training.validation import validate


class Trainer:
    """Runs a :class:`TrainingJob` step by step; everything random depends on seed and step alone.

    Args:
        job: what to train.
        context: where, with which processes, and whether to stop.
        checkpoint: file of the state, to resume from and to save to.
        callbacks: receive what happens.
    """

    def __init__(
        self, job: TrainingJob, context: ComputeContext, checkpoint: Path, callbacks: TrainingCallbacks | None = None
    ) -> None:
        self.job, self.context, self.checkpoint = job, context, checkpoint
        self.callbacks = callbacks or TrainingCallbacks()
        self.learner = Learner(job, context.device)
        self.progress = TrainingProgress()
        self.stopwatch = Stopwatch()
        self._saved = time.monotonic()

    def train(self) -> TrainingResult:
        """Train to the last step, from the checkpoint if there is one.

        Raises:
            Interrupted: after a stop request, once the state is saved.
            SettingsError: when the training diverges; the last finite state is kept.
        """
        self.resume_from_checkpoint()
        self.callbacks.on_start(self.progress.step, self.job.recipe.steps, self.learner.precision)
        self.learner.join(self.context.processes)
        if self.progress.validation_due:
            self.validate()
        with closing(self.batches()) as batches:
            for samples in batches:
                outcome = self.train_step(samples)
                if self.is_validation_due():
                    self.validate()
                if outcome.stop or self.is_checkpoint_due():
                    self.save_checkpoint()
                self.raise_if_stopped(outcome.stop)
        return self.finish()

    def batches(self) -> Generator[list[Sample]]:
        """Yield the batches of the remaining steps; if a stop request also ended the workers, save the state first."""
        try:
            yield from load_batches(self.job, self.context.processes, range(self.progress.step, self.job.recipe.steps))
        except (RuntimeError, OSError) as error:
            stop = self.context.pending_stop()
            if stop is None:
                raise
            self.save_checkpoint()
            raise Interrupted(stop) from error

    def train_step(self, samples: Sequence[Sample]) -> StepOutcome:
        """Do one step and report it.

        Raises:
            SettingsError: when too many steps were not finite.
        """
        outcome = self.learner.train_step(samples, self.progress.step, self.progress.plateau, self.context)
        self.progress = self.progress.after_step(finite=outcome.finite)
        step, skipped = self.progress.step, self.progress.skipped
        if skipped.in_a_row == 1:
            self.callbacks.on_skipped_step(step)
        skipped.check(self.job.name, step, self.job.recipe)
        if outcome.finite:
            report = StepReport(step, self.job.recipe.steps, outcome.losses, self.learner.learning_rate)
            self.callbacks.on_step(report)
        return outcome

    def is_validation_due(self) -> bool:
        """Check whether to validate after the last step."""
        step, recipe = self.progress.step, self.job.recipe
        return step == recipe.steps or step % recipe.validation_every == 0

    def validate(self) -> None:
        """Validate, and keep the weights if they are the best so far; save the state first if interrupted."""
        self.progress = replace(self.progress, validation_due=True)
        network = self.learner.evaluated.eval()
        try:
            validation = validate(network, self.job, self.context)
        except Interrupted:
            self.save_checkpoint()
            raise
        step, recipe = self.progress.step, self.job.recipe
        if not math.isfinite(validation.loss):
            raise diverged(self.job.name, step, "the loss of its validation is not finite", recipe)
        self.progress = self.progress.after_validation(validation, network, recipe)
        self.callbacks.on_validation(step, validation)

    def is_checkpoint_due(self) -> bool:
        """Check whether enough time has passed since the last checkpoint, or since the start."""
        return time.monotonic() - self._saved >= self.job.recipe.checkpoint_seconds

    def save_checkpoint(self) -> None:
        """Save the state, in the process that writes.

        Raises:
            KDNetError: when the weights are not finite, or the disk is full; the previous state is kept.
        """
        self._saved = time.monotonic()
        if not self.context.processes.is_main:
            return
        progress = replace(self.progress, elapsed=self.stopwatch.elapsed)
        best = {} if progress.best is None else {BEST: progress.best.weights}
        state = self.learner.checkpoint(progress.to_json(), best)
        if first_not_finite(state.groups[TRAINED]):
            raise diverged(self.job.name, progress.step, "its weights are not finite", self.job.recipe)
        write_checkpoint(self.checkpoint, state)

    def resume_from_checkpoint(self) -> None:
        """Continue from the checkpoint, if there is one.

        Raises:
            RunFolderError: when it is damaged or does not fit.
        """
        self._saved = time.monotonic()
        if self.checkpoint.exists():
            state = read_checkpoint(self.checkpoint)
            with reading(self.checkpoint, REMEDY, RunFolderError):
                self.learner.restore(state)
                self.progress = TrainingProgress.from_checkpoint(state, self.job.recipe.steps)
                self.stopwatch.add(self.progress.elapsed)

    def raise_if_stopped(self, stop: Stop | None) -> None:
        """End the training on request, unless it is complete.

        Raises:
            Interrupted: after a stop request.
        """
        if stop is not None and self.progress.step < self.job.recipe.steps:
            raise Interrupted(stop)

    def finish(self) -> TrainingResult:
        """Return the network with its best weights."""
        if self.progress.best is None:  # resumed after the last step, before the first validation
            self.validate()
        best = self.progress.best
        assert best is not None
        network = self.learner.evaluated
        network.load_state_dict(best.weights)
        return TrainingResult(network.cpu().eval(), self.learner.spec, best.step, best.validation, self.stopwatch.elapsed)
