"""The events of a training, with the time that it and the whole study still take."""

from __future__ import annotations

import time
from dataclasses import asdict

from kdnet.runs.events import EventKind, EventLog
from kdnet.runs.time_remaining import TimeRemaining
from kdnet.schema.network_id import NetworkId
from kdnet.schema.recipe import Precision
from kdnet.training.callbacks import StepReport, TrainingCallbacks
from kdnet.training.validation import Validation

EVENT_SECONDS = 1.0  # between two events of steps


class TrainingEvents(TrainingCallbacks):
    """Records a training in the events of a run.

    Args:
        network: which network is trained.
        events: where to record it.
        time_remaining: estimate for the whole study.
    """

    def __init__(self, network: NetworkId, events: EventLog, time_remaining: TimeRemaining) -> None:
        self._network, self._events, self._time_remaining = network, events, time_remaining
        self._first_step = 0
        self._started = self._reported = time.monotonic()

    def on_start(self, step: int, steps: int, precision: Precision) -> None:
        """Record the start, and begin to measure the time of a step."""
        self._events.write(EventKind.NETWORK_STARTED, self._network.key, step=step, steps=steps, precision=precision.value)
        self._first_step = step
        self._started = self._reported = time.monotonic()

    def on_step(self, report: StepReport) -> None:
        """Record a step, at most once a second."""
        now = time.monotonic()
        if not report.last and now - self._reported < EVENT_SECONDS:
            return
        self._reported = now
        seconds_per_step = (now - self._started) / (report.step - self._first_step)
        self._events.write(
            EventKind.STEP,
            self._network.key,
            step=report.step,
            steps=report.steps,
            losses={name: round(value, 6) for name, value in report.losses.items()},
            learning_rate=report.learning_rate,
            seconds_left=round(seconds_per_step * (report.steps - report.step), 1),
            study_seconds_left=self._time_remaining.during_training(self._network, report.step, seconds_per_step),
        )

    def on_skipped_step(self, step: int) -> None:
        """Warn of a step that was not finite."""
        text = f"step {step} of {self._network.key} was skipped: its loss or gradient is not finite."
        self._events.write(EventKind.WARNING, self._network.key, text=text)

    def on_validation(self, step: int, validation: Validation) -> None:
        """Record a validation."""
        self._events.write(EventKind.VALIDATION, self._network.key, step=step, **asdict(validation))
        if step == self._first_step:  # one that was interrupted, before the first step: its time is not that of a step
            self._started = self._reported = time.monotonic()
