"""What a study will do, in order: which networks, for which folds and seeds, with how many steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kdnet.data.fold_names import ALL_CASES, fold_name, fold_number
from kdnet.errors import SettingsError
from kdnet.evaluation.results import Role


@dataclass(frozen=True)
class PlannedNetwork:
    """One network of a study.

    Attributes:
        role: teacher, baseline or student.
        modalities: that it sees, in channel order.
        fold: whose cases it is tested on, or :data:`~kdnet.data.fold_names.ALL_CASES`.
        seed: of its training.
    """

    role: Role
    modalities: tuple[str, ...]
    fold: int
    seed: int

    @property
    def sees(self) -> str:
        """Its modalities in one word, as in ``"t1ce"`` or ``"t1+t2"``."""
        return "+".join(self.modalities)

    @property
    def name(self) -> str:
        """Its folder inside the run, for example ``"fold0/seed0/student-t1ce"``."""
        kind = self.role.value if self.role is Role.TEACHER else f"{self.role.value}-{self.sees}"
        return f"{fold_name(self.fold)}/seed{self.seed}/{kind}"

    @property
    def teacher(self) -> str:
        """The folder of the teacher that a student of this fold and seed learns from."""
        return f"{fold_name(self.fold)}/seed{self.seed}/{Role.TEACHER.value}"


def plan_networks(
    modalities: Sequence[str], students: Sequence[tuple[str, ...]], folds: Sequence[int], seeds: Sequence[int]
) -> tuple[PlannedNetwork, ...]:
    """Teacher, then per student modality the baseline and the student, for each fold and seed.

    The fold of all cases has no baselines: a baseline is there to be compared with, and nothing is tested.

    Args:
        modalities: of the data set; the teacher sees all of them.
        students: what each student sees, any non-empty proper subset.

    Raises:
        SettingsError: for modalities that the data lacks, or that leave nothing to distil.
    """
    chosen = tuple(dict.fromkeys(_ordered(student, modalities) for student in students))
    networks = []
    for fold in dict.fromkeys(folds):
        for seed in dict.fromkeys(seeds):
            networks.append(PlannedNetwork(Role.TEACHER, tuple(modalities), fold, seed))
            for sees in chosen:
                if fold != ALL_CASES:
                    networks.append(PlannedNetwork(Role.BASELINE, sees, fold, seed))
                networks.append(PlannedNetwork(Role.STUDENT, sees, fold, seed))
    return tuple(networks)


def named_network(name: str, teacher: Sequence[str]) -> PlannedNetwork:
    """The network that :attr:`PlannedNetwork.name` called ``name``, whose teacher sees the modalities ``teacher``.

    Raises:
        SettingsError: when it is no such name.
    """
    try:
        fold, seed, kind = name.split("/")
        role, _, sees = kind.partition("-")
        modalities = tuple(sees.split("+")) if sees else tuple(teacher)
        return PlannedNetwork(Role(role), modalities, fold_number(fold), int(seed.removeprefix("seed")))
    except ValueError as error:
        raise SettingsError(f'"{name}" is no network: write it as in fold0/seed0/student-t1ce.') from error


def parse_students(text: str) -> tuple[tuple[str, ...], ...]:
    """Read ``"t1ce,t1+t2"`` as a student of T1ce and one of T1 and T2."""
    return tuple(tuple(part.strip().lower() for part in item.split("+")) for item in text.split(","))


def _ordered(student: tuple[str, ...], modalities: Sequence[str]) -> tuple[str, ...]:
    known = ", ".join(modalities)
    for modality in student:
        if modality not in modalities:
            raise SettingsError(f'the data has no modality "{modality}" for a student: choose among {known}.')
    if len(modalities) == 1:
        raise SettingsError(
            f"the data has the modality {known} alone, so that no teacher can see more than the student: add another one."
        )
    if len(set(student)) == len(modalities):
        raise SettingsError(f"a student of all modalities ({known}) has nothing to be taught: leave some out.")
    return tuple(modality for modality in modalities if modality in student)
