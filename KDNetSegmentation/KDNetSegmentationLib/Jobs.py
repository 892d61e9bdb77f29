"""What is asked of the worker, and what becomes of its answers: one class for each kind of work."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kdnet.errors import KDNetError
from KDNetLib.Worker import Failure

from KDNetSegmentationLib.Models import ModelInfo, ModelLibrary
from KDNetSegmentationLib.Settings import Progress, Result, Settings

UNEXPECTED = Failure("Something unexpected went wrong: look into the Python console, and report what it says.")


class Job:
    """Work in progress; the worker tells it how things go (``KDNetLib.Worker.Listener``)."""

    def __init__(self) -> None:
        self.onFinished: Callable[[Any], None] = lambda _result: None
        self.onFailed: Callable[[Failure], None] = lambda _failure: None
        self.onProgress: Callable[[Progress], None] = lambda _progress: None
        self._folder: Path | None = None

    def request(self) -> dict[str, Any]:
        """What the worker is asked."""
        raise NotImplementedError

    def result(self, answer: Mapping[str, Any]) -> Any:
        """Make the result from the worker's answer; may raise KDNetError, OSError, ValueError or MemoryError."""
        raise NotImplementedError

    @property
    def folder(self) -> Path:
        """A folder for voxels on their way to and from the worker; gone when the work is over."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="kdnet-"))
        return self._folder

    def progressed(self, progress: Mapping[str, Any]) -> None:
        """Pass it on."""
        told = Progress(
            progress["stage"],
            progress["done"],
            progress["total"],
            progress.get("case"),
            tuple(progress.get("names", ())),
        )
        self.onProgress(told)

    def finished(self, answer: Mapping[str, Any]) -> None:
        """Turn the answer into a result, or into the reason why that cannot be."""
        outcome: Any = UNEXPECTED
        try:
            outcome = self.result(answer)
        except KDNetError as error:
            outcome = Failure(str(error))
        except (OSError, ValueError, MemoryError) as error:
            outcome = Failure(f"The result could not be brought into the scene ({error}): try again.")
        finally:
            # also after a mistake of ours, which Qt only prints: the panel must not wait for ever
            (self.onFailed if isinstance(outcome, Failure) else self.onFinished)(outcome)

    def failed(self, failure: Failure) -> None:
        """Pass it on."""
        self.onFailed(failure)

    def close(self) -> None:
        """Remove the folder."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


class SegmentationJob(Job):
    """One case of the scene."""

    def __init__(self, volumes: Sequence[Any], model: ModelInfo, output: Any | None, settings: Settings) -> None:
        super().__init__()
        self._volumes, self._model, self._output, self._settings = list(volumes), model, output, settings
        self._started = time.perf_counter()
        self._marks: list[tuple[str, float]] = []

    def request(self) -> dict[str, Any]:
        """Voxels go through files in the folder."""
        from KDNetSegmentationLib.ArrayTransfer import send_volumes  # noqa: PLC0415 - needs numpy

        volumes = send_volumes(self._volumes, self.folder)
        self._mark("hand over")
        settings = self._settings.request()
        return {
            "task": "segment",
            "model": str(self._model.path),
            "volumes": volumes,
            "folder": str(self.folder),
            **settings,
        }

    def progressed(self, progress: Mapping[str, Any]) -> None:
        """Take the time too."""
        self._mark(progress["stage"])
        super().progressed(progress)

    def result(self, answer: Mapping[str, Any]) -> Result:
        """Bring the labels, and maps if asked for, into the scene."""
        self._mark("label")
        self.onProgress(Progress("import"))
        from KDNetSegmentationLib.ArrayTransfer import import_result  # noqa: PLC0415 - needs numpy

        found = import_result(answer, self._volumes[0], self._model, self._output, self._settings)
        self._mark("import")
        return Result(
            found.segmentationNode,
            found.volumes,
            found.mapNodes,
            answer["device"],
            time.perf_counter() - self._started,
            self._stages(),
            found.center,
        )

    def _mark(self, stage: str) -> None:
        self._marks.append((stage, time.perf_counter()))

    def _stages(self) -> dict[str, float]:
        """Seconds by stage: what passed until the last mark of a stage counts for it, but loading begins with its mark."""
        seconds: dict[str, float] = {}
        last, loading = self._started, False
        for stage, now in self._marks:
            name = "start" if stage == "load" else "load" if loading else stage
            seconds[name] = seconds.get(name, 0.0) + now - last
            last, loading = now, stage == "load"
        return seconds


class Cases(list[Mapping[str, Any]]):
    """What became of the cases of a folder.

    Args:
        cases: with ``name``, ``state``, ``labelmap``, ``amounts``, ``error`` and ``warnings`` each.
        noScans: how many files are labelmaps, masks or maps by their names.
        tableProblem: why ``volumes.csv`` could not be written, or empty.
    """

    def __init__(self, cases: Sequence[Mapping[str, Any]], noScans: int, tableProblem: str) -> None:
        super().__init__(cases)
        self.noScans, self.tableProblem = noScans, tableProblem


class BatchJob(Job):
    """A folder of files."""

    def __init__(self, source: Path, target: Path, model: ModelInfo, settings: Settings) -> None:
        super().__init__()
        self._source, self._target, self._model, self._settings = source, target, model, settings

    def request(self) -> dict[str, Any]:
        """The worker reads and writes the files itself."""
        files = {"inputs": [str(self._source)], "out": str(self._target)}
        return {"task": "batch", "model": str(self._model.path), **files, **self._settings.request()}

    def result(self, answer: Mapping[str, Any]) -> Cases:
        """What became of the cases."""
        return Cases(answer["cases"], answer["no_scans"], answer["table_problem"])


class ImportJob(Job):
    """A model file to be validated and copied."""

    def __init__(self, path: Path, library: ModelLibrary, name: str = "") -> None:
        super().__init__()
        self._path, self._library, self._name = path, library, name

    def request(self) -> dict[str, Any]:
        """Loading finds out all that can be wrong."""
        return {"task": "validate", "model": str(self._path)}

    def result(self, _answer: Mapping[str, Any]) -> ModelInfo:
        """Copy it."""
        return self._library.add(self._path, self._name)


class ComparisonJob(Job):
    """A segmentation and its reference."""

    def __init__(self, segmentation: Any, reference: Any, volume: Any, model: ModelInfo) -> None:
        super().__init__()
        self._pair, self._volume, self._model = (segmentation, reference), volume, model

    def request(self) -> dict[str, Any]:
        """Both as labelmaps on the grid of the volume."""
        from KDNetSegmentationLib.ArrayTransfer import write_pair  # noqa: PLC0415 - needs numpy

        files = write_pair(self._pair, self._model, self._volume, self.folder)
        spacing = list(self._volume.GetSpacing())
        return {"task": "compare", "labels": self._model.labels.to_json(), "spacing": spacing, **files}

    def result(self, answer: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Scores by region."""
        return list(answer["scores"])


class DevicesJob(Job):
    """What can compute here."""

    def request(self) -> dict[str, Any]:
        """Only the worker has torch."""
        return {"task": "devices"}

    def result(self, answer: Mapping[str, Any]) -> Mapping[str, str]:
        """Names by device, such as ``"cuda:0"``."""
        return dict(answer["devices"])
