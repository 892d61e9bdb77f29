"""Names of folds in files, on the command line and in the panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdnet.errors import SettingsError
from kdnet.schema.numbers import split_list
from kdnet.text import one_line

ALL_CASES = -1
"""Stands for a fold that trains on every case, as a model to be used should, and tests on none."""

ALL_NAME = "all"

_PREFIX = "fold"

MOST_DIGITS = 9


def fold_name(fold: int) -> str:
    """Return ``"fold0"``, or ``"all"`` for the fold of all cases; also the name of its folder in a run."""
    return ALL_NAME if fold == ALL_CASES else f"{_PREFIX}{fold}"


def fold_number(name: str) -> int:
    """Return the fold number of a name; the inverse of :func:`fold_name`.

    Raises:
        ValueError: for any other name.
    """
    return ALL_CASES if name == ALL_NAME else int(name.removeprefix(_PREFIX))


def parse_folds(text: str) -> tuple[int, ...]:
    """Read ``"0, 1, all"`` as two test folds and the fold of all cases; each is kept once.

    Raises:
        SettingsError: for anything else.

    Example:
        >>> parse_folds("0, all")
        (0, -1)
    """
    return tuple(dict.fromkeys(_fold(part.lower()) for part in split_list(text)))


def format_folds(folds: Sequence[int]) -> str:
    """Format folds as text; the inverse of :func:`parse_folds`."""
    return ",".join(ALL_NAME if fold == ALL_CASES else str(fold) for fold in folds)


def _fold(text: str) -> int:
    if text == ALL_NAME:
        return ALL_CASES
    if not text.isdecimal() or len(text) > MOST_DIGITS:  # rejects a minus sign too: ALL_CASES cannot be given as a number
        raise SettingsError(f'"{one_line(text, 40)}" is not a fold: give integers from 0, such as 0,1, or {ALL_NAME}.')
    return int(text)


@dataclass(frozen=True)
class Split:
    """Names of the cases of one fold, each in exactly one subset.

    The fold of all cases is the exception: its validation cases are also trained on, and only monitor the training.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
