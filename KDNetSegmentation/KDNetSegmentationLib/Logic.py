"""Segmentation from the Python console, a script, or the panel.

In the Python console of Slicer, with a volume loaded::

    logic = slicer.util.getModuleLogic("KDNetSegmentation")
    print([model.title for model in logic.models()])
    result = logic.segment(slicer.util.getNode("MRHead"), "Phantom demo")
    print(result.volumes)

Without blocking the panel or the console::

    logic.start(volume, "Phantom demo", onFinished=lambda result: print(result.volumes))

Many volumes, and a folder of files (nothing is loaded into the scene)::

    results = logic.segmentMany(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"), "Phantom demo")
    cases = logic.segmentFolder("/data/scans", "/data/segmentations", "Phantom demo")

Lesions, a report, and an earlier visit::

    for lesion in result.lesions.table.lesions:
        print(lesion.number, lesion.whole.milliliters, lesion.whole.diameters)
    logic.writeReport("/data/report.pdf", result.segmentationNode, volume)
    print(logic.compareVisits(slicer.util.getNode("May"), result.segmentationNode).regions)

Training cases of corrected segmentations, for KDNetTraining::

    logic.collect("/data/corrections", result.segmentationNode, volume, patient="4711")
    print(len(logic.trainingCases("/data/corrections").cases))

Installing a model file::

    logic.importModel("/data/student.safetensors")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import slicer
from kdnet.errors import KDNetError
from kdnet.files import writable_folder
from KDNetLib.ModelInfo import ModelInfo
from KDNetLib.ModelLibrary import ModelLibrary
from KDNetLib.Worker import Worker
from slicer.i18n import tr as _

from KDNetSegmentationLib.CollectionLogic import CollectionLogic
from KDNetSegmentationLib.JobRunner import Failed, Progressed
from KDNetSegmentationLib.Jobs import BatchJob, Cases, ComparisonJob, DevicesJob, ImportJob, LoadJob, SegmentationJob
from KDNetSegmentationLib.Settings import Result, SegmentationError, Settings

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

    from KDNetSegmentationLib.Answers import RegionScore
    from KDNetSegmentationLib.Protocols import Volumes


class SegmentationLogic(CollectionLogic):
    """Segments volumes of the scene with one persistent worker.

    Args:
        library: model library.
        worker: worker that computes; replaceable in tests.
    """

    def __init__(self, library: ModelLibrary | None = None, worker: Worker | None = None) -> None:
        super().__init__(worker)
        self.library = library or ModelLibrary(defaultModelFolder())

    def models(self) -> tuple[ModelInfo, ...]:
        """Return the available models."""
        return self.library.models()

    def start(
        self,
        volumes: Volumes,
        model: ModelInfo | str,
        *,
        output: vtkMRMLSegmentationNode | None = None,
        settings: Settings | None = None,
        onFinished: Callable[[Result], None] = lambda _result: None,
        onFailed: Failed = lambda _failure: None,
        onProgress: Progressed = lambda _progress: None,
    ) -> None:
        """Segment a volume in the background; the scene changes only on success.

        Args:
            volumes: a scalar volume node, or one per modality of the model in channel order. Those on other grids are
                registered to the first.
            model: model from :meth:`models`, or its file name.
            output: segmentation node to replace, None for a new one.
            settings: segmentation settings.
            onFinished: called with the result.
            onFailed: called with the reason.
            onProgress: called as the work progresses.

        Raises:
            RuntimeError: if other work is in progress.
            KDNetError: if there is no such model.
        """
        nodes = list(volumes) if isinstance(volumes, Sequence) else [volumes]
        info = self._model(model)
        self._begin(SegmentationJob(nodes, info, output, settings or Settings()), onFinished, onFailed, onProgress)

    def segment(
        self,
        volumes: Volumes,
        model: ModelInfo | str,
        *,
        output: vtkMRMLSegmentationNode | None = None,
        settings: Settings | None = None,
        onProgress: Progressed = lambda _progress: None,
    ) -> Result:
        """Do the same as :meth:`start`, but wait and return the result.

        Raises:
            SegmentationError: in one sentence.
        """
        options = {"output": output, "settings": settings, "onProgress": onProgress}
        result: Result = self._waited(self.start, volumes, model, **options)
        return result

    def segmentMany(
        self, volumes: Sequence[vtkMRMLScalarVolumeNode], model: ModelInfo | str, *, settings: Settings | None = None
    ) -> list[Result | SegmentationError]:
        """Segment volumes in sequence, each into a new node; a failure does not stop the others."""
        results: list[Result | SegmentationError] = []
        for volume in volumes:
            try:
                results.append(self.segment(volume, model, settings=settings))
            except SegmentationError as error:
                results.append(error)
        return results

    def warmUp(
        self,
        model: ModelInfo | str,
        settings: Settings | None = None,
        *,
        onFinished: Callable[[str], None] = lambda _device: None,
        onFailed: Failed = lambda _failure: None,
    ) -> None:
        """Start the worker and load a model alongside other work, so that the first segmentation is as fast as the next.

        The worker exits after 15 minutes without work. :meth:`cancel` of other work cancels this too, as an empty failure.

        Args:
            model: model from :meth:`models`, or its file name.
            settings: settings of the segmentation that is expected.
            onFinished: called with the device that the model is on.
            onFailed: called with the reason.

        Raises:
            KDNetError: if there is no such model.
        """
        self._query(LoadJob(self._model(model), settings or Settings()), onFinished, onFailed)

    def startFolder(
        self,
        inputFolder: str | Path,
        outputFolder: str | Path,
        model: ModelInfo | str,
        *,
        settings: Settings | None = None,
        onFinished: Callable[[Cases], None] = lambda _cases: None,
        onFailed: Failed = lambda _failure: None,
        onProgress: Progressed = lambda _progress: None,
    ) -> None:
        """Segment all images of a folder into another one, as ``kdnet segment`` does, without adding them to the scene.

        ``onProgress`` and ``onFinished`` receive ``name``, ``state`` (``"segmented"``, ``"done before"``, ``"failed"`` or
        ``"skipped"``), ``labelmap``, ``amounts``, ``error`` and ``warnings`` of cases. Files written before
        :meth:`cancel` stay, and are skipped when the folder is segmented again.

        Raises:
            RuntimeError: if other work is in progress.
            KDNetError: if a folder cannot be used.
        """
        if not Path(inputFolder).is_dir():
            raise KDNetError(
                _("{path} is not a folder: select the folder that contains the images.").format(path=inputFolder)
            )
        writable_folder(Path(outputFolder))
        job = BatchJob(Path(inputFolder), Path(outputFolder), self._model(model), settings or Settings())
        self._begin(job, onFinished, onFailed, onProgress)

    def segmentFolder(
        self,
        inputFolder: str | Path,
        outputFolder: str | Path,
        model: ModelInfo | str,
        *,
        settings: Settings | None = None,
        onProgress: Progressed = lambda _progress: None,
    ) -> Cases:
        """Do the same as :meth:`startFolder`, but wait and return the cases.

        Raises:
            SegmentationError: in one sentence.
        """
        arguments = (inputFolder, outputFolder, model)
        cases: Cases = self._waited(self.startFolder, *arguments, settings=settings, onProgress=onProgress)
        return cases

    def startImport(
        self,
        path: str | Path,
        name: str = "",
        *,
        onFinished: Callable[[ModelInfo], None] = lambda _model: None,
        onFailed: Failed = lambda _failure: None,
    ) -> None:
        """Validate a model file, including its weights, then copy it into the library, as ``name`` if given.

        Raises:
            RuntimeError: if other work is in progress.
        """
        self._begin(ImportJob(Path(path), self.library, name), onFinished, onFailed, lambda _progress: None)

    def importModel(self, path: str | Path, name: str = "") -> ModelInfo:
        """Do the same as :meth:`startImport`, but wait and return the model.

        Raises:
            SegmentationError: in one sentence.
        """
        model: ModelInfo = self._waited(self.startImport, path, name)
        return model

    def startComparison(
        self,
        segmentation: vtkMRMLSegmentationNode,
        reference: vtkMRMLSegmentationNode,
        volume: vtkMRMLScalarVolumeNode,
        model: ModelInfo | str,
        *,
        onFinished: Callable[[Sequence[RegionScore]], None] = lambda _scores: None,
        onFailed: Failed = lambda _failure: None,
    ) -> None:
        """Score a segmentation against a reference, on the grid of ``volume``, by the regions of ``model``.

        ``onFinished`` receives ``region``, ``dice`` and ``hd95`` (mm) of each region.
        """
        job = ComparisonJob(segmentation, reference, volume, self._model(model))
        self._begin(job, onFinished, onFailed, lambda _progress: None)

    def checkDevices(self, onFound: Callable[[Mapping[str, str]], None], onFailed: Failed) -> None:
        """Find the available devices, alongside other work; ``onFound`` receives names by device, such as ``"cuda:0"``.

        Only the worker has torch, so it is started. :meth:`cancel` also cancels this, with an empty failure.
        """
        self._query(DevicesJob(), onFound, onFailed)

    def _model(self, model: ModelInfo | str) -> ModelInfo:
        return self.library.find(model) if isinstance(model, str) else model


def defaultModelFolder() -> Path:
    """Return the folder of imported models: next to Slicer's settings, or in the user's folder without an application."""
    application = getattr(slicer, "app", None)
    if application is None:
        return Path.home() / ".kdnet" / "models"
    return Path(application.slicerUserSettingsFilePath).parent / "KDNet" / "Models"
