"""Paired comparisons of teacher, baseline and student (METHOD section 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import wilcoxon

from kdnet.errors import KDNetError
from kdnet.evaluation.results import Role, Score

MEAN = "mean"
"""Name of the row that averages over regions."""
RESAMPLES = 10_000


@dataclass(frozen=True)
class Interval:
    """A figure with its bootstrap 95 % interval over cases."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class NetworkSummary:
    """One network in one region, over all test cases.

    Attributes:
        role: of the network.
        modalities: that it sees.
        region: name, or ``"mean"``.
        cases: number of cases.
        dice: mean.
        dice_deviation: standard deviation over cases.
        hd95: mean in mm.
        hd95_deviation: standard deviation over cases.
    """

    role: Role
    modalities: str
    region: str
    cases: int
    dice: float
    dice_deviation: float
    hd95: float
    hd95_deviation: float


@dataclass(frozen=True)
class Comparison:
    """A student against its baseline in one region.

    Attributes:
        modalities: that both see.
        region: name, or ``"mean"``.
        cases: number of pairs.
        difference: of mean Dice, student minus baseline.
        p: Wilcoxon signed-rank, two-sided; 1 when all pairs are equal.
        better: number of cases in which the student has the higher Dice.
        recovery: gap recovery, (student - baseline) / (teacher - baseline) of mean Dice; None when the teacher is not
            above the baseline, or there is no teacher.
    """

    modalities: str
    region: str
    cases: int
    difference: Interval
    p: float
    better: int
    recovery: Interval | None


@dataclass(frozen=True)
class StudySummary:
    """All figures of a study."""

    networks: tuple[NetworkSummary, ...]
    comparisons: tuple[Comparison, ...]

    def network(self, role: Role, modalities: str, region: str) -> NetworkSummary | None:
        """The row of one network and region, if there is one."""
        rows = (row for row in self.networks if (row.role, row.modalities, row.region) == (role, modalities, region))
        return next(rows, None)


def summarise(scores: Sequence[Score], *, seed: int = 0) -> StudySummary:
    """Summarise the scores of a study.

    Seeds are averaged per case first, so that cases are what is resampled and tested.

    Raises:
        KDNetError: when a case has a score of the student but not of the baseline, or the other way round.
    """
    regions = list(dict.fromkeys(score.region for score in scores))
    networks = list(dict.fromkeys((score.role, score.modalities) for score in scores))
    rows, comparisons = [], []
    for role, modalities in networks:
        for region in [*regions, MEAN]:
            rows.append(_summarise_network(scores, role, modalities, region))
    teacher = next((modalities for role, modalities in networks if role is Role.TEACHER), None)
    for role, modalities in networks:
        if role is Role.STUDENT and (Role.BASELINE, modalities) in networks:
            for region in [*regions, MEAN]:
                comparisons.append(_compare(scores, modalities, teacher, region, seed))
    return StudySummary(tuple(rows), tuple(comparisons))


def per_case(
    scores: Iterable[Score], role: Role, modalities: str, region: str, figure: Callable[[Score], float]
) -> dict[str, float]:
    """Case to its figure, averaged over seeds, and over regions for ``"mean"``."""
    values: dict[str, list[float]] = {}
    for score in scores:
        if (score.role, score.modalities) == (role, modalities) and region in (score.region, MEAN):
            values.setdefault(score.case, []).append(figure(score))
    return {case: float(np.mean(figures)) for case, figures in sorted(values.items())}


def _summarise_network(scores: Sequence[Score], role: Role, modalities: str, region: str) -> NetworkSummary:
    dice = np.array(list(per_case(scores, role, modalities, region, lambda score: score.dice).values()))
    hd95 = np.array(list(per_case(scores, role, modalities, region, lambda score: score.hd95).values()))
    return NetworkSummary(
        role,
        modalities,
        region,
        len(dice),
        float(dice.mean()),
        _deviation(dice),
        float(hd95.mean()),
        _deviation(hd95),
    )


def _compare(scores: Sequence[Score], modalities: str, teacher: str | None, region: str, seed: int) -> Comparison:
    def dice(role: Role, sees: str) -> dict[str, float]:
        return per_case(scores, role, sees, region, lambda score: score.dice)

    student, baseline = dice(Role.STUDENT, modalities), dice(Role.BASELINE, modalities)
    columns = [_paired(student, baseline), _paired(baseline, student)]
    if teacher is not None:
        taught = dice(Role.TEACHER, teacher)
        columns.append(_paired(taught, student) if taught.keys() >= student.keys() else np.full(len(student), np.nan))
    table = np.stack(columns)
    random = np.random.default_rng(seed)
    resampled = table[:, random.integers(table.shape[1], size=(RESAMPLES, table.shape[1]))].mean(axis=2)
    means = table.mean(axis=1)
    difference = table[0] - table[1]
    return Comparison(
        modalities,
        region,
        table.shape[1],
        _interval(float(means[0] - means[1]), resampled[0] - resampled[1]),
        _p_value(difference),
        int((difference > 0).sum()),
        _recovery(means, resampled),
    )


def _recovery(means: NDArray[np.float64], resampled: NDArray[np.float64]) -> Interval | None:
    if len(means) < 3 or not means[2] > means[1]:
        return None
    gap = resampled[2] - resampled[1]
    # a resample without a gap has no ratio; leaving it out would narrow the interval, so its sign counts as infinite
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(gap > 0, (resampled[0] - resampled[1]) / gap, np.inf * np.sign(resampled[0] - resampled[1]))
    ratio = np.nan_to_num(ratio, nan=0.0, posinf=1e3, neginf=-1e3)
    return _interval(float((means[0] - means[1]) / (means[2] - means[1])), ratio)


def _interval(value: float, resampled: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Interval(value, float(low), float(high))


def _p_value(difference: NDArray[np.float64]) -> float:
    return float(wilcoxon(difference).pvalue) if np.any(difference) else 1.0


def _deviation(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def _paired(values: dict[str, float], others: dict[str, float]) -> NDArray[np.float64]:
    missing = sorted(others.keys() - values.keys())
    if missing:
        raise KDNetError(f"case {missing[0]} was not scored by every network: run the study to its end.")
    return np.array([values[case] for case in sorted(others)])
