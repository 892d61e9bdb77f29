"""Recognizing a data folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from kdnet.data.dataset import Dataset
from kdnet.data.formats.brats import read_brats
from kdnet.data.formats.decathlon import read_decathlon
from kdnet.data.formats.nnunet import is_version_1, read_nnunet, read_version_1
from kdnet.data.splits import read_folds
from kdnet.errors import DataError
from kdnet.foreign import read_json
from kdnet.schema.labels import LabelTable
from kdnet.schema.study_request import StudyRequest

KNOWN = "BraTS, Medical Segmentation Decathlon or nnU-Net raw"


def read_dataset(root: Path, labels: LabelTable | None = None) -> Dataset:
    """List the cases of a folder, whose format is recognized; no voxel is read.

    Args:
        root: the folder.
        labels: what the values of the references mean, instead of what the format suggests.

    Raises:
        DataError: for a folder that is missing, empty, or of no known format.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: choose a folder with cases ({KNOWN}).")
    description = root / "dataset.json"
    try:
        dataset = _described(root, description, labels) if description.is_file() else None
        if dataset is None:
            dataset = read_brats(root, sorted(_files(root)), labels)
    except OSError as error:
        raise DataError(f"{error.filename or root} cannot be read ({error.strerror}): check its permissions.") from error
    if dataset is None or not dataset.cases:
        raise DataError(f"{root} holds no cases of a known format ({KNOWN}): choose another folder.")
    return dataset


def _files(root: Path) -> Iterator[Path]:
    """All files below ``root``, also of linked folders, each folder once.

    Raises:
        OSError: when ``root`` itself cannot be listed.
    """
    next(root.iterdir(), None)
    seen: set[Path] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        if (real := Path(folder).resolve()) in seen:
            folders.clear()
        else:
            seen.add(real)
            yield from (Path(folder, name) for name in names)


def require_cases(dataset: Dataset, minimum: int = 3) -> None:
    """Refuse a data set with too few usable cases to train, validate and test.

    Raises:
        DataError: in one sentence.
    """
    if len(dataset.cases) < minimum:
        raise DataError(
            f"{dataset.root} has {len(dataset.cases)} usable case(s), but at least {minimum} are needed: "
            "add cases or mend those that have problems."
        )


def _described(root: Path, description: Path, labels: LabelTable | None) -> Dataset | None:
    content = read_json(description)
    if "channel_names" in content:
        return read_nnunet(root, content, labels)
    if "modality" not in content:
        return None
    return read_version_1(root, content, labels) if is_version_1(root, content) else read_decathlon(root, content, labels)


def list_cases(request: StudyRequest) -> Dataset:
    """The cases of the request's data folder with the modalities that it asks for; no voxel is read.

    Raises:
        DataError: for a folder that is missing, empty or foreign.
        SettingsError: for a modality that the data lacks.
    """
    dataset = read_dataset(request.data, request.labels)
    listed = read_folds(dataset.root, [case.name for case in dataset.cases]).patients
    cases = tuple(replace(case, patient=listed.get(case.name, case.patient)) for case in dataset.cases)
    dataset = replace(dataset, cases=cases)
    return dataset.seeing(request.modalities) if request.modalities else dataset
