"""Collections: corrected segmentations with their scans, one folder per case.

::

    collection.json              labels, and the salt of the patients' hashes
    case-001/case.json           what is recorded of the case
    case-001/case-001_t1ce.nii.gz    a scan, without what the brain mask excludes
    case-001/case-001_seg.nii.gz     the corrected segmentation
    case-001/case-001_model.nii.gz   the segmentation of the model before the correction, if there is one
    case-001/case-001_brain.nii.gz   the brain mask, if one was used
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from kdnet.data.dataset import Case, Dataset, ImageFile
from kdnet.errors import DataError, SettingsError
from kdnet.foreign import read_json
from kdnet.schema.collection import CASE_FILE, COLLECTION_FILE, REMEDY, CollectedCase, read_header
from kdnet.schema.labels import LabelTable
from kdnet.schema.modalities import MODALITIES
from kdnet.text import one_line

CORRECTED, ORIGINAL, BRAIN = "seg", "model", "brain"


def case_file(root: Path, case: str, part: str) -> Path:
    """Return the path of one file of a case: a modality, or one of ``CORRECTED``, ``ORIGINAL``, ``BRAIN``."""
    return root / case / f"{case}_{part}.nii.gz"


def is_collection(root: Path) -> bool:
    """Check whether ``root`` is the folder of a collection."""
    return (root / COLLECTION_FILE).is_file()


def read_collected(root: Path) -> tuple[tuple[CollectedCase, ...], tuple[str, ...]]:
    """Return the cases below ``root``, sorted by name, and a sentence for each folder whose record cannot be read."""
    cases, problems = [], []
    for folder in sorted(root.iterdir()):
        if folder.name.startswith(".") or not (folder / CASE_FILE).is_file():
            continue
        try:
            cases.append(read_case_record(folder))
        except DataError as error:
            problems.append(str(error))
    return tuple(cases), tuple(problems)


def read_case_record(folder: Path) -> CollectedCase:
    """Read the record of the case in ``folder``, whose name is that of the folder.

    Raises:
        DataError: if it is damaged.
    """
    path, remedy = folder / CASE_FILE, f"{REMEDY}, or remove the folder"
    content = read_json(path, remedy)
    try:
        return CollectedCase.from_json({**content, "name": folder.name})
    except SettingsError as error:
        raise DataError(f"{path} is damaged ({one_line(str(error), 200).rstrip('.')}): {remedy}.") from error


def read_collection(root: Path, labels: LabelTable | None, wanted: Sequence[str] = ()) -> Dataset:
    """Return the data set in the collection ``root``.

    Args:
        root: folder of the collection.
        labels: meaning of the values, instead of the one that it records.
        wanted: modalities to use; those of at least half of the cases if empty.

    Raises:
        DataError: if its description is damaged.
    """
    header = read_header(root)
    collected, problems = read_collected(root)
    modalities = wanted_modalities([case.modalities for case in collected], wanted)
    cases = tuple(
        Case(
            case.name,
            {name: ImageFile(case_file(root, case.name, name)) for name in modalities if name in case.modalities},
            ImageFile(case_file(root, case.name, CORRECTED)),
            patient=case.patient,
        )
        for case in collected
    )
    return Dataset(root, "collection", modalities, labels or header.labels, cases, notes=problems)


def wanted_modalities(found: Sequence[Sequence[str]], wanted: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the modalities of a data set, given those of each case.

    These are the wanted ones that any case has or, without a wish, those of at least half of the cases: a rare one is not
    required of the others, and a case that lacks a common one is reported.
    """
    counts = Counter(name for names in found for name in names)
    order = (*MODALITIES, *(name for name in counts if name not in MODALITIES))
    there = tuple(name for name in order if counts[name])
    if wanted:
        return tuple(name for name in there if name in wanted)
    return tuple(name for name in there if 2 * counts[name] >= len(found)) or there
