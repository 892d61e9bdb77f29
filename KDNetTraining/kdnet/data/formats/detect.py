"""Recognize the format of a data folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from kdnet.data.dataset import Dataset, with_earlier
from kdnet.data.formats.brats import read_brats
from kdnet.data.formats.collection import is_collection, read_collection
from kdnet.data.formats.decathlon import read_decathlon
from kdnet.data.formats.nnunet import is_version_1, read_nnunet, read_version_1
from kdnet.data.splits import read_folds
from kdnet.errors import DataError
from kdnet.files import PARTIAL
from kdnet.foreign import read_json
from kdnet.schema.formatting import plural
from kdnet.schema.labels import LabelTable
from kdnet.schema.study_request import StudyRequest
from kdnet.schema.study_rules import FEWEST_CASES

KNOWN = "BraTS, Medical Segmentation Decathlon, nnU-Net raw or a collection"


def read_dataset(root: Path, labels: LabelTable | None = None, wanted: Sequence[str] = ()) -> Dataset:
    """List the cases of a folder and recognize its format, without reading voxels.

    Args:
        root: path of the folder.
        labels: meaning of the reference values, instead of the one that the format suggests.
        wanted: modalities to use, however few cases have them; the others are omitted only where file names give them.

    Raises:
        DataError: if the folder is missing, empty, or of unknown format.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: choose a folder with cases ({KNOWN}).")
    description = root / "dataset.json"
    try:
        dataset = _described(root, description, labels) if description.is_file() else None
        if dataset is None and is_collection(root):
            return _with_cases(read_collection(root, labels, wanted))
        if dataset is None:
            dataset = read_brats(root, sorted(_files(root)), labels, wanted)
    except OSError as error:
        raise DataError(f"{error.filename or root} cannot be read ({error.strerror}): check its permissions.") from error
    if dataset is None or not dataset.cases:
        raise DataError(f"{root} does not contain cases in a known format ({KNOWN}): choose another folder.")
    return dataset


def _with_cases(collection: Dataset) -> Dataset:
    if not collection.cases:
        raise DataError(f"{collection.root} is a collection without cases: add corrected segmentations to it.")
    return collection


def _files(root: Path) -> Iterator[Path]:
    """Yield all files below ``root``, including those in linked folders, visiting each folder once.

    Raises:
        OSError: if ``root`` itself cannot be listed.
    """
    next(root.iterdir(), None)
    seen: set[Path] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        if (real := Path(folder).resolve()) in seen:
            folders.clear()
        else:
            seen.add(real)
            folders[:] = [name for name in folders if not name.startswith(PARTIAL)]  # cases that are being written
            yield from (Path(folder, name) for name in names)


def require_cases(dataset: Dataset, minimum: int = FEWEST_CASES) -> None:
    """Refuse a data set with too few usable cases to train, validate and test.

    Raises:
        DataError: if there are too few, in one sentence.
    """
    if len(dataset.cases) < minimum:
        raise DataError(
            f"{dataset.root} has {plural(len(dataset.cases), '{count} usable case', '{count} usable cases')}, but at least "
            f"{minimum} are needed: add cases, or fix those with problems."
        )


def _described(root: Path, description: Path, labels: LabelTable | None) -> Dataset | None:
    content = read_json(description)
    if "channel_names" in content:
        return read_nnunet(root, content, labels)
    if "modality" not in content:
        return None
    return read_version_1(root, content, labels) if is_version_1(root, content) else read_decathlon(root, content, labels)


def list_cases(request: StudyRequest) -> Dataset:
    """List the cases of the request's data folder with the requested modalities, without reading voxels.

    Raises:
        DataError: if the folder is missing, empty or of unknown format.
        SettingsError: if the data lacks a modality.
    """
    dataset = _with_listed_patients(read_dataset(request.data, request.labels, request.modalities))
    if request.adaptation is not None and request.adaptation.old is not None:
        earlier = read_dataset(request.adaptation.old, dataset.labels, request.modalities)
        if earlier.labels.meaning != dataset.labels.meaning:
            own, other = (", ".join(label.name for label in table.labels) for table in (dataset.labels, earlier.labels))
            raise DataError(f"{earlier.root} has {other}, but {dataset.root} has {own}: give cases with the same labels.")
        dataset = with_earlier(dataset, _with_listed_patients(earlier))
    return dataset.with_modalities(request.modalities) if request.modalities else dataset


def _with_listed_patients(dataset: Dataset) -> Dataset:
    """Return the data set with the patients that a table of folds names."""
    listed = read_folds(dataset.root, [case.name for case in dataset.cases]).patients
    cases = tuple(replace(case, patient=listed.get(case.name, case.patient)) for case in dataset.cases)
    return replace(dataset, cases=cases)
