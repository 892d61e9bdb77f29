"""How to segment, and what came out of it: plain values that panel, logic and scripts share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from KDNetLib.Worker import Failure


@dataclass(frozen=True)
class Settings:
    """How to segment.

    Attributes:
        device: ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
        flips: average over mirrored images: eight times slower, a little better.
        smallestIsland: islands smaller than this are cleared, in mm³.
        probabilities: add a volume in percent per region.
        uncertainty: add a volume that is 100 where the network could not decide and 0 where it was sure.
        overwrite: in a batch, segment again what is done; labelmaps that were corrected are kept.
    """

    device: str = "auto"
    flips: bool = False
    smallestIsland: float = 0.0
    probabilities: bool = False
    uncertainty: bool = False
    overwrite: bool = False

    def request(self) -> dict[str, Any]:
        """The part of a request that these settings make."""
        return {
            "device": self.device,
            "flips": self.flips,
            "islands": self.smallestIsland,
            "probabilities": self.probabilities or self.uncertainty,
            "overwrite": self.overwrite,
        }


@dataclass(frozen=True)
class Progress:
    """How far the work is.

    Attributes:
        stage: ``"start"``, ``"load"``, ``"brain"``, ``"prepare"``, ``"forward"``, ``"label"``, ``"import"`` or ``"batch"``.
        done: parts of the stage that are done.
        total: parts of the stage.
        case: in a batch, what became of the last case.
        names: in a batch, at its beginning, of all cases in their order.
    """

    stage: str
    done: int = 0
    total: int = 1
    case: Mapping[str, Any] | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Result:
    """What a segmentation gave.

    Attributes:
        segmentationNode: with one segment per label.
        volumes: of labels and regions in mL.
        mapNodes: probability and uncertainty volumes, if they were asked for.
        device: that computed.
        seconds: from click to overlay, in all.
        stages: seconds by stage.
        center: a point (RAS, mm) whose three slices show most of what was found, None when nothing was.
    """

    segmentationNode: Any
    volumes: Mapping[str, float]
    mapNodes: tuple[Any, ...] = ()
    device: str = ""
    seconds: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    center: tuple[float, float, float] | None = None


class SegmentationError(RuntimeError):
    """A segmentation that failed; its text is one sentence.

    Attributes:
        failure: with the details.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
