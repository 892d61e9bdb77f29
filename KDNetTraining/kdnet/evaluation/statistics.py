"""Paired comparisons of teacher, baseline and student (docs/method.md section 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kdnet.evaluation.pairing import PairedDice, by_patient, pair_dice, pair_roles, patients_of, per_case
from kdnet.evaluation.signed_rank import signed_rank_p
from kdnet.schema.network_id import Role
from kdnet.schema.results import (
    MEAN,
    SMALLEST_GAP,
    Comparison,
    Empty,
    GainPart,
    GapRecovery,
    Interval,
    NetworkSummary,
    Score,
    StudySummary,
)

__all__ = ["MEAN", "Comparison", "GapRecovery", "Interval", "NetworkSummary", "StudySummary", "per_case", "summarize"]

RESAMPLES = 10_000

DECIMALS = 9
"""Differences of Dice are rounded to these, so that errors of floating point neither make nor break ties."""


def summarize(scores: Sequence[Score], *, patients: Mapping[str, str] | None = None, seed: int = 0) -> StudySummary:
    """Summarize the scores of a study, finished or not.

    Seeds are averaged per case and cases per patient first, so that patients are resampled and tested: visits of the same
    patient are correlated, and counting them separately would make intervals and p values too small.

    Args:
        scores: scores of all networks.
        patients: case to patient; a case without an entry is its own patient.
        seed: seed of the bootstrap.

    Raises:
        KDNetError: when scores do not pair (:func:`kdnet.evaluation.pairing.pair_dice`).
    """
    regions = [*dict.fromkeys(score.region for score in scores), MEAN]
    networks = list(dict.fromkeys((score.role, score.modalities) for score in scores))
    rows = [
        _summarize_network(scores, role, modalities, region, patients)
        for role, modalities in networks
        for region in regions
    ]
    comparisons = []
    for modalities in (modalities for role, modalities in networks if role is Role.STUDENT):
        for region in regions:
            pairs = pair_dice(scores, modalities, region, patients)
            if pairs is not None:
                comparisons.append(compare(pairs, modalities=modalities, region=region, seed=seed))
    return StudySummary(tuple(rows), tuple(comparisons), tuple(_gains(scores, networks, regions, patients, seed)))


def _gains(
    scores: Sequence[Score],
    networks: Sequence[tuple[Role, str]],
    regions: Sequence[str],
    patients: Mapping[str, str] | None,
    seed: int,
) -> Iterator[GainPart]:
    """Yield the gains of the start and of the losses for each student with a control."""
    for modalities in (modalities for role, modalities in networks if role is Role.CONTROL):
        for region in regions:
            for network, reference in ((Role.CONTROL, Role.BASELINE), (Role.STUDENT, Role.CONTROL)):
                pairs = pair_roles(scores, modalities, region, network, reference)
                if pairs is not None:
                    cases, dice = pairs
                    table = by_patient(dice, patients_of(cases, patients))
                    yield _gain(table, modalities, region, network, reference, len(cases), seed)


def _gain(
    table: NDArray[np.float64], modalities: str, region: str, network: Role, reference: Role, cases: int, seed: int
) -> GainPart:
    """Compare two rows of Dice ``[role, patient]``."""
    count = table.shape[1]
    resampled = table[:, np.random.default_rng(seed).integers(count, size=(RESAMPLES, count))].mean(axis=2)
    low, high = np.percentile(resampled[0] - resampled[1], [2.5, 97.5])
    difference = _without_rounding(table[0] - table[1])
    mean = float(table[0].mean() - table[1].mean())
    return GainPart(
        modalities,
        region,
        network,
        reference,
        cases,
        count,
        Interval(mean, float(low), float(high)),
        signed_rank_p(difference),
        int((difference > 0).sum()),
    )


def compare(pairs: PairedDice, *, modalities: str, region: str, seed: int = 0) -> Comparison:
    """Compare a student with its baseline, and with the teacher if there is one, over paired patients."""
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
    if round(means[2] - means[1], DECIMALS) < SMALLEST_GAP:
        return None, f"teacher and baseline differ by less than {SMALLEST_GAP:g}"
    gained = _without_rounding(resampled[0] - resampled[1])
    gap = _without_rounding(resampled[2] - resampled[1])
    # A resample without a gap has no ratio. Leaving it out would narrow the interval, so it counts as infinite with the
    # sign of the student's difference. Percentiles are not interpolated, because interpolation fails with infinity.
    boundless = np.where(gained == 0, 0.0, np.copysign(np.inf, gained))
    ratio = np.where(gap > 0, gained / np.where(gap > 0, gap, 1.0), boundless)
    low, high = np.percentile(ratio, [2.5, 97.5], method="nearest")
    value = float((means[0] - means[1]) / (means[2] - means[1]))
    return GapRecovery(value, _finite(low), _finite(high)), ""


def _summarize_network(
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
