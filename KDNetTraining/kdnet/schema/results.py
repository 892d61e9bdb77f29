"""Results of a study: the data behind the statistics and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from kdnet.schema.former_names import current_name
from kdnet.schema.network_id import Role

MEAN = "mean"
"""Stands for the mean over all regions where a region is named."""

FEWEST_PATIENTS = 6
"""With fewer pairs a two-sided signed-rank test cannot give p < 0.05, whatever they are."""

SMALLEST_GAP = 0.01
"""A teacher that is better than its baseline by less Dice than this leaves nothing to recover: training with another seed
changes Dice as much, and a share of so small a gap is arbitrarily large."""

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
    """Which of the two masks of a region, prediction or reference, is empty."""

    NEITHER = "neither"
    PREDICTION = "prediction"
    REFERENCE = "reference"
    BOTH = "both"


@dataclass(frozen=True)
class Score:
    """The scores of one network in one region of one case.

    Attributes:
        role: role of the network.
        modalities: input modalities in channel order, joined by "+" (``"t1ce"``).
        fold: test fold of the case.
        seed: seed of the training.
        case: name of the case.
        region: name of the region.
        dice: 0 to 1.
        hd95: the larger of the two directed 95th percentiles of the surface distance, in mm.
        empty: which of prediction and reference lacks the region; None in records of older versions.
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

    def __post_init__(self) -> None:
        object.__setattr__(self, "region", current_name(self.region))

    @property
    def penalized(self) -> bool:
        """Whether HD95 is the penalty for a region that is in only one of prediction and reference."""
        if self.empty is None:
            return self.dice == 0 and self.hd95 == HD95_ONE_EMPTY
        return self.empty in (Empty.PREDICTION, Empty.REFERENCE)


@dataclass(frozen=True)
class StudyDescription:
    """Everything needed to reproduce a study with one command (docs/method.md section 5).

    ``teacher`` names a pretrained teacher; it is empty if the study trained one. ``control``: whether
    the study trained controls. ``start`` names the model that networks started from, ``incomplete`` the cases that lack a
    modality. ``patients`` gives the patient of
    each case; a case missing from it counts as its own patient. ``groups`` gives the group of each case, such as its site;
    results are also shown per group.
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
    control: bool = False
    start: str = ""
    incomplete: tuple[str, ...] = ()
    patients: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)
    settled_steps: tuple[int, ...] = ()

    @property
    def steps_text(self) -> str:
        """The number of steps, or its range where a time budget was settled again between networks.

        Baseline, control and student of a fold and seed always have the same number.
        """
        counts = set(self.settled_steps) or {self.steps}
        return f"{min(counts)} to {max(counts)}" if len(counts) > 1 else str(min(counts))


@dataclass(frozen=True)
class Interval:
    """A value with its bootstrap 95% confidence interval over patients."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class GapRecovery:
    """The fraction of the baseline-to-teacher gap that a student recovers, with its bootstrap 95% confidence interval.

    A bound is None where it is unbounded: with few cases or a small gap, a gap of zero cannot be excluded.
    """

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class NetworkSummary:
    """The scores of one network in one region over all its test cases.

    Scores are averaged over seeds per case, then over cases per patient, so that each patient counts once.

    Attributes:
        role: role of the network.
        modalities: input modalities.
        region: name, or ``"mean"``.
        cases: number of cases.
        dice: mean over patients.
        dice_deviation: standard deviation over patients; None for a single patient.
        hd95: mean over patients in mm, penalties included.
        hd95_deviation: standard deviation over patients; None for a single patient.
        patients: number of patients.
        scored: number of scored region segmentations (cases times seeds, and times regions for ``"mean"``).
        penalties: how many of them use a penalty instead of HD95, because the region is in only one of prediction and
            reference.
        empty_predictions: how many of them lack a region that the reference contains; None if not recorded.
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
    """A student compared with its baseline in one region, over the cases scored for both.

    The unit of all statistics is the patient: visits are averaged first.

    Attributes:
        modalities: input modalities of both.
        region: name, or ``"mean"``.
        cases: number of cases.
        student: mean Dice over patients.
        baseline: likewise.
        teacher: likewise; None if the teacher was not scored on all cases.
        difference: difference in mean Dice, student minus baseline.
        p: two-sided Wilcoxon signed-rank p-value; 1 if all pairs are equal.
        better: number of patients with a higher Dice for the student.
        recovery: gap recovery of mean Dice, if defined.
        no_recovery: reason why it is undefined; empty otherwise.
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

    @property
    def conclusive(self) -> bool:
        """Whether there are enough patients for p < 0.05."""
        return self.patients >= FEWEST_PATIENTS


@dataclass(frozen=True)
class GainPart:
    """A part of the gain of a student over its baseline in one region, over the cases scored for both networks.

    The control starts from the teacher's weights, like the student, but is trained without distillation. Control minus
    baseline is therefore the gain of the start, and student minus control that of the losses.

    Attributes:
        modalities: input modalities of both.
        region: name, or ``"mean"``.
        network: role whose Dice should be higher.
        reference: role that it is compared with.
        cases: number of cases.
        patients: number of patients, which is the number of pairs.
        difference: difference in mean Dice, ``network`` minus ``reference``.
        p: two-sided Wilcoxon signed-rank p-value; 1 if all pairs are equal.
        better: number of patients with a higher Dice for ``network``.
    """

    modalities: str
    region: str
    network: Role
    reference: Role
    cases: int
    patients: int
    difference: Interval
    p: float
    better: int


@dataclass(frozen=True)
class StudySummary:
    """All figures of a study; ``gains`` are empty without a control."""

    networks: tuple[NetworkSummary, ...]
    comparisons: tuple[Comparison, ...]
    gains: tuple[GainPart, ...] = ()

    def network(self, role: Role, modalities: str, region: str) -> NetworkSummary | None:
        """Return the row of one network and region, or None."""
        rows = (row for row in self.networks if (row.role, row.modalities, row.region) == (role, modalities, region))
        return next(rows, None)

    def comparison(self, modalities: str, region: str) -> Comparison | None:
        """Return the row of one student and region, or None."""
        rows = (row for row in self.comparisons if (row.modalities, row.region) == (modalities, region))
        return next(rows, None)
