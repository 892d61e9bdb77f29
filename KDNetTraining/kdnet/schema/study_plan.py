"""The plan of a study before it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from kdnet.json_schema import parse_dataclass
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.formatting import duration, plural, size
from kdnet.schema.modalities import format_modalities
from kdnet.schema.network_id import NetworkId, Role


@dataclass(frozen=True)
class FoldCounts:
    """Numbers of cases in one fold."""

    fold: int
    train: int
    validation: int
    test: int

    def summary(self) -> str:
        """Describe how the cases are used."""
        train = plural(self.train, "{count} case to train", "{count} cases to train")
        if self.fold == ALL_CASES:
            return f"All cases: {train}, none to test."
        return f"Fold {self.fold}: {train}, {self.validation} to validate, {self.test} to test."


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

    @property
    def kinds(self) -> tuple[tuple[Role, tuple[str, ...]], ...]:
        """Role and input modalities of the networks, once for all folds and seeds."""
        return tuple(dict.fromkeys((network.role, network.modalities) for network in self.networks))

    def summary(self) -> str:
        """Return the plan as a paragraph."""
        networks = plural(len(self.networks), "{count} network", "{count} networks")
        steps = plural(self.steps, "{count} step", "{count} steps")
        parts = [
            f"{networks} of {steps} each: {', '.join(_kind(*kind) for kind in self.kinds)}.",
            *(item.summary() for item in self.folds),
            f"Estimated time on this computer ({self.device}): {duration(60 * self.minutes)}, with up to "
            f"{size(self.memory_bytes)} of memory and {size(self.disk_bytes)} of disk space.",
        ]
        if self.excluded:
            count = plural(len(self.excluded), "{count} case is", "{count} cases are")
            parts.append(f"{count} excluded: {', '.join(sorted(self.excluded))}.")
        return " ".join([*parts, *self.warnings])

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain JSON values, including its summary."""
        networks = [network.to_json() for network in self.networks]
        return {**asdict(self), "networks": networks, "excluded": dict(self.excluded), "summary": self.summary()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a plan from :meth:`to_json` output.

        Raises:
            KeyError, TypeError, ValueError, SettingsError: on invalid content.
        """
        return cls(
            networks=tuple(NetworkId.from_json(item) for item in content["networks"]),
            steps=int(content["steps"]),
            minutes=float(content["minutes"]),
            memory_bytes=int(content["memory_bytes"]),
            disk_bytes=int(content["disk_bytes"]),
            folds=tuple(parse_dataclass(FoldCounts, item) for item in content["folds"]),
            device=str(content["device"]),
            excluded=dict(content["excluded"]),
            warnings=tuple(map(str, content["warnings"])),
        )


def _kind(role: Role, modalities: tuple[str, ...]) -> str:
    return role.value if role is Role.TEACHER else f"{role.value} {format_modalities(modalities)}"
