"""Rules that cases, folds and modalities of a study must meet, shared by the backend and the training panel."""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

FEWEST_CASES = 3
"""A study needs at least one case each to train, to choose the weights, and to test."""

DEFAULT_FOLDS = 3
"""Number of folds when neither the request nor the data set specifies it."""


class StudentProblem(Enum):
    """Why a set of modalities cannot be the input of a student."""

    EMPTY = "empty"
    NOT_A_SUBSET = "not a subset"
    NOTHING_TO_DISTILL = "nothing to distill"


def student_problem(student: Collection[str], teacher: Collection[str]) -> StudentProblem | None:
    """Return why a student cannot have these input modalities, None if it can.

    The modalities of a student are a non-empty proper subset of its teacher's.

    Example:
        >>> student_problem(["t1"], ["t1", "t2"]) is None
        True
        >>> student_problem(["t1", "t2"], ["t1", "t2"])
        <StudentProblem.NOTHING_TO_DISTILL: 'nothing to distill'>
    """
    if not student:
        return StudentProblem.EMPTY
    if not set(student) <= set(teacher):
        return StudentProblem.NOT_A_SUBSET
    return StudentProblem.NOTHING_TO_DISTILL if set(student) == set(teacher) else None


def fewest_cases(folds: int, *, given: bool) -> int:
    """Return how many cases a study of this many folds needs.

    Args:
        folds: number of folds.
        given: whether the data set defines its folds, so that a fold may be without cases.
    """
    return FEWEST_CASES if given else max(FEWEST_CASES, folds)
