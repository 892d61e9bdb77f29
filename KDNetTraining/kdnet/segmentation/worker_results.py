"""Tasks of the worker about a segmentation that exists, also a corrected one: lesions, visits, report, DICOM SEG.

A labelmap is described as scans are (see :mod:`kdnet.segmentation.worker_volumes`), with ``labels`` for its meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kdnet.data.volumes.dicom_seg import Algorithm, write_dicom_seg
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.masks import bounding_box
from kdnet.errors import DataError
from kdnet.measurement.lesions import Lesions, find_lesions
from kdnet.schema.labels import LabelTable
from kdnet.segmentation.worker_volumes import received_array, received_volume

if TYPE_CHECKING:
    from kdnet.report.scan_content import Model

Request = Mapping[str, Any]
Report = Callable[..., None]

SMALLEST_ML = 0.05  # as in the lesion-wise metrics of BraTS
MOST_LESIONS = 30
AS_PLACED = "The visits were compared as they lie in the scene, without registration."


def sent_lesions(found: Lesions, labelmap: Volume, folder: Path) -> dict[str, Any]:
    """Return the lesions of ``labelmap`` as the parent receives them.

    Returns:
        ``lesions`` (:class:`~kdnet.schema.lesions.LesionTable`); ``numbers``, a file of their numbers by voxel (uint16
        ``[k, j, i]``) within the smallest box that contains the segmentation; ``corner``, the first voxel of that box;
        ``others``, volumes of further lesions in mL.
    """
    box = bounding_box(np.asarray(labelmap.voxels) != 0) or (slice(0, 1),) * 3
    file = folder / "numbers.npy"
    np.save(file, np.ascontiguousarray(found.numbers[box].T.astype(np.uint16)), allow_pickle=False)
    return {
        "lesions": found.table.to_json(),
        "numbers": str(file),
        "corner": [part.start for part in reversed(box)],
        "others": list(found.others),
    }


def measure_lesions(request: Request, _report: Report) -> dict[str, Any]:
    """Measure the 30 largest lesions of ``labelmap`` of at least 0.05 mL; returns what :func:`sent_lesions` returns."""
    labels, labelmap = LabelTable.from_json(request["labels"]), received_array(request["labelmap"])
    found = find_lesions(labelmap, labels, smallest_ml=SMALLEST_ML, most=MOST_LESIONS)
    return sent_lesions(found, labelmap, Path(request["folder"]))


def compare_segmentations(request: Request, report: Report) -> dict[str, Any]:
    """Compare the labelmaps ``earlier`` and ``later`` of one patient.

    ``scans`` holds the scans of both visits in that order if they are to be registered rigidly, otherwise nothing. Returns
    ``visits`` (:class:`~kdnet.schema.visits.VisitComparison`).

    Raises:
        DataError: if the scans cannot be registered.
    """
    from kdnet.measurement.visits import compare_visits  # noqa: PLC0415 - segmenting does not need it

    labels = LabelTable.from_json(request["labels"])
    earlier, later = (received_array(request[name]) for name in ("earlier", "later"))
    names = (str(request["earlier"]["name"]), str(request["later"]["name"]))
    transform, sentence = None, AS_PLACED
    if request.get("scans"):
        report(stage="registration", done=0, total=1)
        transform, sentence = _registered(request["scans"])
    result = compare_visits(earlier, later, labels, names=names, later_to_earlier=transform, registered=sentence)
    return {"visits": result.to_json()}


def report_scan(request: Request, _report: Report) -> dict[str, Any]:
    """Write the report on ``volume`` and its ``labelmap`` to ``path``, HTML or PDF.

    Takes ``model`` (path of the model file, or empty), ``files`` (of the DICOM series, or nothing), ``preparation`` and
    ``warnings`` (sentences).
    """
    from kdnet.report.scan_content import build_report, now  # noqa: PLC0415 - segmenting does not need it
    from kdnet.report.scan_outputs import write_report  # noqa: PLC0415

    volume, labelmap = received_volume(request["volume"]), received_array(request["labelmap"])
    files = _files(request)
    name, labels = str(request["volume"]["name"]), LabelTable.from_json(request["labels"])
    report = build_report(
        name,
        files[0].parent if files else Path(name),
        volume,
        labelmap,
        labels,
        find_lesions(labelmap, labels).table,
        model=_model(request),
        preparation=[str(text) for text in request["preparation"]],
        warnings=[str(text) for text in request["warnings"]],
        created=now(),
        files=files or None,
    )
    write_report(Path(request["path"]), report)
    return {"path": request["path"]}


def write_seg(request: Request, _report: Report) -> dict[str, Any]:
    """Write ``labelmap`` to ``path`` as DICOM SEG of the series whose ``files`` are given; ``model`` as for a report.

    Raises:
        DataError: if the series cannot be referred to.
    """
    labels, files = LabelTable.from_json(request["labels"]), _files(request)
    if not files:
        raise DataError("The volume was not loaded from DICOM, which a DICOM SEG must refer to: load its DICOM series.")
    model = _model(request)
    algorithm = Algorithm(model.name or "kdnet", model.facts.get("Version", "").removeprefix("kdnet ") or Algorithm.version)
    labelmap = received_array(request["labelmap"])
    write_dicom_seg(Path(request["path"]), labelmap, files[0].parent, labels.labels, algorithm, files)
    return {"path": request["path"]}


def _registered(scans: list[Mapping[str, Any]]) -> tuple[NDArray[np.float64], str]:
    """Return the matrix from the later visit to the earlier one, and how it was found."""
    from kdnet.preparation.registration import visit_position  # noqa: PLC0415 - segmenting does not need it

    earlier, later = (received_volume(item) for item in scans)
    return visit_position(earlier, later, (str(scans[0]["name"]), str(scans[1]["name"])))


def _model(request: Request) -> Model:
    from kdnet.report.scan_content import Model  # noqa: PLC0415
    from kdnet.schema.model_card import read_card  # noqa: PLC0415
    from kdnet.segmentation.model_facts import model_facts  # noqa: PLC0415

    path = Path(request["model"]) if request.get("model") else None
    return Model() if path is None else model_facts(read_card(path), path)


def _files(request: Request) -> list[Path]:
    return [Path(file) for file in request.get("files") or ()]
