"""The networks of a study, in training order."""

from __future__ import annotations

from collections.abc import Sequence

from kdnet.errors import SettingsError
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.network_id import NetworkId, Role
from kdnet.schema.study_rules import StudentProblem, student_problem


def plan_networks(
    modalities: Sequence[str],
    students: Sequence[tuple[str, ...]],
    folds: Sequence[int],
    seeds: Sequence[int],
    *,
    control: bool = False,
) -> tuple[NetworkId, ...]:
    """List the teacher, then baseline and student per set of student modalities, for each fold and seed.

    The fold of all cases has no baselines and controls: they serve only for comparison, and that fold has no test.

    Args:
        modalities: of the data set; all are input to the teacher.
        students: input modalities of each student, any non-empty proper subset.
        control: whether each baseline is followed by a control, which starts from the teacher's weights.

    Raises:
        SettingsError: for modalities that the data lacks or that leave nothing to distill.
    """
    chosen = tuple(dict.fromkeys(_ordered(student, modalities) for student in students))
    networks = []
    for fold in dict.fromkeys(folds):
        for seed in dict.fromkeys(seeds):
            networks.append(NetworkId(Role.TEACHER, tuple(modalities), fold, seed))
            for modality_key in chosen:
                if fold != ALL_CASES:
                    networks.append(NetworkId(Role.BASELINE, modality_key, fold, seed))
                    networks += [NetworkId(Role.CONTROL, modality_key, fold, seed)] if control else []
                networks.append(NetworkId(Role.STUDENT, modality_key, fold, seed))
    return tuple(networks)


def _ordered(student: tuple[str, ...], modalities: Sequence[str]) -> tuple[str, ...]:
    known = ", ".join(modalities)
    problem = student_problem(student, modalities)
    if problem is StudentProblem.EMPTY:
        raise SettingsError(f"a student needs at least one modality: choose from {known}.")
    if problem is StudentProblem.NOT_A_SUBSET:
        missing = next(name for name in student if name not in modalities)
        raise SettingsError(f'the data has no modality "{missing}" for a student: choose from {known}.')
    if problem is StudentProblem.NOTHING_TO_DISTILL and len(modalities) == 1:
        raise SettingsError(
            f"the data has only the modality {known}, but a teacher needs more modalities than its student: add "
            "another one."
        )
    if problem is StudentProblem.NOTHING_TO_DISTILL:
        raise SettingsError(
            f"a student of all modalities ({known}) has nothing to learn from its teacher: give it fewer modalities."
        )
    return tuple(modality for modality in modalities if modality in student)
