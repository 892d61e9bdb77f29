"""Assignment of cases to training, validation (checkpoint selection) and test sets, always by whole patients."""

from __future__ import annotations

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kdnet.errors import DataError
from kdnet.foreign import parse_json, reading
from kdnet.schema.folds import ALL_CASES, Split
from kdnet.schema.patients import patient_of

SPLITS_FILE = "splits_final.json"


@dataclass(frozen=True)
class FoldList:
    """Folds and patients from a file next to the data.

    Attributes:
        folds: case to fold; empty if no file gives folds.
        patients: case to patient, for the cases with a patient in the file.
        groups: case to group, such as its site, for the cases with a group in the file.
        source: path of the file, None if no file applies.
        notes: files that were found but ignored, in sentences.
    """

    folds: Mapping[str, int] = field(default_factory=dict)
    patients: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    source: Path | None = None
    notes: tuple[str, ...] = ()


def read_folds(root: Path, cases: Collection[str]) -> FoldList:
    """Read the folds from a file in ``root`` or its parent.

    The candidates are ``cases.csv`` (columns ``case``, ``fold`` and, optionally, ``patient`` and ``group``) and
    nnU-Net's ``splits_final.json``. A file from another program or without any of the cases is ignored, with a note.

    Args:
        root: folder of the data set.
        cases: case names of the data set.

    Raises:
        DataError: if a list of this data set's cases is damaged or omits some of them.
    """
    notes: list[str] = []
    for folder in (root, root.resolve().parent):
        for name, read in (("cases.csv", _read_table), (SPLITS_FILE, _read_splits)):
            path = folder / name
            if not path.is_file():
                continue
            found = read(path, cases)
            if isinstance(found, str):
                notes.append(found)
            else:
                notes += _lacking(path, found.folds, cases)
                return FoldList(found.folds, found.patients, found.groups, path, tuple(notes))
    return FoldList(notes=tuple(notes))


def _lacking(path: Path, folds: Mapping[str, int], cases: Collection[str]) -> list[str]:
    """Return a note about cases that a list of folds omits."""
    lacking = sorted(set(cases) - folds.keys())
    if not folds or not lacking:
        return []
    return [f"{path} does not assign a fold to {len(lacking)} of {len(cases)} cases, for example {lacking[0]}: add them."]


def _read_table(path: Path, cases: Collection[str]) -> FoldList | str:
    """Return the content of ``cases.csv``, or why it is ignored."""
    with reading(path, "save it as UTF-8 with columns named case and fold"):
        content = path.read_bytes()
        try:
            rows = _rows(content.decode("utf-8-sig"))  # spreadsheets write a byte order mark before UTF-8
        except UnicodeDecodeError:
            rows = _rows(content.decode("latin-1"))
        except csv.Error:
            rows = []
    foreign = f"{path} does not list these cases and their folds, so it is ignored."
    if not rows or not {"case", "fold"} & rows[0].keys():
        return foreign
    named = [row for row in rows if row.get("case", "") in cases]
    if not named:
        return foreign
    folds: dict[str, int] = {}
    for row in named if "fold" in rows[0] else ():
        fold = row.get("fold", "")
        if not fold.isdecimal() or folds.get(row["case"], int(fold)) != int(fold):
            raise DataError(f'{path} assigns case {row["case"]} to fold "{fold}": give each case one integer from 0.')
        folds[row["case"]] = int(fold)
    patients, groups = ({row["case"]: row[column] for row in named if row.get(column)} for column in ("patient", "group"))
    return FoldList(folds, patients, groups) if folds or patients or groups else foreign


def _rows(text: str) -> list[dict[str, str]]:
    """Return the rows of a table by lowercase column name; spreadsheets in some languages separate by semicolons."""
    header = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=header.count)
    rows = csv.DictReader(text.splitlines(), delimiter=delimiter)
    return [
        {str(name).strip().lower(): (value or "").strip() for name, value in row.items() if isinstance(value, str | None)}
        for row in rows
    ]


def _read_splits(path: Path, cases: Collection[str]) -> FoldList | str:
    """Return the folds in nnU-Net's ``splits_final.json``: a case belongs to the fold that validates on it."""
    content = read_json_list(path)
    folds: dict[str, int] = {}
    with reading(path, "correct or remove it"):
        for fold, part in enumerate(content):
            for name in part["val"]:
                if folds.setdefault(str(name), fold) != fold:
                    raise DataError(f"{path} tests case {name} in two folds: correct or remove it.")
    known = {name: fold for name, fold in folds.items() if name in cases}
    return FoldList(known) if known else f"{path} lists different cases, so it is ignored."


def read_json_list(path: Path) -> list[Any]:
    """Read a JSON file that holds a list.

    Raises:
        DataError: naming the file.
    """
    with reading(path, "correct or remove it"):
        content = parse_json(path.read_text(encoding="utf-8-sig"))
        if not isinstance(content, list):
            raise ValueError("it does not contain a list")
    return content


def assign_folds(names: Sequence[str], count: int, seed: int, patients: Mapping[str, str] | None = None) -> dict[str, int]:
    """Assign the patients to ``count`` folds of nearly equal size, at random but reproducibly for a seed.

    Args:
        names: names of the cases.
        count: number of folds.
        seed: random seed.
        patients: case to patient; for a case without an entry, its name decides.
    """
    visits = _visits(names, patients)
    owners = list(visits)
    order = [owners[index] for index in np.random.default_rng(seed).permutation(len(owners))]
    if all(len(cases) == 1 for cases in visits.values()):
        return {visits[owner][0]: position % count for position, owner in enumerate(order)}
    sizes = [0] * count
    folds: dict[str, int] = {}
    for owner in sorted(order, key=lambda owner: -len(visits[owner])):  # assigning most visits first balances the folds
        fold = sizes.index(min(sizes))
        sizes[fold] += len(visits[owner])
        folds |= dict.fromkeys(visits[owner], fold)
    return folds


def split(
    folds: Mapping[str, int], fold: int, *, validation_share: float, seed: int, patients: Mapping[str, str] | None = None
) -> Split:
    """Return the split that tests on ``fold`` and takes validation cases from the others, by whole patients.

    Args:
        folds: case to fold.
        fold: fold to test, or :data:`~kdnet.schema.folds.ALL_CASES`.
        validation_share: fraction of the cases that are not tested.
        seed: random seed.
        patients: case to patient; for a case without an entry, its name decides.

    Raises:
        DataError: if too few cases or patients are left for training.
    """
    if fold == ALL_CASES:
        names = sorted(folds)
        if not names:
            raise DataError("there are no cases to train on: add cases.")
        return Split(tuple(names), _chosen(names, max(1, round(len(names) * validation_share)), [seed], patients), ())
    test = tuple(sorted(name for name, number in folds.items() if number == fold))
    others = sorted(name for name, number in folds.items() if number != fold)
    if not test or len(others) < 2:
        raise DataError(f"{len(folds)} cases are not enough to train, validate and test fold {fold}: add cases.")
    if len(_visits(others, patients)) < 2:
        raise DataError(
            f"all cases outside fold {fold} are from one patient, but training and validation need different patients: "
            "add cases."
        )
    count = min(max(1, round(len(others) * validation_share)), len(others) - 1)
    validation = _chosen(others, count, [seed, fold], patients)
    return Split(tuple(name for name in others if name not in validation), validation, test)


def shared_patients(folds: Mapping[str, int], patients: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Return the patients who have cases in more than one fold, sorted."""
    found: dict[str, set[int]] = {}
    for name, fold in folds.items():
        found.setdefault(_patient(name, patients), set()).add(fold)
    return tuple(sorted(patient for patient, numbers in found.items() if len(numbers) > 1))


def _chosen(names: Sequence[str], count: int, seed: Sequence[int], patients: Mapping[str, str] | None) -> tuple[str, ...]:
    """Return about ``count`` cases of patients drawn at random, never all patients."""
    visits = _visits(names, patients)
    owners = list(visits)
    chosen: list[str] = []
    for index in np.random.default_rng(seed).permutation(len(owners))[: max(1, len(owners) - 1)]:
        if len(chosen) >= count:
            break
        chosen += visits[owners[index]]
    return tuple(sorted(chosen))


def _visits(names: Sequence[str], patients: Mapping[str, str] | None) -> dict[str, list[str]]:
    """Return the cases of each patient, both in the order of case names."""
    visits: dict[str, list[str]] = {}
    for name in sorted(names):
        visits.setdefault(_patient(name, patients), []).append(name)
    return visits


def _patient(name: str, patients: Mapping[str, str] | None) -> str:
    return (patients or {}).get(name) or patient_of(name)
