"""Paired comparisons of teacher, baseline and student (METHOD section 5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdnet.evaluation.pairing import MEAN, PairedDice, by_patient, pair_dice, patients_of, per_case
from kdnet.evaluation.results import Empty, Role, Score
from kdnet.evaluation.signed_rank import signed_rank_p

__all__ = ["MEAN", "Comparison", "GapRecovery", "Interval", "NetworkSummary", "StudySummary", "per_case", "summarise"]

RESAMPLES = 10_000
DECIMALS = 9
"""Differences of Dice are rounded to these, so that errors of floating point neither make nor break ties."""


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


def summarise(scores: Sequence[Score], *, patients: Mapping[str, str] | None = None, seed: int = 0) -> StudySummary:
    """Summarize the scores of a study, finished or not.

    Seeds are averaged per case and cases per patient first, so that patients are what is resampled and tested: visits of
    one patient are alike, and counting them singly would make intervals and p values too small.

    Args:
        scores: of all networks.
        patients: case to patient; a case that it lacks is a patient of its own.
        seed: of the bootstrap.

    Raises:
        KDNetError: when scores do not pair (:func:`kdnet.evaluation.pairing.pair_dice`).
    """
    regions = [*dict.fromkeys(score.region for score in scores), MEAN]
    networks = list(dict.fromkeys((score.role, score.modalities) for score in scores))
    rows = [
        _summarise_network(scores, role, modalities, region, patients)
        for role, modalities in networks
        for region in regions
    ]
    comparisons = []
    for modalities in (modalities for role, modalities in networks if role is Role.STUDENT):
        for region in regions:
            pairs = pair_dice(scores, modalities, region, patients)
            if pairs is not None:
                comparisons.append(compare(pairs, modalities=modalities, region=region, seed=seed))
    return StudySummary(tuple(rows), tuple(comparisons))


def compare(pairs: PairedDice, *, modalities: str, region: str, seed: int = 0) -> Comparison:
    """Compare a student with its baseline, and with the teacher where there is one, over paired patients."""
    columns = [pairs.student, pairs.baseline, *([] if pairs.teacher is None else [pairs.teacher])]
    table = by_patient(np.stack(columns), pairs.patients or pairs.cases)
    count = table.shape[1]
    resampled = table[:, np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))].mean(axis=2)
    means = table.mean(axis=1)
    difference = _without_rounding(table[0] - table[1])
    low, high = np.percentile(resampled[0] - resampled[1], [2.5, 97.5])
    recovery, reason = _recovery(means, resampled)
    return Comparison(
        modalities=modalities,
        region=region,
        cases=len(pairs.cases),
        student=float(means[0]),
        baseline=float(means[1]),
        teacher=float(means[2]) if len(means) > 2 else None,
        difference=Interval(float(means[0] - means[1]), float(low), float(high)),
        p=signed_rank_p(difference),
        better=int((difference > 0).sum()),
        recovery=recovery,
        no_recovery=reason,
        patients=count,
    )


def _recovery(means: NDArray[np.float64], resampled: NDArray[np.float64]) -> tuple[GapRecovery | None, str]:
    if len(means) < 3:
        return None, "the teacher is not scored on all these cases yet"
    if round(means[2] - means[1], DECIMALS) <= 0:
        return None, "the teacher is not above the baseline"
    gained = _without_rounding(resampled[0] - resampled[1])
    gap = _without_rounding(resampled[2] - resampled[1])
    # A resample without a gap has no ratio. Leaving it out would narrow the interval, so it counts as boundless on the
    # side of the student's difference. Percentiles are taken without interpolation, which infinity does not bear.
    boundless = np.where(gained == 0, 0.0, np.copysign(np.inf, gained))
    ratio = np.where(gap > 0, gained / np.where(gap > 0, gap, 1.0), boundless)
    low, high = np.percentile(ratio, [2.5, 97.5], method="nearest")
    value = float((means[0] - means[1]) / (means[2] - means[1]))
    return GapRecovery(value, _finite(low), _finite(high)), ""


def _summarise_network(
    scores: Sequence[Score], role: Role, modalities: str, region: str, patients: Mapping[str, str] | None
) -> NetworkSummary:
    own = [s for s in scores if (s.role, s.modalities) == (role, modalities) and region in (s.region, MEAN)]
    dice_of = per_case(own, role, modalities, region, lambda score: score.dice)
    hd95_of = per_case(own, role, modalities, region, lambda score: score.hd95)
    owners = patients_of(list(dice_of), patients)
    dice, hd95 = (by_patient(np.array(list(column.values())), owners) for column in (dice_of, hd95_of))
    return NetworkSummary(
        role,
        modalities,
        region,
        len(dice_of),
        float(dice.mean()),
        _deviation(dice),
        float(hd95.mean()),
        _deviation(hd95),
        patients=len(dice),
        scored=len(own),
        penalties=sum(bool(score.penalized) for score in own),
        empty_predictions=_empty_predictions(own),
    )


def _empty_predictions(scores: Sequence[Score]) -> int | None:
    if any(score.empty is None and score.penalized for score in scores):
        return None
    return sum(score.empty == Empty.PREDICTION for score in scores)


def _without_rounding(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.round(difference, DECIMALS)


def _deviation(values: NDArray[np.float64]) -> float | None:
    return float(values.std(ddof=1)) if len(values) > 1 else None


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
