"""Requests to the worker and handling of its answers: one class for each kind of work."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kdnet.errors import KDNetError
from kdnet.schema.collection import BrainMask
from KDNetLib.ModelInfo import ModelInfo
from KDNetLib.ModelLibrary import ModelLibrary
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetSegmentationLib.Answers import CaseOutcome, RegionScore
from KDNetSegmentationLib.CaseSource import record_source
from KDNetSegmentationLib.Provenance import record
from KDNetSegmentationLib.Settings import Progress, Result, Settings

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

R = TypeVar("R")


def unexpected_failure() -> Failure:
    """Return what to show after a bug in this extension, which Qt only prints to the console."""
    return Failure(_("Unexpected error: see the Python console for details, and report them."))


class Job(Generic[R]):
    """Work in progress with a result of type R; receives messages from the worker (``KDNetLib.Worker.Listener``).

    Attributes:
        needsScene: whether the work is useless once the scene is closed.
        canceledText: what whoever started it is told when it is canceled; empty where only they can cancel it.
    """

    needsScene = True
    canceledText = ""

    def __init__(self) -> None:
        self.onFinished: Callable[[R], None] = lambda _result: None
        self.onFailed: Callable[[Failure], None] = lambda _failure: None
        self.onProgress: Callable[[Progress], None] = lambda _progress: None
        self._folder: Path | None = None

    def request(self) -> dict[str, Any]:
        """Return the request to the worker."""
        raise NotImplementedError

    def result(self, answer: Mapping[str, Any]) -> R:
        """Create the result from the worker's answer; may raise KDNetError, OSError, ValueError or MemoryError."""
        raise NotImplementedError

    @property
    def folder(self) -> Path:
        """A temporary folder for voxels sent to and from the worker, removed when the work ends."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="kdnet-"))
        return self._folder

    def progressed(self, progress: Mapping[str, Any]) -> None:
        """Forward the message."""
        names = tuple(progress.get("names", ()))
        self.onProgress(Progress(progress["stage"], progress["done"], progress["total"], progress.get("case"), names))

    def finished(self, answer: Mapping[str, Any]) -> None:
        """Convert the answer to a result, or report why that failed."""
        outcome: R | Failure = unexpected_failure()
        try:
            outcome = self.result(answer)
        except KDNetError as error:
            outcome = Failure(str(error))
        except (OSError, ValueError, MemoryError) as error:
            outcome = Failure(_("Could not add the result to the scene ({error}): try again.").format(error=error))
        finally:
            # even after a bug in our code, which Qt only prints: the panel must not wait forever
            if isinstance(outcome, Failure):
                self.onFailed(outcome)
            else:
                self.onFinished(outcome)

    def failed(self, failure: Failure) -> None:
        """Forward the message."""
        self.onFailed(failure)

    def close(self) -> None:
        """Remove the temporary folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


class SegmentationJob(Job[Result]):
    """Segmentation of one case in the scene."""

    def __init__(
        self,
        volumes: Sequence[vtkMRMLScalarVolumeNode],
        model: ModelInfo,
        output: vtkMRMLSegmentationNode | None,
        settings: Settings,
    ) -> None:
        super().__init__()
        self._volumes, self._model, self._output, self._settings = list(volumes), model, output, settings
        self._started = time.perf_counter()
        self._marks: list[tuple[str, float]] = []
        self._corrected = False  # whether the brain mask of the scene is one that the user corrected

    def request(self) -> dict[str, Any]:
        """Return the request, with voxels in files in the folder."""
        from KDNetSegmentationLib.ArrayTransfer import send_volumes  # noqa: PLC0415 - needs numpy
        from KDNetSegmentationLib.BrainMask import brain_request  # noqa: PLC0415 - needs numpy

        volumes = send_volumes(self._volumes, self.folder)
        brain = brain_request(self._volumes[0], self._settings, self.folder)
        self._corrected = bool(brain) and self._settings.brain != "mask"
        self._mark("send")
        settings = {**self._settings.request(), **brain}
        return {
            "task": "segment",
            "model": str(self._model.path),
            "volumes": volumes,
            "folder": str(self.folder),
            **settings,
        }

    def progressed(self, progress: Mapping[str, Any]) -> None:
        """Forward the message and record the time."""
        self._mark(progress["stage"])
        super().progressed(progress)

    def result(self, answer: Mapping[str, Any]) -> Result:
        """Add the labels, and maps if requested, to the scene."""
        self._mark("label")
        self.onProgress(Progress("import"))
        from KDNetSegmentationLib.ArrayTransfer import import_result  # noqa: PLC0415 - needs numpy

        settings = replace(self._settings, brain="mask") if self._corrected else self._settings
        imported = import_result(answer, self._volumes, self._model, self._output, settings)
        preparation = _("The corrected brain mask was used.") if self._corrected else str(answer["brain"])
        warnings = tuple(answer.get("warnings", ()))
        record(imported.segmentationNode, self._model, preparation, warnings)
        record_source(imported.segmentationNode, self._volumes, *self._mask(imported.brainNode))
        self._mark("import")
        return Result(
            imported.segmentationNode,
            imported.volumes,
            imported.mapNodes,
            answer["device"],
            time.perf_counter() - self._started,
            self._stages(),
            imported.center,
            imported.lesions,
            preparation,
            warnings,
            imported.brainNode,
            imported.transformNodes,
        )

    def _mask(self, found: vtkMRMLSegmentationNode | None) -> tuple[vtkMRMLNode | None, BrainMask, str]:
        """Return the brain mask that was used, its origin, and the ID of its segment."""
        if self._settings.brain == "mask":
            return self._settings.brainMask, BrainMask.SUPPLIED, self._settings.brainSegment
        if not self._corrected:
            return found, BrainMask.EXTRACTED if found is not None else BrainMask.NONE, ""
        from KDNetSegmentationLib.BrainMask import brain_node  # noqa: PLC0415 - needs numpy

        return brain_node(self._volumes[0]), BrainMask.EXTRACTED, ""

    def _mark(self, stage: str) -> None:
        self._marks.append((stage, time.perf_counter()))

    def _stages(self) -> dict[str, float]:
        """Return the seconds by stage: each stage ends at its last mark, but loading starts at its mark."""
        seconds: dict[str, float] = {}
        last, loading = self._started, False
        for stage, now in self._marks:
            name = "start" if stage == "load" else "load" if loading else stage
            seconds[name] = seconds.get(name, 0.0) + now - last
            last, loading = now, stage == "load"
        return seconds


class Cases(list[CaseOutcome]):
    """The outcomes of the cases in a folder.

    Args:
        cases: outcomes of the cases.
        noScans: number of files that are labelmaps, masks or maps according to their names.
        tableProblem: reason why ``volumes.csv`` could not be written, or empty.
    """

    def __init__(self, cases: Sequence[CaseOutcome], noScans: int, tableProblem: str) -> None:
        super().__init__(cases)
        self.noScans, self.tableProblem = noScans, tableProblem


class BatchJob(Job[Cases]):
    """Segmentation of a folder of files."""

    needsScene = False

    def __init__(self, source: Path, target: Path, model: ModelInfo, settings: Settings) -> None:
        super().__init__()
        self._source, self._target, self._model, self._settings = source, target, model, settings

    def request(self) -> dict[str, Any]:
        """Return the request; the worker reads and writes the files itself."""
        files = {"inputs": [str(self._source)], "out": str(self._target)}
        return {"task": "batch", "model": str(self._model.path), **files, **self._settings.request()}

    def result(self, answer: Mapping[str, Any]) -> Cases:
        """Return the outcomes of the cases."""
        return Cases(answer["cases"], answer["no_scans"], answer["table_problem"])


class ImportJob(Job[ModelInfo]):
    """Validation and import of a model file."""

    needsScene = False

    def __init__(self, path: Path, library: ModelLibrary, name: str = "") -> None:
        super().__init__()
        self._path, self._library, self._name = path, library, name
        self.canceledText = _("The import of {name} was canceled.").format(name=name or path.name)

    def request(self) -> dict[str, Any]:
        """Return a request to load the model, which validates it completely."""
        return {"task": "validate", "model": str(self._path)}

    def result(self, _answer: Mapping[str, Any]) -> ModelInfo:
        """Copy the file into the library."""
        return self._library.add(self._path, self._name)


class ComparisonJob(Job[Sequence[RegionScore]]):
    """Comparison of a segmentation with its reference."""

    def __init__(
        self,
        segmentation: vtkMRMLSegmentationNode,
        reference: vtkMRMLSegmentationNode,
        volume: vtkMRMLScalarVolumeNode,
        model: ModelInfo,
    ) -> None:
        super().__init__()
        self._pair, self._volume, self._model = (segmentation, reference), volume, model

    def request(self) -> dict[str, Any]:
        """Return the request, with both as labelmaps on the grid of the volume."""
        from KDNetSegmentationLib.ArrayTransfer import write_pair  # noqa: PLC0415 - needs numpy

        files = write_pair(self._pair, self._model, self._volume, self.folder)
        spacing = list(self._volume.GetSpacing())
        return {"task": "compare", "labels": self._model.labels.to_json(), "spacing": spacing, **files}

    def result(self, answer: Mapping[str, Any]) -> Sequence[RegionScore]:
        """Return the scores by region."""
        return list(answer["scores"])


class LoadJob(Job[str]):
    """Loading of a model before it is needed."""

    needsScene = False

    def __init__(self, model: ModelInfo, settings: Settings) -> None:
        super().__init__()
        self._model, self._settings = model, settings

    def request(self) -> dict[str, Any]:
        """Return the request; the worker loads for the device and passes of the settings."""
        return {"task": "load", "model": str(self._model.path), **self._settings.request()}

    def result(self, answer: Mapping[str, Any]) -> str:
        """Return the device that the model is on."""
        return str(answer["device"])


class DevicesJob(Job[Mapping[str, str]]):
    """Query of the available devices."""

    needsScene = False

    def request(self) -> dict[str, Any]:
        """Return the request; only the worker has torch."""
        return {"task": "devices"}

    def result(self, answer: Mapping[str, Any]) -> Mapping[str, str]:
        """Return names by device, such as ``"cuda:0"``."""
        return dict(answer["devices"])
