"""Task of the worker that collects a corrected segmentation as a training case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kdnet.collection.correction import Correction, Origin
from kdnet.collection.store import Collection
from kdnet.data.volumes.grid import Volume
from kdnet.schema.collection import BrainMask
from kdnet.schema.labels import LabelTable
from kdnet.schema.model_card import read_card, read_weights_hash
from kdnet.segmentation.worker_volumes import received_array, received_volume

Request = Mapping[str, Any]


def collect_case(request: Request, _report: Callable[..., None]) -> dict[str, Any]:
    """Add a corrected segmentation to the folder ``collection``, or replace a case of it.

    Takes the labelmap ``corrected`` with its ``labels``, and ``no_tumor``. If ``case`` names a case, its segmentation is
    replaced unless there are ``scans``. Otherwise the request has ``scans`` by modality, ``patient`` (any text), and, where
    there are any, the labelmap ``original``, the mask ``brain`` with its origin ``brain_mask``, ``model`` (path) and
    ``preparation`` (a sentence).

    Returns:
        ``case``, what is recorded of it (:class:`~kdnet.schema.collection.CollectedCase`); or ``known``, the name of the
        case that has the scan already, if no ``case`` is given; nothing is then changed.

    Raises:
        DataError: if the segmentation cannot be trained on.
        KDNetError: if the folder cannot be written.
    """
    collection, case = Collection(Path(request["collection"])), str(request["case"])
    corrected, no_tumor = received_array(request["corrected"]), bool(request["no_tumor"])
    if case and not request["scans"]:
        return {"case": collection.correct(case, corrected, no_tumor=no_tumor).to_json()}
    correction = Correction(
        scans={str(name): received_volume(item) for name, item in request["scans"].items()},
        corrected=corrected,
        labels=LabelTable.from_json(request["labels"]),
        original=_optional(request["original"]),
        brain=_optional(request["brain"]),
        patient=str(request["patient"]),
        no_tumor=no_tumor,
        origin=_origin(request),
    )
    if case:
        return {"case": collection.replace(case, correction).to_json()}
    known = collection.find(correction)
    if known is not None:
        return {"known": known.name}
    return {"case": collection.add(correction).to_json()}


def _optional(item: Mapping[str, Any] | None) -> Volume | None:
    return received_array(item) if item else None


def _origin(request: Request) -> Origin:
    origin = Origin(preparation=str(request["preparation"]), brain_mask=BrainMask(request["brain_mask"]))
    if not request["model"]:
        return origin
    path = Path(request["model"])
    return replace(origin, model=read_card(path).name, model_hash=read_weights_hash(path))
