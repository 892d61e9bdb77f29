"""Tasks of the worker, as functions of a request's plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from kdnet.device import choose_device, mps_agrees
from kdnet.errors import SettingsError
from kdnet.files import writable_folder
from kdnet.inference.postprocessing import measure
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model
from kdnet.preparation.brain import BrainChoice, BrainExtractor, BrainMethod
from kdnet.preparation.case import PreparationChoice
from kdnet.preparation.registration import matrix
from kdnet.preparation.shading import ShadingMethod
from kdnet.schema.labels import LabelTable
from kdnet.schema.segmentation import Progress, SegmentationOptions
from kdnet.segmentation.batch import Batch, Outcome
from kdnet.segmentation.inputs import require_inputs, survey
from kdnet.segmentation.segment_volumes import SegmentedVolumes, segment_volumes
from kdnet.segmentation.worker_collect import collect_case
from kdnet.segmentation.worker_results import (
    MOST_LESIONS,
    SMALLEST_ML,
    compare_segmentations,
    measure_lesions,
    report_scan,
    sent_lesions,
    write_seg,
)
from kdnet.segmentation.worker_volumes import received_volume, sent_array

Request = Mapping[str, Any]

Report = Callable[..., None]


@dataclass(frozen=True)
class Loaded:
    """The model in memory, with what identifies it as the requested one."""

    key: tuple[Any, ...]
    predictor: Predictor


class Tasks:
    """Runs requests; keeps the model of the last one."""

    def __init__(self) -> None:
        self._loaded: Loaded | None = None
        self._extractor: BrainExtractor | None = None

    def run(self, request: Request, report: Report) -> dict[str, Any]:
        """Run ``request``; its ``task`` is one of those below.

        Raises:
            KDNetError: with a one-sentence message, when it cannot be done.
        """
        tasks: dict[str, Callable[[Request, Report], dict[str, Any]]] = {
            "load": self._load,
            "segment": self._segment,
            "batch": self._batch,
            "validate": _validate,
            "compare": _compare,
            "devices": _devices,
            "measure": measure_lesions,
            "visits": compare_segmentations,
            "report": report_scan,
            "dicom_seg": write_seg,
            "collect": collect_case,
        }
        if request["task"] not in tasks:
            raise SettingsError(f'the worker does not know the task "{request["task"]}": update the extension.')
        return tasks[request["task"]](request, report)

    def _predictor(self, request: Request, options: SegmentationOptions, report: Report) -> Predictor:
        """Return the requested model, from memory if loaded."""
        path, device = Path(request["model"]), choose_device(options.device)
        key = (path, path.stat().st_mtime_ns if path.is_file() else 0, str(device), options.tta)
        if self._loaded is None or self._loaded.key != key:
            self._loaded = None
            report(stage="load", done=0, total=1)
            self._loaded = Loaded(key, Predictor(load_model(path), device, tta=options.tta, tune=True))
        return self._loaded.predictor

    def _extractor_on(self, device: torch.device) -> BrainExtractor:
        """Return the brain extractor, from memory if loaded."""
        if self._extractor is None or self._extractor.device != device:
            self._extractor = BrainExtractor(device)
        return self._extractor

    def _load(self, request: Request, report: Report) -> dict[str, Any]:
        """Load the file ``model`` for requests with the same options, so that the first takes no longer than the next."""
        predictor = self._predictor(request, SegmentationOptions.from_json(request), report)
        return {"name": predictor.model.card.name, "device": str(predictor.device)}

    def _segment(self, request: Request, report: Report) -> dict[str, Any]:
        """Segment memory-mapped arrays.

        Takes ``volumes``, each with ``name``, ``file`` (``.npy``, ``[k, j, i]``) and ``affine`` (IJK to RAS); returns the
        file of the ``labelmap`` (uint8, ``[k, j, i]``), files of ``probabilities`` by name, and ``amounts`` in mL.
        ``brain`` is as ``--brain`` of ``kdnet segment``, or ``mask`` with a ``brain_mask`` file (``.npy``, ``[k, j, i]``);
        what was done is returned as ``brain``, and the mask as ``brain_mask``, empty if there is none; ``warnings`` are
        sentences. ``transforms`` maps the names of volumes that were registered to the first to 4 x 4 matrices from points
        of the first to points of the volume, in RAS mm. The 30 largest lesions of at least 0.05 mL are returned as
        by :func:`~kdnet.segmentation.worker_results.sent_lesions`; labels of doubtful ones are not in ``labelmap`` but in
        ``dropped``, a file like it, empty if there are none. Other options are those of
        :class:`~kdnet.schema.segmentation.SegmentationOptions`.
        """
        options = SegmentationOptions.from_json(request)
        predictor = self._predictor(request, options, report)
        volumes = [received_volume(item) for item in request["volumes"]]
        names = [str(item["name"]) for item in request["volumes"]]
        choice = PreparationChoice(_brain_choice(request, options), ShadingMethod.parse(options.shading), options.force)
        extractor, progress = self._extractor_on(predictor.device), _reporting(report)
        found = segment_volumes(predictor, extractor, volumes, names, choice, options, progress, lesions=True)
        prepared, card, folder = found.prepared, predictor.model.card, Path(request["folder"])
        lesions = found.lesions(card, doubtful=True, smallest_ml=SMALLEST_ML, most=MOST_LESIONS)
        maps = enumerate(found.probabilities.items() if options.probabilities else ())
        return {
            "device": str(predictor.device),
            "labelmap": sent_array(folder / "labelmap.npy", found.labelmap),
            "probabilities": {name: sent_array(folder / f"percent{index}.npy", volume) for index, (name, volume) in maps},
            "amounts": [asdict(amount) for amount in measure(found.labelmap, card.labels)],
            "brain": prepared.done,
            "brain_mask": sent_array(folder / "brain.npy", prepared.mask) if prepared.mask else "",
            "warnings": [*prepared.warnings, *_doubts(found)],
            "dropped": _sent_doubtful(found, folder / "dropped.npy"),
            "transforms": {names[index]: matrix(transform).tolist() for index, transform in prepared.transforms.items()},
            **sent_lesions(lesions, found.everything, folder),
        }

    def _batch(self, request: Request, report: Report) -> dict[str, Any]:
        """Segment the files ``inputs`` into the folder ``out`` like ``kdnet segment``; report all names, then each case.

        Returns ``cases``, ``no_scans`` (how many files are labelmaps, masks or maps by name) and ``table_problem``
        (why ``volumes.csv`` could not be written, or empty).
        """
        options = SegmentationOptions.from_json(request)
        predictor = self._predictor(request, options, report)
        found = survey([Path(path) for path in request["inputs"]], predictor.model.card.modalities)
        require_inputs(found)
        folder = writable_folder(Path(request["out"]))
        extractor = self._extractor_on(predictor.device)
        batch = Batch(predictor, Path(request["model"]), found, folder, options, extractor)
        names = [item.name for item in (*batch.skipped, *batch.cases)]
        report(stage="batch", done=0, total=len(names), names=names)
        outcomes: list[Outcome] = []
        for outcome in batch.run(_reporting(report)):
            outcomes.append(outcome)
            report(stage="batch", done=len(outcomes), total=len(names), case=_case(outcome))
        batch.finish()
        return {
            "cases": [_case(outcome) for outcome in outcomes],
            "no_scans": len(found.no_scans),
            "table_problem": batch.table_problem,
        }


def _validate(request: Request, report: Report) -> dict[str, Any]:
    """Load the entire file ``model``, which reveals anything wrong with it."""
    report(stage="load", done=0, total=1)
    return {"name": load_model(Path(request["model"])).card.name}


def _compare(request: Request, _report: Report) -> dict[str, Any]:
    """Score the labelmap ``prediction`` against ``reference`` (``.npy``, one grid) by the regions of ``labels``."""
    from kdnet.evaluation.metrics import score_case  # noqa: PLC0415 - imports all of MONAI, which segmenting does not need

    prediction, reference = (np.load(request[name], mmap_mode="r").T for name in ("prediction", "reference"))
    labels = LabelTable.from_json(request["labels"])
    scores = score_case(prediction, reference, labels, request["spacing"])
    return {"scores": [asdict(score) for score in scores]}


def _devices(_request: Request, _report: Report) -> dict[str, Any]:
    """Return the devices available here, the one that ``auto`` selects first."""
    names = {"cpu": f"CPU, {torch.get_num_threads()} threads"}
    if torch.backends.mps.is_available():
        apple = {"mps": "Apple GPU (MPS)"}
        names = apple | names if mps_agrees() else names | apple
    for index in reversed(range(torch.cuda.device_count())):
        names = {f"cuda:{index}": torch.cuda.get_device_name(index), **names}
    return {"devices": names}


def _brain_choice(request: Request, options: SegmentationOptions) -> BrainChoice:
    if options.brain != BrainMethod.MASK:
        return BrainChoice.parse(options.brain)
    return BrainChoice(BrainMethod.MASK, np.load(request["brain_mask"], mmap_mode="r", allow_pickle=False).T != 0)


def _doubts(found: SegmentedVolumes) -> tuple[str, ...]:
    """Return a sentence on the doubtful lesions, if there are any."""
    if found.judged is None or not found.judged.doubtful:
        return ()
    return (f"{found.judged.sentence}; check them in the table of lesions to restore them.",)


def _sent_doubtful(found: SegmentedVolumes, file: Path) -> str:
    """Write the labels of the doubtful lesions to ``file``, and return its path; empty if there are none."""
    if found.judged is None or not found.judged.doubtful:
        return ""
    return sent_array(file, replace(found.everything, voxels=found.judged.dropped))


def _reporting(report: Report) -> Callable[[Progress], None]:
    return lambda progress: report(stage=progress.stage.value, done=progress.done, total=progress.total)


def _case(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "state": outcome.state.value,
        "labelmap": str(outcome.labelmap or ""),
        "scan": str(outcome.scan or ""),
        "amounts": [asdict(amount) for amount in outcome.amounts],
        "error": outcome.error,
        "warnings": list(outcome.warnings),
        "brain": outcome.brain,
    }
