"""Describe the results and outcomes of a study as text."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from kdnet.report.content import ReportData
from kdnet.schema.formatting import plural
from kdnet.schema.modalities import format_modalities
from kdnet.schema.results import FEWEST_PATIENTS, MEAN, SMALLEST_GAP, Comparison, GapRecovery, Interval

SIGNIFICANT = 0.05

MINUS = "\N{MINUS SIGN}"

SPREAD = "Mean ± standard deviation over the test patients, on the original grids of their cases."

PENALTIES = (
    "Number of values (cases times seeds) that are the penalty, because only one of prediction and reference contains the "
    "region. Each of them raises the mean HD95."
)

GAIN_PARTS = (
    "The control starts from the teacher's weights, like the student, but is trained without distillation. Differences of "
    "mean Dice with bootstrap 95 % intervals over patients; two-sided Wilcoxon signed-rank p, not corrected for several "
    "comparisons."
)

GROUPS = (
    "Mean Dice, baseline → student, in each group that cases.csv names, and the paired difference of their means with its "
    "bootstrap 95 % interval over patients."
)

ABSENT = "Where the reference lacks a region, Dice is 1 if the network leaves it empty as well, and 0 otherwise."

PAIRING = "paired by case, fold and seed; visits of one patient are averaged and count once"


class Outcome(Enum):
    """What a paired comparison says about a student."""

    BETTER = "better"
    WORSE = "worse"
    UNDECIDED = "not distinguishable"


def outcome(row: Comparison) -> Outcome:
    """Return better or worse only if the interval excludes zero and p is below 0.05; undecided otherwise."""
    if row.p < SIGNIFICANT and row.difference.low > 0:
        return Outcome.BETTER
    if row.p < SIGNIFICANT and row.difference.high < 0:
        return Outcome.WORSE
    return Outcome.UNDECIDED


def format_key(modalities: str) -> str:
    """Format modalities as clinicians write them: ``"t1+t1ce"`` becomes ``"T1 + T1ce"``."""
    return format_modalities(modalities.split("+"))


def listed(names: Sequence[str]) -> str:
    """Join names as in ``"ET and WT"`` or ``"ET, TC, and WT"``."""
    if len(names) < 3:
        return " and ".join(names)
    return f"{', '.join(names[:-1])}, and {names[-1]}"


def signed(value: float) -> str:
    """Format a difference of Dice with its sign; a value that rounds to zero has none."""
    return f"{value:+.3f}".replace("-", MINUS) if round(value, 3) else "0.000"


def percent(share: float) -> str:
    """Format a fraction in whole percent."""
    whole = round(share * 100)
    return f"{whole} %".replace("-", MINUS)


def p_value(p: float) -> str:
    """Format p as ``"p = 0.031"`` or ``"p < 0.001"``."""
    return f"p = {p:.3f}" if p >= 0.001 else "p < 0.001"


def difference(value: Interval) -> str:
    """Format a difference of Dice with its interval."""
    return f"{signed(value.value)} ({signed(value.low)} to {signed(value.high)})"


def recovery_range(value: GapRecovery) -> str:
    """Format the interval of a gap recovery, which may be unbounded."""
    if value.low is None and value.high is None:
        return "interval unbounded"
    low = "unbounded" if value.low is None else percent(value.low)
    high = "unbounded" if value.high is None else percent(value.high)
    return f"{low} to {high}"


def recovery(row: Comparison) -> str:
    """Format gap recovery with its interval, or the reason why there is none."""
    if row.recovery is None:
        return f"not defined: {row.no_recovery}"
    return f"{percent(row.recovery.value)} ({recovery_range(row.recovery)})"


def conclusions(content: ReportData) -> list[str]:
    """Describe the results in plain language, good or bad: one paragraph per student that can be compared."""
    paragraphs = []
    for modalities in content.description.student_modalities:
        row = content.summary.comparison(modalities, MEAN)
        if row is not None:
            sentences = [headline(row), _regions(content, modalities), _recovery_sentence(row)]
            paragraphs.append(" ".join(sentence for sentence in sentences if sentence))
    if paragraphs:
        return paragraphs
    if not content.description.folds:
        return [
            "All cases were used for training, so none is left to test: a cross-validation estimates the "
            "performance of such networks."
        ]
    return ["No student has been compared with its baseline yet."]


def headline(row: Comparison) -> str:
    """Return one sentence on one student."""
    verb = {
        Outcome.BETTER: "beats its baseline",
        Outcome.WORSE: "is worse than its baseline",
        Outcome.UNDECIDED: "is not distinguishable from its baseline",
    }[outcome(row)]
    return (
        f"The {format_key(row.modalities)} student {verb}: mean Dice {row.student:.3f} against {row.baseline:.3f} "
        f"(difference {signed(row.difference.value)}, 95 % interval {signed(row.difference.low)} to "
        f"{signed(row.difference.high)}, {p_value(row.p)}, {_tested(row)})."
    )


def caveats(content: ReportData) -> list[str]:
    """Return what a reader must know before trusting the results."""
    notes = []
    missing = content.unscored()
    if missing:
        expected = len(content.networks()) * len(content.description.folds) * len(content.description.seeds)
        notes.append(
            f"This study is not finished: {len(missing)} of {expected} networks have no scores yet "
            f"({'; '.join(missing[:4])}{'; ...' if len(missing) > 4 else ''}). Comparisons use the folds and seeds that "
            "are complete."
        )
    if content.description.teacher:
        notes.append(
            f"The teacher, {content.description.teacher}, was trained outside this study. If test cases of this "
            "study were part of its training data, its results and the student's are too optimistic."
        )
    if content.description.start:
        notes.append(
            f"Networks started from {content.description.start}, trained outside this study. If test cases of this "
            "study were part of its training data, the results are too optimistic."
        )
    if incomplete := len(content.description.incomplete):
        count = plural(incomplete, "{count} case lacks", "{count} cases lack")
        notes.append(f"{count} a modality: such a case trained only the networks that do not need it, and tested none.")
    rows = content.summary.comparisons
    if rows and min(row.patients for row in rows) < FEWEST_PATIENTS:
        fewest = min(rows, key=lambda row: row.patients)
        notes.append(f"With {_tested(fewest)} no difference can reach significance (p < 0.05).")
    if rows and len({score.seed for score in content.scores}) == 1:
        notes.append("One seed: the intervals do not include the variability between trainings.")
    return notes


def _regions(content: ReportData, modalities: str) -> str:
    found: dict[Outcome, list[str]] = {kind: [] for kind in Outcome}
    for region in content.description.regions:
        row = content.summary.comparison(modalities, region)
        if row is not None:
            found[outcome(row)].append(f"{region} ({signed(row.difference.value)})")
    parts = [f"{kind.value} on {listed(regions)}" for kind, regions in found.items() if regions]
    return f"By region it is {listed(parts)}." if len(content.description.regions) > 1 and parts else ""


def _recovery_sentence(row: Comparison) -> str:
    if row.recovery is not None:
        text = f"It recovers {percent(row.recovery.value)} of the distance from baseline to teacher"
        return f"{text} (95 % interval {recovery_range(row.recovery)})."
    if row.teacher is None:
        return "Gap recovery is not available before the teacher is scored."
    if row.teacher > row.baseline:
        return (
            f"Teacher and baseline hardly differ ({row.teacher:.3f} against {row.baseline:.3f}), so gap recovery is not "
            f"defined: it takes a gap of at least {SMALLEST_GAP:g}."
        )
    return (
        f"The teacher is not above the baseline ({row.teacher:.3f} against {row.baseline:.3f}), so there was nothing to "
        "distill and gap recovery is not defined."
    )


def unit(row: Comparison) -> str:
    """Return the unit of pairing: cases, or patients where some have several visits."""
    return "cases" if row.patients == row.cases else "patients"


def _tested(row: Comparison) -> str:
    cases = _counted(row.cases, "test case")
    return cases if row.patients == row.cases else f"{cases} of {_counted(row.patients, 'patient')}"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
