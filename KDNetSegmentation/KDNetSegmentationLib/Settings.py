"""Settings and results of a segmentation: plain values shared by panel, logic and scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from KDNetLib.Worker import Failure

from KDNetSegmentationLib.Answers import CaseOutcome

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode


@dataclass(frozen=True)
class Settings:
    """Segmentation settings.

    Attributes:
        device: ``"auto"``, ``"cuda"``, ``"mps"`` or ``"cpu"``.
        flips: average over mirrored images: eight times slower, slightly better.
        smallestIsland: islands smaller than this volume in mm³ are removed.
        probabilities: add a probability volume in percent per region.
        uncertainty: add a volume that is 100 where the network is undecided and 0 where it is certain.
        overwrite: in a batch, segment finished cases again; manually corrected labelmaps are kept.
    """

    device: str = "auto"
    flips: bool = False
    smallestIsland: float = 0.0
    probabilities: bool = False
    uncertainty: bool = False
    overwrite: bool = False

    def request(self) -> dict[str, Any]:
        """Return the part of a request that contains these settings."""
        return {
            "device": self.device,
            "flips": self.flips,
            "islands": self.smallestIsland,
            "probabilities": self.probabilities or self.uncertainty,
            "overwrite": self.overwrite,
        }


@dataclass(frozen=True)
class Progress:
    """Progress of the work.

    Attributes:
        stage: ``"start"``, ``"load"``, ``"brain"``, ``"prepare"``, ``"forward"``, ``"label"``, ``"import"`` or ``"batch"``.
        done: finished parts of the stage.
        total: total parts of the stage.
        case: in a batch, the outcome of the last case.
        names: at the start of a batch, the names of all cases in order.
    """

    stage: str
    done: int = 0
    total: int = 1
    case: CaseOutcome | None = None
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a segmentation.

    Attributes:
        segmentationNode: segmentation with one segment per label.
        volumes: volumes of labels and regions in mL.
        mapNodes: probability and uncertainty volumes, if requested.
        device: device that was used.
        seconds: total time from click to overlay.
        stages: seconds by stage.
        center: point (RAS, mm) whose three slices show the most of the result, None if nothing was found.
    """

    segmentationNode: vtkMRMLSegmentationNode
    volumes: Mapping[str, float]
    mapNodes: tuple[vtkMRMLScalarVolumeNode, ...] = ()
    device: str = ""
    seconds: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    center: tuple[float, float, float] | None = None


class SegmentationError(RuntimeError):
    """Raised when a segmentation fails; its message is one sentence.

    Attributes:
        failure: the failure with its details.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
