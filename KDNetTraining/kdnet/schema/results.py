"""What a study found: the data that statistics and report are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kdnet.schema.network_id import Role

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
    """Everything that makes a study repeatable from one command (docs/method.md section 5).

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


@dataclass(frozen=True)
class Interval:
    """A figure with its bootstrap 95 % interval over patients."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class GapRecovery:
    """The share of the distance from baseline to teacher that a student covers, with its bootstrap 95 % interval.

    An end is None where it is unbounded: with so few cases, or so small a gap, the gap may as well be nothing.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class NetworkSummary:
    """One network in one region, over all test cases that it was scored on.

    Seeds are averaged per case and cases per patient, so that a patient with many visits counts once.

    Attributes:
        role: of the network.
        modalities: that it sees.
        region: name, or ``"mean"``.
        cases: number of cases.
        dice: mean over patients.
        dice_deviation: standard deviation over patients; None for a single patient.
        hd95: mean over patients in mm, penalties included.
        hd95_deviation: standard deviation over patients; None for a single patient.
        patients: number of patients.
        scored: number of segmentations of single regions (cases times seeds, and times regions for ``"mean"``).
        penalties: how many of them count a penalty in place of HD95, because the region is in only one of prediction and
            reference.
        empty_predictions: how many of them lack a region that the reference contains; None where old records do not tell.
    """

    role: Role
    modalities: str
    region: str
    cases: int
    dice: float
    dice_deviation: float | None
    hd95: float
    hd95_deviation: float | None
    patients: int = 0
    scored: int = 0
    penalties: int = 0
    empty_predictions: int | None = None


@dataclass(frozen=True)
class Comparison:
    """A student against its baseline in one region, over the cases that both were scored on.

    The unit of all statistics is the patient: visits are averaged first.

    Attributes:
        modalities: that both see.
        region: name, or ``"mean"``.
        cases: number of cases.
        student: mean Dice over the patients.
        baseline: likewise.
        teacher: likewise; None when the teacher was not scored on all of them.
        difference: of mean Dice, student minus baseline.
        p: Wilcoxon signed-rank, two-sided; 1 when all pairs are equal.
        better: number of patients in whom the student has the higher Dice.
        recovery: gap recovery of mean Dice; None where there is none.
        no_recovery: why there is none, empty where there is one.
        patients: number of patients, which is the number of pairs.
    """

    modalities: str
    region: str
    cases: int
    student: float
    baseline: float
    teacher: float | None
    difference: Interval
    p: float
    better: int
    recovery: GapRecovery | None
    no_recovery: str
    patients: int = 0


@dataclass(frozen=True)
class StudySummary:
    """All figures of a study."""

    networks: tuple[NetworkSummary, ...]
    comparisons: tuple[Comparison, ...]

    def network(self, role: Role, modalities: str, region: str) -> NetworkSummary | None:
        """The row of one network and region, if there is one."""
        rows = (row for row in self.networks if (row.role, row.modalities, row.region) == (role, modalities, region))
        return next(rows, None)

    def comparison(self, modalities: str, region: str) -> Comparison | None:
        """The row of one student and region, if there is one."""
        rows = (row for row in self.comparisons if (row.modalities, row.region) == (modalities, region))
        return next(rows, None)
