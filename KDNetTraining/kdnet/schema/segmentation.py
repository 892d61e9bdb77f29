"""How far a segmentation is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Stage(StrEnum):
    """The steps of a segmentation, in order."""

    BRAIN = "brain"
    PREPARE = "prepare"
    FORWARD = "forward"
    LABEL = "label"


@dataclass(frozen=True)
class Progress:
    """``done`` of ``total`` parts of a stage."""

    stage: Stage
    done: int
    total: int


ProgressCallback = Callable[[Progress], None]


@dataclass(frozen=True)
class RegionVolume:
    """How much of something a labelmap holds."""

    name: str
    milliliters: float
