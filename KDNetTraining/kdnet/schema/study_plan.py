"""What a study will do, before it does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from kdnet.schema.folds import ALL_CASES
from kdnet.schema.formatting import _size, duration


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
