"""What a study will do, in order: which networks, for which folds and seeds, with how many steps."""

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
        modalities: that it sees, in channel order.
        fold: whose cases it is tested on, or :data:`~kdnet.schema.folds.ALL_CASES`.
        seed: of its training.
    """

    role: Role
    modalities: tuple[str, ...]
    fold: int
    seed: int

    @property
    def modality_key(self) -> str:
        """Its modalities in one word, as in ``"t1ce"`` or ``"t1+t2"``."""
        return "+".join(self.modalities)

    @property
    def name(self) -> str:
        """Its folder inside the run, for example ``"fold0/seed0/student-t1ce"``."""
        kind = self.role.value if self.role is Role.TEACHER else f"{self.role.value}-{self.modality_key}"
        return f"{fold_name(self.fold)}/seed{self.seed}/{kind}"

    @property
    def teacher(self) -> str:
        """The folder of the teacher that a student of this fold and seed learns from."""
        return f"{fold_name(self.fold)}/seed{self.seed}/{Role.TEACHER.value}"


def named_network(name: str, teacher: Sequence[str]) -> PlannedNetwork:
    """The network that :attr:`PlannedNetwork.name` called ``name``, whose teacher sees the modalities ``teacher``.

    Raises:
        SettingsError: when it is no such name.
    """
    try:
        fold, seed, kind = name.split("/")
        role, _, modality_key = kind.partition("-")
        modalities = tuple(modality_key.split("+")) if modality_key else tuple(teacher)
        return PlannedNetwork(Role(role), modalities, fold_number(fold), int(seed.removeprefix("seed")))
    except ValueError as error:
        raise SettingsError(f'"{name}" is no network: write it as in fold0/seed0/student-t1ce.') from error


class Role(StrEnum):
    """The part that a network plays in a study."""

    TEACHER = "teacher"
    BASELINE = "baseline"
    STUDENT = "student"
