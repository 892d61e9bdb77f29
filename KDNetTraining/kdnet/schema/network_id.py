"""The identity of a network in a study: role, modalities, fold, and seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from kdnet.schema.folds import fold_name


class Role(StrEnum):
    """The role of a network in a study."""

    TEACHER = "teacher"
    BASELINE = "baseline"
    CONTROL = "control"  # a baseline that starts from the teacher's weights, like its student
    STUDENT = "student"

    @property
    def needs_teacher(self) -> bool:
        """Whether its training starts from the teacher's weights or learns from its outputs."""
        return self in (Role.CONTROL, Role.STUDENT)


@dataclass(frozen=True)
class NetworkId:
    """Identifies one network of a study.

    Attributes:
        role: teacher, baseline, control, or student.
        modalities: input modalities, in channel order.
        fold: fold that it is tested on, or :data:`~kdnet.schema.folds.ALL_CASES`.
        seed: seed of its training.

    Example:
        >>> NetworkId(Role.STUDENT, ("t1", "t1ce"), fold=0, seed=1).key
        'fold0/seed1/student-t1+t1ce'
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
    def key(self) -> str:
        """The path of its folder in the run, which events and the command line use as its name.

        Keys are looked up (:func:`networks_by_key`), never taken apart: a modality may hold any character but a slash.
        """
        kind = self.role.value if self.role is Role.TEACHER else f"{self.role.value}-{_file_name(self.modality_key)}"
        return f"{fold_name(self.fold)}/seed{self.seed}/{kind}"

    @property
    def unit(self) -> tuple[int, int]:
        """Fold and seed: networks that share them are compared with each other."""
        return self.fold, self.seed

    def to_json(self) -> dict[str, Any]:
        """Return the identity, with its key as ``id``, as plain JSON values."""
        return {
            "id": self.key,
            "role": self.role.value,
            "modalities": list(self.modalities),
            "fold": self.fold,
            "seed": self.seed,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create an identity from :meth:`to_json` output.

        Raises:
            KeyError, TypeError, ValueError: on invalid content.
        """
        modalities, numbers = content["modalities"], (content["fold"], content["seed"])
        if not isinstance(modalities, list) or not all(isinstance(name, str) for name in modalities):
            raise TypeError("the modalities are not a list of names")
        if not all(type(number) is int for number in numbers):
            raise TypeError("fold and seed are not integers")
        return cls(Role(content["role"]), tuple(modalities), *numbers)


def networks_by_key(networks: Iterable[NetworkId]) -> dict[str, NetworkId]:
    """Map each network's key to the network, in order."""
    return {network.key: network for network in networks}


def _file_name(modality_key: str) -> str:
    """Return the modalities as they can appear in the name of a folder: a slash would make two folders."""
    return modality_key.replace("/", "_").replace("\\", "_")
