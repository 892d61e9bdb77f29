"""The networks of a study, identified by role, modalities, fold and seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kdnet.errors import SettingsError
from kdnet.schema.folds import fold_name, fold_number


@dataclass(frozen=True)
class PlannedNetwork:
    """One network of a study.

    Attributes:
        role: teacher, baseline or student.
        modalities: input modalities, in channel order.
        fold: fold that it is tested on, or :data:`~kdnet.schema.folds.ALL_CASES`.
        seed: seed of its training.
    """

    role: Role
    modalities: tuple[str, ...]
    fold: int
    seed: int

    @property
    def modality_key(self) -> str:
        """The modalities as one key, such as ``"t1ce"`` or ``"t1+t2"``."""
        return "+".join(self.modalities)

    @property
    def name(self) -> str:
        """The path of its folder in the run, for example ``"fold0/seed0/student-t1ce"``."""
        kind = self.role.value if self.role is Role.TEACHER else f"{self.role.value}-{self.modality_key}"
        return f"{fold_name(self.fold)}/seed{self.seed}/{kind}"

    @property
    def teacher(self) -> str:
        """The path of the teacher's folder for a student of this fold and seed."""
        return f"{fold_name(self.fold)}/seed{self.seed}/{Role.TEACHER.value}"


def named_network(name: str, teacher: Sequence[str]) -> PlannedNetwork:
    """Return the network whose :attr:`PlannedNetwork.name` is ``name``, given the teacher's modalities ``teacher``.

    Raises:
        SettingsError: if the name is not valid.
    """
    try:
        fold, seed, kind = name.split("/")
        role, _, modality_key = kind.partition("-")
        modalities = tuple(modality_key.split("+")) if modality_key else tuple(teacher)
        return PlannedNetwork(Role(role), modalities, fold_number(fold), int(seed.removeprefix("seed")))
    except ValueError as error:
        raise SettingsError(f'"{name}" is no network: write it as in fold0/seed0/student-t1ce.') from error


class Role(StrEnum):
    """The role of a network in a study."""

    TEACHER = "teacher"
    BASELINE = "baseline"
    STUDENT = "student"
