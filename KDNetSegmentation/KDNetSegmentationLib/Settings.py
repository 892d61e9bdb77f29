"""Settings and results of a segmentation: plain values shared by panel, logic and scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kdnet.schema.segmentation import SegmentationOptions
from KDNetLib.Worker import Failure

from KDNetSegmentationLib.Answers import CaseOutcome

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

    from KDNetSegmentationLib.Lesions import LesionMap


@dataclass(frozen=True)
class Settings(SegmentationOptions):
    """Segmentation settings: the options of ``kdnet segment``, and what only the scene has.

    Attributes:
        uncertainty: add a volume that is 100 where the network is undecided and 0 where it is certain.
        brainMask: for the brain extraction ``"mask"``: segmentation or labelmap of the scene.
        brainSegment: ID of the segment of the brain; by default, one named "Brain", otherwise the first.
    """

    uncertainty: bool = False
    brainMask: vtkMRMLNode | None = None
    brainSegment: str = ""

    def request(self) -> dict[str, Any]:
        """Return the part of a request to the worker that contains these settings."""
        return {**self.to_json(), "probabilities": self.probabilities or self.uncertainty}


@dataclass(frozen=True)
class Progress:
    """Progress of the work.

    Attributes:
        stage: ``"start"``, ``"load"``, ``"brain"``, ``"registration"``, ``"shading"``, ``"prepare"``, ``"forward"``,
            ``"label"``, ``"import"`` or ``"batch"``.
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
        lesions: lesions of at least 0.05 mL, and where they are.
        preparation: what was done to the volumes before, in sentences.
        warnings: why the result may be wrong, one sentence each.
        brainNode: hidden segmentation of the brain that was extracted, None if none was.
        transformNodes: transforms that move the other volumes onto the first, for those that were registered.
    """

    segmentationNode: vtkMRMLSegmentationNode
    volumes: Mapping[str, float]
    mapNodes: tuple[vtkMRMLScalarVolumeNode, ...] = ()
    device: str = ""
    seconds: float = 0.0
    stages: Mapping[str, float] = field(default_factory=dict)
    center: tuple[float, float, float] | None = None
    lesions: LesionMap | None = None
    preparation: str = ""
    warnings: tuple[str, ...] = ()
    brainNode: vtkMRMLSegmentationNode | None = None
    transformNodes: tuple[vtkMRMLNode, ...] = ()


class SegmentationError(RuntimeError):
    """Raised when a segmentation fails; its message is one sentence.

    Attributes:
        failure: the failure with its details.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
