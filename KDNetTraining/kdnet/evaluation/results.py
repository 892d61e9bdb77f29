"""What a study found: the data that statistics and report are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

HD95_ONE_EMPTY = 373.13
"""HD95 in mm when exactly one of prediction and reference is empty: the diagonal of the BraTS grid.

The constant is that of the BraTS evaluation (240 x 240 x 155 voxels of 1 mm) and stays the same on other grids, so that
figures can be compared.
"""

HD95_DEFINITION = (
    "HD95 is the larger of the two directed 95th percentiles of the distances between the surfaces. A region that only the "
    f"prediction or only the reference contains counts {HD95_ONE_EMPTY} mm, as in the BraTS evaluation; where both are "
    "empty, HD95 is 0."
)
"""The definition in words, for reports and tables."""


class Empty(StrEnum):
    """Which of the two masks of a region is empty."""

    NEITHER = "neither"
    PREDICTION = "prediction"
    REFERENCE = "reference"
    BOTH = "both"


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
        hd95: the larger of the two directed 95th percentiles of the surface distance, in mm.
        empty: which of prediction and reference lacks the region; None in records of versions that did not write it.
    """

    role: Role
    modalities: str
    fold: int
    seed: int
    case: str
    region: str
    dice: float
    hd95: float
    empty: Empty | None = None

    @property
    def penalized(self) -> bool:
        """Whether HD95 is the penalty for a region that only one of prediction and reference contains."""
        if self.empty is None:
            return self.dice == 0 and self.hd95 == HD95_ONE_EMPTY
        return self.empty in (Empty.PREDICTION, Empty.REFERENCE)


@dataclass(frozen=True)
class StudyDescription:
    """Everything that makes a study repeatable from one command (METHOD section 5).

    ``teacher`` names a teacher that was brought along; it is empty where one was trained. ``patients`` gives the patient of
    each case; a case that it lacks is a patient of its own.
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
    patients: Mapping[str, str] = field(default_factory=dict)


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
