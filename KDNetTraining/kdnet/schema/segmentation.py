"""Progress of a segmentation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from kdnet.schema.former_names import current_name


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
    """The volume of a region in a labelmap."""

    name: str
    milliliters: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", current_name(self.name))
