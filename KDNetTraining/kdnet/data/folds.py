"""Which cases train, choose the checkpoint, and test."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdnet.data.fold_names import ALL_CASES
from kdnet.errors import DataError


@dataclass(frozen=True)
class Split:
    """Names of the cases of one fold, each in exactly one part.

    The fold of all cases is the exception: its validation cases train too, and only show how the training goes.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]


def read_folds(root: Path) -> dict[str, int] | None:
    """The folds that a ``cases.csv`` (columns ``case`` and ``fold``) in ``root`` or its parent gives, if there is one.

    Raises:
        DataError: when the file is there but cannot be understood.
    """
    for path in (root / "cases.csv", root.resolve().parent / "cases.csv"):
        if path.is_file():
            return _read(path)
    return None


def _read(path: Path) -> dict[str, int]:
    folds: dict[str, int] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:  # spreadsheets put a mark before UTF-8
            for row in csv.DictReader(stream):
                name, fold = row["case"], int(row["fold"])
                if fold < 0 or folds.get(name, fold) != fold:
                    raise ValueError(f"{name}: {fold}")
                folds[name] = fold
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise DataError(
            f"{path} must have the columns case and fold, with one whole number from 0 for each case: correct it."
        ) from error
    return folds


def assign_folds(names: Sequence[str], count: int, seed: int) -> dict[str, int]:
    """Deal the cases out to ``count`` folds of nearly equal size, at random but always the same for a seed."""
    order = np.random.default_rng(seed).permutation(len(names))
    ordered = sorted(names)
    return {ordered[index]: position % count for position, index in enumerate(order)}


def split(folds: Mapping[str, int], fold: int, *, validation_share: float, seed: int) -> Split:
    """The split that tests on ``fold`` and carves validation cases out of the others.

    Raises:
        DataError: when too few cases are left to train.
    """
    if fold == ALL_CASES:
        names = sorted(folds)
        if not names:
            raise DataError("there is no case to train on: add cases.")
        return Split(tuple(names), _chosen(names, max(1, round(len(names) * validation_share)), [seed]), ())
    test = tuple(sorted(name for name, number in folds.items() if number == fold))
    others = sorted(name for name, number in folds.items() if number != fold)
    if not test or len(others) < 2:
        raise DataError(f"{len(folds)} cases are too few to train, validate and test fold {fold}: add cases.")
    count = min(max(1, round(len(others) * validation_share)), len(others) - 1)
    validation = _chosen(others, count, [seed, fold])
    return Split(tuple(name for name in others if name not in validation), validation, test)


def _chosen(names: Sequence[str], count: int, seed: Sequence[int]) -> tuple[str, ...]:
    order = np.random.default_rng(seed).permutation(len(names))
    return tuple(sorted(names[index] for index in order[:count]))
