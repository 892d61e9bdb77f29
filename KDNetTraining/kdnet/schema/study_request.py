"""The settings of a study, as recorded in its run folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from kdnet.errors import SettingsError
from kdnet.schema.former_names import current_study
from kdnet.schema.labels import LabelTable
from kdnet.schema.recipe import Recipe

MOST_MINUTES = 10_000_000  # 19 years

MOST_EPOCHS = 1_000_000

MOST_THREADS = 1024


@dataclass(frozen=True)
class StudyRequest:
    """The settings of a study, recorded in the run folder; a resumed study must use the same ones.

    Attributes:
        data: the data folder.
        students: input modalities of each student.
        recipe: training settings.
        folds: test folds, all of the data's if empty; :data:`~kdnet.schema.folds.ALL_CASES` trains on every
            case and tests on none.
        seeds: training seeds.
        minutes: time limit of the whole study, 0 for the recipe's own number of steps.
        epochs: passes of each network over the training cases, 0 for the recipe's own number of steps.
        labels: label table that replaces the one implied by the data format.
        excluded: names of cases to exclude.
        modalities: input modalities of the teacher, in channel order; all of the data's if empty.
        fold_count: number of folds to create if the data defines none, 0 for three.
        teacher: model file or MONAI bundle of a pretrained teacher; otherwise a teacher is trained.
        command: command line that reproduces the study.
        device: name of the compute device; may change on resuming.
        threads: number of CPU threads, 0 for all cores; may also change.

    Raises:
        SettingsError: for values that contradict each other.
    """

    data: Path
    students: tuple[tuple[str, ...], ...]
    recipe: Recipe
    folds: tuple[int, ...] = ()
    seeds: tuple[int, ...] = (0,)
    minutes: float = 0.0
    epochs: float = 0.0
    labels: LabelTable | None = None
    excluded: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    fold_count: int = 0
    teacher: Path | None = None
    command: str = ""
    device: str = "auto"
    threads: int = 0

    def __post_init__(self) -> None:
        for name, value, most in (("minutes", self.minutes, MOST_MINUTES), ("epochs", self.epochs, MOST_EPOCHS)):
            if not 0 <= value <= most:  # also rejects NaN
                raise SettingsError(f"--{name} is {value:g}: give a positive number, at most {most}.")
        if not 0 <= self.threads <= MOST_THREADS:
            raise SettingsError(f"--threads is {self.threads}: give a number from 1 to {MOST_THREADS}, or 0 for all cores.")
        for seed in self.seeds:
            if not 0 <= seed < 1 << 32:
                raise SettingsError(f"--seeds has the seed {seed}: give numbers from 0 to {(1 << 32) - 1}.")
        if len(set(self.modalities)) < len(self.modalities):
            raise SettingsError(f"--modalities {','.join(self.modalities)} names a modality twice: name each once.")
        if self.minutes and self.epochs:
            raise SettingsError("--minutes and --epochs both decide the number of steps: give one of them.")
        if self.fold_count and self.fold_count < 2:
            raise SettingsError(f"--fold-count is {self.fold_count}: give at least 2, one to test while others train.")

    def to_json(self) -> dict[str, Any]:
        """Return the request as plain JSON values."""
        return {
            **asdict(self),
            "data": str(self.data.resolve()),
            "recipe": self.recipe.to_json(),
            "labels": self.labels.to_json() if self.labels else None,
            "teacher": str(self.teacher.resolve()) if self.teacher else None,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a request from :meth:`to_json` output; values not written by older versions take their defaults.

        Raises:
            KeyError, TypeError, ValueError, OverflowError, KDNetError: on invalid content.
        """
        content = current_study(content)
        return cls(
            data=Path(content["data"]),
            students=tuple(_texts(student) for student in _list(content["students"])),
            recipe=Recipe.from_json(content["recipe"]),
            folds=_numbers(content["folds"]),
            seeds=_numbers(content["seeds"]),
            minutes=float(content["minutes"]),
            epochs=float(content.get("epochs", 0)),
            labels=LabelTable.from_json(content["labels"]) if content["labels"] else None,
            excluded=_texts(content["excluded"]),
            modalities=_texts(content.get("modalities", [])),
            fold_count=int(content.get("fold_count", 0)),
            teacher=Path(content["teacher"]) if content.get("teacher") else None,
            command=str(content["command"]),
            device=str(content.get("device", "auto")),
            threads=int(content.get("threads", 0)),
        )


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list is expected")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not all(isinstance(item, str) for item in _list(value)):
        raise TypeError("a list of texts is expected")
    return tuple(value)


def _numbers(value: Any) -> tuple[int, ...]:
    if not all(type(item) is int for item in _list(value)):
        raise TypeError("a list of whole numbers is expected")
    return tuple(value)


def parse_students(text: str) -> tuple[tuple[str, ...], ...]:
    """Read ``"t1ce,t1+t2"`` as a student of T1ce and one of T1 and T2."""
    return tuple(tuple(part.strip().lower() for part in item.split("+")) for item in text.split(","))
