"""Losses and validation Dice of a run, collected from its events; plain lists, so that a chart only adds what is new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kdnet.runs.events import planned_networks
from kdnet.schema.network_id import NetworkId

LOSSES = ("total", "segmentation", "soft_target", "latent")
MOST_POINTS = 4000  # more are not visible in a chart, and slow it down


class Curve:
    """Values by step, in increasing order of steps.

    A resumed training repeats some steps: adding a step drops all from there on. Beyond ``MOST_POINTS`` every second
    point is dropped, as often as needed.

    Args:
        names: value names.

    Example:
        >>> curve = Curve(["total"])
        >>> for step in (1, 2, 3, 2):
        ...     curve.add(step, {"total": step / 10})
        >>> curve.steps, curve.values["total"]
        ([1, 2], [0.1, 0.2])
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.steps: list[int] = []
        self.values: dict[str, list[float]] = {name: [] for name in names}
        self.revision = 0
        """Changes when points were dropped; otherwise points were only added."""

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add a point."""
        if self.steps and step <= self.steps[-1]:
            self._keep([known < step for known in self.steps])
        self.steps.append(step)
        for name, column in self.values.items():
            column.append(float(values.get(name, 0.0)))
        if len(self.steps) > MOST_POINTS:
            self._keep([index % 2 == 0 for index in range(len(self.steps))])

    def _keep(self, kept: Sequence[bool]) -> None:
        self.revision += 1
        columns: list[list[Any]] = [self.steps, *self.values.values()]
        for column in columns:
            column[:] = [value for value, stays in zip(column, kept, strict=True) if stays]


class Curves:
    """The curves of all networks of one run.

    Attributes:
        losses, dice: by network.
        steps: total training steps of each network, 0 while unknown.
    """

    def __init__(self) -> None:
        self.losses: dict[NetworkId, Curve] = {}
        self.dice: dict[NetworkId, Curve] = {}
        self.steps = 0
        self._networks: dict[str, NetworkId] = {}

    def add(self, events: Iterable[Any]) -> None:
        """Add events of ``kdnet.runs.events``; skip those without values, or of networks that the run does not list."""
        for event in events:
            values = event.values
            self.steps = max(self.steps, int(values.get("steps", 0)))
            if event.event == "study_started":
                self._networks = planned_networks([event])
            network = self._networks.get(event.network)
            if network is None:
                continue
            if event.event == "step" and "losses" in values:
                _curve(self.losses, network, LOSSES).add(int(values["step"]), values["losses"])
            elif event.event == "validation" and "dice" in values:
                _curve(self.dice, network, tuple(values["dice"])).add(int(values["step"]), values["dice"])


def _curve(curves: dict[NetworkId, Curve], network: NetworkId, names: Sequence[str]) -> Curve:
    if network not in curves:
        curves[network] = Curve(names)
    return curves[network]
