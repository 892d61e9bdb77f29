"""The plan of a study before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kdnet.schema.folds import ALL_CASES
from kdnet.schema.formatting import _size, duration
from kdnet.schema.network_id import NetworkId, Role


@dataclass(frozen=True)
class FoldCounts:
    """Numbers of cases in one fold."""

    fold: int
    train: int
    validation: int
    test: int

    def words(self) -> str:
        """Describe how the cases are used."""
        if self.fold == ALL_CASES:
            return f"all {self.train} cases train, and none is kept to test"
        return (
            f"fold {self.fold}: {self.train} cases to train, {self.validation} to choose the weights, {self.test} to test"
        )


@dataclass(frozen=True)
class StudyPlan:
    """The networks, time and resources of a planned study.

    Attributes:
        networks: networks to train, or only test for a pretrained teacher, in order.
        steps: steps of each trained network.
        minutes: estimated duration of the whole study on this machine under its current load.
        memory_bytes: peak memory of the device, or of the process on a CPU, per process.
        disk_bytes: final size of the run folder.
        folds: numbers of cases in each fold.
        device: compute device.
        excluded: excluded cases, each with the reason.
        warnings: deviations from the request.
    """

    networks: tuple[NetworkId, ...]
    steps: int
    minutes: float
    memory_bytes: int
    disk_bytes: int
    folds: tuple[FoldCounts, ...]
    device: str
    excluded: Mapping[str, str]
    warnings: tuple[str, ...] = ()

    def words(self) -> str:
        """Return the plan as a paragraph."""
        folds = "; ".join(item.words() for item in self.folds)
        kinds = ", ".join(dict.fromkeys(map(_kind, self.networks)))
        parts = [
            f"{len(self.networks)} networks of {self.steps} steps each: {kinds}.",
            f"{folds[:1].upper()}{folds[1:]}.",
            f"On this machine ({self.device}) that takes about {duration(self.minutes)}, up to "
            f"{_size(self.memory_bytes)} of memory and {_size(self.disk_bytes)} of disk.",
        ]
        if self.excluded:
            names = ", ".join(sorted(self.excluded))
            parts.append(f"{len(self.excluded)} case(s) are left out: {names}.")
        return " ".join([*parts, *self.warnings])

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON values, including its text."""
        networks = [network.to_json() for network in self.networks]
        return {**asdict(self), "networks": networks, "excluded": dict(self.excluded), "words": self.words()}


def _kind(network: NetworkId) -> str:
    return network.role.value if network.role is Role.TEACHER else f"{network.role.value} {network.modality_key}"
