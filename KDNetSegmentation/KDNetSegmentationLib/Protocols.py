"""What the sections of the panel need from the panel and from the logic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from kdnet.schema.visits import VisitComparison
    from KDNetLib.ModelInfo import ModelInfo
    from KDNetLib.ModelLibrary import ModelLibrary
    from KDNetLib.Worker import Failure
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

    from KDNetSegmentationLib.Answers import RegionScore
    from KDNetSegmentationLib.CollectJob import Collected, Correction
    from KDNetSegmentationLib.Jobs import Cases
    from KDNetSegmentationLib.Lesions import LesionMap, LesionSelection
    from KDNetSegmentationLib.Parameters import Parameters
    from KDNetSegmentationLib.Settings import Progress, Result, Settings

    Failed = Callable[[Failure], None]
    Progressed = Callable[[Progress], None]
    Volumes = vtkMRMLScalarVolumeNode | Sequence[vtkMRMLScalarVolumeNode]

Widgets = Any  # the widgets of the .ui file by name, which Qt's loader creates; a test compares the names with the file


class StatusView(Protocol):
    """Shows messages and progress to the user."""

    def showMessage(self, text: str, details: str = "") -> None:
        """Show a message, with details behind a button."""

    def showProgress(self, done: float, total: float) -> None:
        """Set the progress bar; a total of 0 means unknown."""


class SegmentationLogicProtocol(Protocol):
    """Segments in the background; see ``SegmentationLogic``."""

    library: ModelLibrary

    @property
    def busy(self) -> bool:
        """Whether work is in progress."""

    @property
    def running(self) -> bool:
        """Whether the worker is running."""

    @property
    def warm(self) -> bool:
        """Whether the worker is running and has finished its imports."""

    def getParameterNode(self) -> Any:
        """Return the node that stores the panel's settings in the scene."""

    def models(self) -> tuple[ModelInfo, ...]:
        """Return the available models."""

    def start(
        self,
        volumes: Volumes,
        model: ModelInfo | str,
        *,
        output: vtkMRMLSegmentationNode | None = ...,
        settings: Settings | None = ...,
        onFinished: Callable[[Result], None] = ...,
        onFailed: Failed = ...,
        onProgress: Progressed = ...,
    ) -> None:
        """Segment a volume."""

    def startFolder(
        self,
        inputFolder: str | Path,
        outputFolder: str | Path,
        model: ModelInfo | str,
        *,
        settings: Settings | None = ...,
        onFinished: Callable[[Cases], None] = ...,
        onFailed: Failed = ...,
        onProgress: Progressed = ...,
    ) -> None:
        """Segment all images of a folder."""

    def startImport(
        self, path: str | Path, name: str = ..., *, onFinished: Callable[[ModelInfo], None] = ..., onFailed: Failed = ...
    ) -> None:
        """Validate and import a model file."""

    def startComparison(
        self,
        segmentation: vtkMRMLSegmentationNode,
        reference: vtkMRMLSegmentationNode,
        volume: vtkMRMLScalarVolumeNode,
        model: ModelInfo | str,
        *,
        onFinished: Callable[[Sequence[RegionScore]], None] = ...,
        onFailed: Failed = ...,
    ) -> None:
        """Score a segmentation against a reference."""

    def startLesions(
        self, selection: LesionSelection, *, onFinished: Callable[[LesionMap], None] = ..., onFailed: Failed = ...
    ) -> None:
        """Measure the lesions of a segmentation alongside other work."""

    def startVisits(
        self,
        earlier: vtkMRMLSegmentationNode,
        later: vtkMRMLSegmentationNode,
        *,
        model: ModelInfo | str | None = ...,
        register: bool = ...,
        onFinished: Callable[[VisitComparison], None] = ...,
        onFailed: Failed = ...,
        onProgress: Progressed = ...,
    ) -> None:
        """Compare two segmentations of one patient."""

    def startReport(
        self,
        path: str | Path,
        segmentation: vtkMRMLSegmentationNode,
        volume: vtkMRMLScalarVolumeNode | None = ...,
        *,
        model: ModelInfo | str | None = ...,
        onFinished: Callable[[Path], None] = ...,
        onFailed: Failed = ...,
    ) -> None:
        """Write the report on a segmented volume."""

    def startDicomSeg(
        self,
        path: str | Path,
        segmentation: vtkMRMLSegmentationNode,
        volume: vtkMRMLScalarVolumeNode | None = ...,
        *,
        model: ModelInfo | str | None = ...,
        onFinished: Callable[[Path], None] = ...,
        onFailed: Failed = ...,
    ) -> None:
        """Write a segmentation as DICOM SEG."""

    def warmUp(
        self,
        model: ModelInfo | str,
        settings: Settings | None = ...,
        *,
        onFinished: Callable[[str], None] = ...,
        onFailed: Failed = ...,
    ) -> None:
        """Start the worker and load a model."""

    def startCollect(
        self,
        folder: str | Path,
        correction: Correction,
        *,
        onFinished: Callable[[Collected], None] = ...,
        onFailed: Failed = ...,
    ) -> None:
        """Add a corrected segmentation to the training cases."""

    def checkDevices(self, onFound: Callable[[Mapping[str, str]], None], onFailed: Failed) -> None:
        """Find the available devices."""

    def cancel(self) -> None:
        """Cancel the work in progress."""

    def cancelSceneWork(self) -> bool:
        """Cancel the work in progress if it needs the scene; return whether it did."""


class PanelProtocol(StatusView, Protocol):
    """The panel, as its sections see it."""

    ui: Widgets
    logic: SegmentationLogicProtocol
    parameters: Parameters | None

    @property
    def model(self) -> ModelInfo | None:
        """The selected model."""

    @property
    def resultModel(self) -> ModelInfo | None:
        """The model that made the result; None if it is not known here."""

    @property
    def segmenting(self) -> bool:
        """Whether a volume is being segmented, so that its inputs must stay as they are."""

    def update(self, *_arguments: object) -> None:
        """Update buttons and hints of all sections."""

    def refillModels(self, wanted: str = "") -> None:
        """Refresh the list of models and select the file named ``wanted``."""

    def showFailure(self, failure: Failure) -> None:
        """Show why work failed."""

    def showSegmentation(self, node: vtkMRMLSegmentationNode, volume: vtkMRMLScalarVolumeNode) -> None:
        """Show a segmentation that exists, such as a training case, in the results section."""

    def showResult(self, result: Result, volume: vtkMRMLScalarVolumeNode, model: ModelInfo) -> None:
        """Show the overlay on the segmented volume, whatever is selected now."""

    def showCase(self, volume: vtkMRMLScalarVolumeNode) -> None:
        """Select a volume that was loaded with its result, and show both."""
