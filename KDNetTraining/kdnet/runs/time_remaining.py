"""Estimated time remaining for a study, from the durations of its networks so far, excluding interruptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kdnet.runs.events import Event, EventKind
from kdnet.schema.network_id import NetworkId, Role, networks_by_key

RELATIVE: Mapping[Role, float] = {Role.TEACHER: 1.0, Role.BASELINE: 1.0, Role.CONTROL: 1.0, Role.STUDENT: 1.35}
"""Time of a step where it is not measured yet: a student's also passes through its teacher."""


class TimeRemaining:
    """Estimates the seconds left in a study from the steps and test cases timed in this run.

    Args:
        networks: all networks of the study, in order.
        steps: steps of each network; 0 for one that is not trained.
        cases: number of test cases of each network.
        done: networks that are trained and tested.
        trained: networks that are trained.
        events: events of the run so far, including the durations of earlier sessions.
    """

    def __init__(
        self,
        networks: Sequence[NetworkId],
        steps: int,
        cases: Mapping[NetworkId, int],
        *,
        done: Iterable[NetworkId] = (),
        trained: Iterable[NetworkId] = (),
        events: Iterable[Event] = (),
    ) -> None:
        self._networks = networks_by_key(networks)
        self._steps = dict.fromkeys(networks, steps)
        self._cases = {network: cases[network] for network in networks}
        self._seconds_per_step: dict[Role, float] = {}
        self._seconds_per_case: float | None = None
        for event in events:
            self._recall(event)
        for network in trained:
            self._steps[network] = 0
        for network in done:
            self._steps[network] = self._cases[network] = 0

    def during_training(self, network: NetworkId, step: int, seconds_per_step: float) -> float | None:
        """Return the seconds left when ``network`` is at ``step`` and takes ``seconds_per_step``, validations included."""
        self._seconds_per_step[network.role] = seconds_per_step
        return self._left(network, step, 0)

    def during_test(self, network: NetworkId, case: int, seconds_per_case: float) -> float | None:
        """Return the seconds left after ``case`` test cases of ``network`` that took ``seconds_per_case`` each.

        None while networks remain to be trained and no step has been timed, as when the first network is only tested.
        """
        self._seconds_per_case = seconds_per_case
        self._steps[network] = 0
        return self._left(network, 0, case)

    def settle(self, network: NetworkId, steps: int) -> None:
        """Count on another number of steps for ``network``, unless it is trained."""
        if self._steps[network]:
            self._steps[network] = steps

    def finish(self, network: NetworkId) -> None:
        """Count ``network`` as trained and tested."""
        self._steps[network] = self._cases[network] = 0

    def _left(self, network: NetworkId, step: int, case: int) -> float | None:
        if not self._seconds_per_step and any(self._steps.values()):
            return None
        seconds = 0.0
        for other in self._networks.values():
            here = other == network
            steps = self._steps[other] - (step if here else 0)
            cases = self._cases[other] - (case if here else 0)
            if steps > 0:
                seconds += steps * self._step(other.role)
            if cases > 0:  # test times are unknown before the first network is tested
                seconds += cases * (self._seconds_per_case or 0.0)
        return round(seconds, 1)

    def _step(self, role: Role) -> float:
        if role in self._seconds_per_step:
            return self._seconds_per_step[role]
        measured, seconds = next(iter(self._seconds_per_step.items()), (role, 0.0))
        return seconds * RELATIVE[role] / RELATIVE[measured]

    def _recall(self, event: Event) -> None:
        network, values = self._networks.get(event.network), event.values
        if network is None:
            return
        if event.event is EventKind.NETWORK_FINISHED and values.get("seconds") and self._steps[network]:
            self._seconds_per_step[network.role] = float(values["seconds"]) / self._steps[network]
        if event.event is EventKind.EVALUATION and values.get("seconds_per_case"):
            self._seconds_per_case = float(values["seconds_per_case"])
