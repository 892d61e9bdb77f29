"""What a study found: the data that statistics and report are made from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray


class Role(StrEnum):
    """The part that a network plays in a study."""

    TEACHER = "teacher"
    BASELINE = "baseline"
    STUDENT = "student"


@dataclass(frozen=True)
class Score:
    """How well one network segmented one region of one case.

    Attributes:
        role: of the network.
        modalities: that the network sees, in channel order, joined by "+" (``"t1ce"``).
        fold: test fold of the case.
        seed: of the training.
        case: name of the case.
        region: name of the region.
        dice: 0 to 1.
        hd95: 95th percentile of the symmetric surface distance in mm.
    """

    role: Role
    modalities: str
    fold: int
    seed: int
    case: str
    region: str
    dice: float
    hd95: float


@dataclass(frozen=True)
class StudyDescription:
    """Everything that makes a study repeatable from one command (METHOD section 5).

    ``teacher`` names a teacher that was brought along; it is empty where one was trained.
    """

    command: str
    data: str
    cases: int
    recipe: str
    settings: dict[str, object]
    student_modalities: tuple[str, ...]
    teacher_modalities: tuple[str, ...]
    regions: tuple[str, ...]
    folds: tuple[int, ...]
    seeds: tuple[int, ...]
    splits: dict[str, dict[str, list[str]]]  # "fold0" -> {"train": [...], "validation": [...], "test": [...]}
    steps: int
    seconds: float
    cpu_seconds: float
    hardware: str
    code_version: str
    teacher: str = ""


@dataclass(frozen=True, eq=False)
class Overlay:
    """One example picture for the report.

    Attributes:
        case: its name.
        title: what the labelmap is, for example ``"student t1ce"`` or ``"reference"``.
        image: an axial slice of the input volume, any scalar type; the first axis runs to the left, the second to the back.
        labelmap: label values on the same slice, uint8.
        spacing: distance of neighbouring pixels along the two axes of the slice in mm.
    """

    case: str
    title: str
    image: NDArray[np.generic]
    labelmap: NDArray[np.uint8]
    spacing: tuple[float, float] = (1.0, 1.0)
