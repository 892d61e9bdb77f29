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

Installing a model file::

    logic.importModel("/data/student.safetensors")
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import slicer
from kdnet.errors import KDNetError
from kdnet.files import writable_folder
from KDNetLib.ModelInfo import ModelInfo
from KDNetLib.ModelLibrary import ModelLibrary
from KDNetLib.PollTimer import PollTimer
from KDNetLib.Worker import Failure, Worker

from KDNetSegmentationLib.Jobs import UNEXPECTED, BatchJob, ComparisonJob, DevicesJob, ImportJob, SegmentationJob
from KDNetSegmentationLib.Settings import Progress, Result, SegmentationError, Settings

Failed = Callable[[Failure], None]
Progressed = Callable[[Progress], None]


class SegmentationLogic:
    """Segments volumes of the scene with one persistent worker.

    Args:
        library: model library.
        worker: worker that computes; replaceable in tests.
    """

    def __init__(self, library: ModelLibrary | None = None, worker: Worker | None = None) -> None:
        self.library = library or ModelLibrary(defaultModelFolder())
        self.worker = worker or Worker()
        self._ticker = PollTimer(self.poll)
        self._job: Any = None
        self._asides: list[DevicesJob] = []

    @property
    def busy(self) -> bool:
        """Whether work is in progress."""
        return self._job is not None

    def models(self) -> tuple[ModelInfo, ...]:
        """Return the available models."""
        return self.library.models()

    def start(
        self,
        volumes: Any,
        model: ModelInfo | str,
        *,
        output: Any | None = None,
        settings: Settings | None = None,
        onFinished: Callable[[Result], None] = lambda _result: None,
        onFailed: Failed = lambda _failure: None,
        onProgress: Progressed = lambda _progress: None,
    ) -> None:
        """Segment a volume in the background; the scene changes only on success.

        Args:
            volumes: a scalar volume node, or one per modality of the model in channel order, all on one grid.
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
        nodes = list(volumes) if isinstance(volumes, list | tuple) else [volumes]
        info = self._model(model)
        self._begin(SegmentationJob(nodes, info, output, settings or Settings()), onFinished, onFailed, onProgress)

    def segment(
        self,
        volumes: Any,
        model: ModelInfo | str,
        *,
        output: Any | None = None,
        settings: Settings | None = None,
        onProgress: Progressed = lambda _progress: None,
    ) -> Result:
        """Do the same as :meth:`start`, but wait and return the result.

        Raises:
            SegmentationError: in one sentence.
        """
        return self._waited(self.start, volumes, model, output=output, settings=settings, onProgress=onProgress)

    def segmentMany(
        self, volumes: Sequence[Any], model: ModelInfo | str, *, settings: Settings | None = None
    ) -> list[Result | SegmentationError]:
        """Segment volumes in sequence, each into a new node; a failure does not stop the others."""
        results: list[Result | SegmentationError] = []
        for volume in volumes:
            try:
                results.append(self.segment(volume, model, settings=settings))
            except SegmentationError as error:
                results.append(error)
        return results

    def startFolder(
        self,
        inputFolder: str | Path,
        outputFolder: str | Path,
        model: ModelInfo | str,
        *,
        settings: Settings | None = None,
        onFinished: Callable[[Sequence[Mapping[str, Any]]], None] = lambda _cases: None,
        onFailed: Failed = lambda _failure: None,
        onProgress: Progressed = lambda _progress: None,
    ) -> None:
        """Segment all images of a folder into another one, as ``kdnet segment`` does, without adding them to the scene.

        ``onProgress`` and ``onFinished`` receive ``name``, ``state`` (``"segmented"``, ``"done before"``, ``"failed"`` or
        ``"left out"``), ``labelmap``, ``amounts``, ``error`` and ``warnings`` of cases. Files written before
        :meth:`cancel` stay, and are skipped when the folder is segmented again.

        Raises:
            RuntimeError: if other work is in progress.
            KDNetError: if a folder cannot be used.
        """
        if not Path(inputFolder).is_dir():
            raise KDNetError(f"{inputFolder} is no folder: choose the folder that holds the images.")
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
    ) -> Sequence[Mapping[str, Any]]:
        """Do the same as :meth:`startFolder`, but wait and return the cases.

        Raises:
            SegmentationError: in one sentence.
        """
        arguments = (inputFolder, outputFolder, model)
        return self._waited(self.startFolder, *arguments, settings=settings, onProgress=onProgress)

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
        return self._waited(self.startImport, path, name)

    def startComparison(
        self,
        segmentation: Any,
        reference: Any,
        volume: Any,
        model: ModelInfo | str,
        *,
        onFinished: Callable[[Sequence[Mapping[str, Any]]], None] = lambda _scores: None,
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
        job = DevicesJob()
        job.onFinished, job.onFailed = self._beside(job, onFound), self._beside(job, onFailed)
        self._asides.append(job)
        self.worker.submit(job.request(), job)
        self._ticker.start()

    def cancel(self) -> None:
        """Cancel the work in progress immediately; the scene is unchanged, and no more callbacks follow."""
        if self._job is not None:
            self.worker.cancel()
            self._end()
            for job in tuple(self._asides):
                job.failed(Failure(""))

    def cleanup(self) -> None:
        """Stop the worker, for example when the module is unloaded."""
        self.cancel()
        self.worker.stop()

    def poll(self) -> None:
        """Process the worker's answers. Called automatically while Qt's event loop runs."""
        self.worker.poll()

    def _model(self, model: ModelInfo | str) -> ModelInfo:
        return self.library.find(model) if isinstance(model, str) else model

    def _begin(self, job: Any, onFinished: Callable[[Any], None], onFailed: Failed, onProgress: Progressed) -> None:
        if self._job is not None:
            raise RuntimeError("Something else is being worked on: wait for it or cancel it first.")

        def finished(result: Any) -> None:
            self._end()
            onFinished(result)

        def failed(failure: Failure) -> None:
            self._end()
            onFailed(failure)

        self._job = job
        job.onFinished, job.onFailed, job.onProgress = finished, failed, onProgress
        onProgress(Progress("prepare" if self.worker.warm else "start"))
        request = None
        try:
            request = job.request()
        except KDNetError as error:
            failed(Failure(str(error)))
        except (OSError, MemoryError, ValueError) as error:
            failed(Failure(f"The volume could not be handed to the worker ({error}): free some memory or disk space."))
        finally:
            if request is None and self._job is job:  # a bug in our code, which Qt only prints: do not stay busy
                failed(UNEXPECTED)
        if request is None:
            return
        self.worker.submit(request, job)
        self._ticker.start()

    def _beside(self, job: DevicesJob, tell: Callable[[Any], None]) -> Callable[[Any], None]:
        def told(outcome: Any) -> None:
            self._asides.remove(job)
            self._rest()
            tell(outcome)

        return told

    def _rest(self) -> None:
        if self._job is None and not self._asides:
            self._ticker.stop()

    def _end(self) -> None:
        job, self._job = self._job, None
        self._rest()
        if job is not None:
            job.close()

    def _waited(self, start: Callable[..., None], *arguments: Any, **options: Any) -> Any:
        results: list[Any] = []
        failures: list[Failure] = []
        try:
            start(*arguments, onFinished=results.append, onFailed=failures.append, **options)
        except KDNetError as error:
            raise SegmentationError(Failure(str(error))) from error
        while not results and not failures:
            self.poll()
            time.sleep(0.005)
        if failures:
            raise SegmentationError(failures[0])
        return results[0]


def defaultModelFolder() -> Path:
    """Return the folder of imported models: next to Slicer's settings, or in the user's folder without an application."""
    application = getattr(slicer, "app", None)
    if application is None:
        return Path.home() / ".kdnet" / "models"
    return Path(application.slicerUserSettingsFilePath).parent / "KDNet" / "Models"
