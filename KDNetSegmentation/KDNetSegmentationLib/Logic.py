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
from typing import TYPE_CHECKING, Any, TypeVar

import slicer
from kdnet.errors import KDNetError
from kdnet.files import writable_folder
from KDNetLib.ModelInfo import ModelInfo
from KDNetLib.ModelLibrary import ModelLibrary
from KDNetLib.PollTimer import PollTimer
from KDNetLib.Worker import Failure, Worker
from slicer.i18n import tr as _

from KDNetSegmentationLib.Jobs import (
    BatchJob,
    Cases,
    ComparisonJob,
    DevicesJob,
    ImportJob,
    Job,
    SegmentationJob,
    unexpected_failure,
)
from KDNetSegmentationLib.Settings import Progress, Result, SegmentationError, Settings

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

    from KDNetSegmentationLib.Answers import RegionScore
    from KDNetSegmentationLib.Protocols import Volumes

Failed = Callable[[Failure], None]
Progressed = Callable[[Progress], None]
T = TypeVar("T")


class SegmentationLogic:
    """Segments volumes of the scene with one persistent worker.

    Args:
        library: model library.
        worker: worker that computes; replaceable in tests.
    """

    def __init__(self, library: ModelLibrary | None = None, worker: Worker | None = None) -> None:
        self.library = library or ModelLibrary(defaultModelFolder())
        self.worker = worker or Worker()
        self._timer = PollTimer(self.poll)
        self._job: Job[Any] | None = None  # of any of the classes in Jobs
        self._queries: list[DevicesJob] = []  # alongside the job

    @property
    def busy(self) -> bool:
        """Whether work is in progress."""
        return self._job is not None

    @property
    def warm(self) -> bool:
        """Whether the worker is running and has finished its imports."""
        return self.worker.warm

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
        job = DevicesJob()
        job.onFinished, job.onFailed = self._alongside(job, onFound), self._alongside(job, onFailed)
        self._queries.append(job)
        self.worker.submit(job.request(), job)
        self._timer.start()

    def cancel(self) -> None:
        """Cancel the work in progress immediately; the scene is unchanged, and no more callbacks follow."""
        if self._job is not None:
            self.worker.cancel()
            self._end()
            for job in tuple(self._queries):
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

    def _begin(self, job: Job[T], onFinished: Callable[[T], None], onFailed: Failed, onProgress: Progressed) -> None:
        if self._job is not None:
            raise RuntimeError(_("Another task is running: wait for it to finish, or cancel it first."))

        def finished(result: T) -> None:
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
            reason = _("Could not send the volume to the worker ({error}): free memory or disk space, and try again.")
            failed(Failure(reason.format(error=error)))
        finally:
            if request is None and self._job is job:  # a bug in our code, which Qt only prints: do not stay busy
                failed(unexpected_failure())
        if request is None:
            return
        self.worker.submit(request, job)
        self._timer.start()

    def _alongside(self, job: DevicesJob, callback: Callable[[T], None]) -> Callable[[T], None]:
        def ended(outcome: T) -> None:
            self._queries.remove(job)
            self._stopIfIdle()
            callback(outcome)

        return ended

    def _stopIfIdle(self) -> None:
        if self._job is None and not self._queries:
            self._timer.stop()

    def _end(self) -> None:
        job, self._job = self._job, None
        self._stopIfIdle()
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
