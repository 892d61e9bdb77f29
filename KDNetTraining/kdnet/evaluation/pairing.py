"""Match the scores of teacher, baseline and student case by case, and reject those that do not pair."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdnet.errors import KDNetError
from kdnet.schema.network_id import Role
from kdnet.schema.results import MEAN, Score

Unit = tuple[int, int]
"""Fold and seed: what one training is for, and within which its scores are all there or not there at all."""
Key = tuple[str, int, int, str]
"""Case, fold, seed and region of a score."""


@dataclass(frozen=True, eq=False)
class PairedDice:
    """Dice of the same cases for a student, its baseline and, if it was scored on all of them, the teacher.

    Attributes:
        cases: names, sorted.
        student: Dice of each case, averaged over seeds (and regions for ``"mean"``).
        baseline: likewise.
        teacher: likewise; None while the teacher lacks a fold or seed.
        patients: patient of each case; empty where each case is its own patient.
    """

    cases: tuple[str, ...]
    student: NDArray[np.float64]
    baseline: NDArray[np.float64]
    teacher: NDArray[np.float64] | None
    patients: tuple[str, ...] = ()


def pair_dice(
    scores: Sequence[Score], modalities: str, region: str, patients: Mapping[str, str] | None = None
) -> PairedDice | None:
    """Pair the scores of the student with input ``modalities`` by case, fold and seed.

    Folds and seeds for which either has no score yet (an unfinished study) are excluded. Seeds are averaged per case.

    Args:
        scores: of all networks.
        modalities: input modalities of the student.
        region: region name, or ``"mean"``.
        patients: case to patient; a case without an entry is its own patient.

    Returns:
        None when student and baseline share no fold and seed.

    Raises:
        KDNetError: when, within a fold and seed, a case or region was scored for one network but not the other,
            or was scored twice.
    """
    student = _table(scores, region, Role.STUDENT, modalities)
    baseline = _table(scores, region, Role.BASELINE, modalities)
    teacher = _table(scores, region, Role.TEACHER)
    shared = _units(student) & _units(baseline)
    if not shared:
        return None
    student, baseline = _within(student, shared), _within(baseline, shared)
    _check("student", student, "baseline", baseline)
    paired_teacher = None
    if shared <= _units(teacher):
        paired_teacher = _within(teacher, shared)
        _check("student", student, "teacher", paired_teacher)
    cases = tuple(sorted({case for case, *_ in student}))
    return PairedDice(
        cases,
        _average(student),
        _average(baseline),
        None if paired_teacher is None else _average(paired_teacher),
        patients_of(cases, patients),
    )


def pair_roles(
    scores: Sequence[Score], modalities: str, region: str, first: Role, second: Role
) -> tuple[tuple[str, ...], NDArray[np.float64]] | None:
    """Pair the scores of two networks with input ``modalities`` by case, fold and seed.

    Returns:
        The cases, sorted, and their Dice ``[role, case]``, averaged over seeds; None when both share no fold and seed.

    Raises:
        KDNetError: as :func:`pair_dice`.
    """
    one, other = (_table(scores, region, role, modalities) for role in (first, second))
    shared = _units(one) & _units(other)
    if not shared:
        return None
    one, other = _within(one, shared), _within(other, shared)
    _check(first.value, one, second.value, other)
    return tuple(sorted({case for case, *_ in one})), np.stack([_average(one), _average(other)])


def patients_of(cases: Sequence[str], patients: Mapping[str, str] | None) -> tuple[str, ...]:
    """Return the patient of each case; a case without an entry is its own patient.

    The two kinds never mix: a case with the name of another case's patient stays separate.
    """
    known = patients or {}
    taken = set(known.values())
    return tuple(known.get(case, f"case {case}" if case in taken else case) for case in cases)


def by_patient(values: NDArray[np.float64], patients: Sequence[str]) -> NDArray[np.float64]:
    """Average the last axis, one value per case, over the visits of each patient, in order of the patients' names."""
    _, owner = np.unique(np.array(patients), return_inverse=True)
    visits = np.bincount(owner)
    summed = np.apply_along_axis(lambda row: np.bincount(owner, weights=row), -1, values)
    return np.asarray(summed / visits)


def per_case(
    scores: Iterable[Score], role: Role, modalities: str, region: str, figure: Callable[[Score], float]
) -> dict[str, float]:
    """Return case to metric, averaged over seeds, and over regions for ``"mean"``; sorted by case."""
    values: dict[str, list[float]] = {}
    for score in scores:
        if (score.role, score.modalities) == (role, modalities) and region in (score.region, MEAN):
            values.setdefault(score.case, []).append(figure(score))
    return {case: float(np.mean(figures)) for case, figures in sorted(values.items())}


def _table(scores: Sequence[Score], region: str, role: Role, modalities: str | None = None) -> dict[Key, float]:
    table: dict[Key, float] = {}
    for score in scores:
        if score.role is not role or modalities not in (None, score.modalities) or region not in (score.region, MEAN):
            continue
        key = (score.case, score.fold, score.seed, score.region)
        if key in table:
            raise KDNetError(
                f"the {role.value} has two scores for {_description(key)}: write a new report from one run folder."
            )
        table[key] = score.dice
    return table


def _units(table: Iterable[Key]) -> set[Unit]:
    return {(fold, seed) for _, fold, seed, _ in table}


def _within(table: dict[Key, float], units: set[Unit]) -> dict[Key, float]:
    return {key: value for key, value in table.items() if (key[1], key[2]) in units}


def _check(name: str, table: dict[Key, float], other_name: str, other: dict[Key, float]) -> None:
    for lacking, missing in ((other_name, table.keys() - other.keys()), (name, other.keys() - table.keys())):
        if missing:
            raise KDNetError(
                f"{_description(min(missing))} was not scored for the {lacking}: resume the study until it is finished."
            )


def _average(table: dict[Key, float]) -> NDArray[np.float64]:
    values: dict[str, list[float]] = {}
    for (case, *_), dice in sorted(table.items()):
        values.setdefault(case, []).append(dice)
    return np.array([np.mean(column) for column in values.values()])


def _description(key: Key) -> str:
    case, fold, seed, region = key
    return f"case {case} ({region}, fold {fold}, seed {seed})"
