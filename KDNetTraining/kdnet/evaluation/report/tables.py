"""The figures of a study as rows, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from kdnet.evaluation.results import Role, StudyDescription
from kdnet.evaluation.statistics import MEAN, Comparison, Interval, NetworkSummary, StudySummary

SIGNIFICANT = 0.05
UNBOUNDED = 10.0


def network_header(regions: Sequence[str]) -> list[str]:
    """Column names of :func:`network_rows`."""
    return ["network", "sees", *(f"{region} Dice" for region in [*regions, MEAN]), f"{MEAN} HD95 (mm)"]


def network_rows(description: StudyDescription, summary: StudySummary) -> list[list[str]]:
    """One row per network: mean Dice ± standard deviation over cases per region, and HD95."""
    rows = []
    for role, modalities in dict.fromkeys((row.role, row.modalities) for row in summary.networks):
        by_region = [summary.network(role, modalities, region) for region in [*description.regions, MEAN]]
        cells = [_dice(row) for row in by_region]
        mean = by_region[-1]
        distance = f"{mean.hd95:.1f} ± {mean.hd95_deviation:.1f}" if mean else ""
        rows.append([role.value, modalities, *cells, distance])
    return rows


COMPARISON_HEADER = [
    "student",
    "region",
    "cases",
    "student - baseline (95 % interval)",
    "better in",
    "p",
    "gap recovery",
]


def comparison_rows(summary: StudySummary) -> list[list[str]]:
    """One row per student and region: paired difference, p, gap recovery."""
    return [
        [
            row.modalities,
            row.region,
            str(row.cases),
            interval(row.difference, "{:+.3f}"),
            f"{row.better} of {row.cases}",
            f"{row.p:.3f}" if row.p >= 0.001 else "< 0.001",
            _recovery(row.recovery) if row.recovery else "none: the teacher is not above the baseline",
        ]
        for row in summary.comparisons
    ]


def interval(value: Interval, form: str) -> str:
    """A figure with its interval."""
    return f"{form.format(value.value)} ({form.format(value.low)} to {form.format(value.high)})"


def _recovery(value: Interval) -> str:
    """Shares in percent; where the gap may well be nothing, the interval has no end worth a number."""
    low = f"{value.low:.0%}" if value.low > -UNBOUNDED else "unbounded"
    high = f"{value.high:.0%}" if value.high < UNBOUNDED else "unbounded"
    return f"{value.value:.0%} ({low} to {high})"


def verdict(summary: StudySummary) -> str:
    """What came out, in plain words, whichever way."""
    sentences = [_verdict_of(row) for row in summary.comparisons if row.region == MEAN]
    for row in summary.comparisons:
        if row.region != MEAN and row.difference.value < 0:
            lost = -row.difference.value
            sentences.append(f"On {row.region} the {row.modalities} student is below its baseline by {lost:.3f} Dice.")
    return " ".join(sentences) or "No student has been scored beside its baseline yet."


def markdown_report(description: StudyDescription, summary: StudySummary) -> str:
    """The tables with all that is needed to repeat them, as Markdown."""
    lines = [
        f"# Teacher, baseline and student: {', '.join(description.student_modalities)}",
        "",
        verdict(summary),
        "",
        *_markdown_table(network_header(description.regions), network_rows(description, summary)),
        "",
        "Mean ± standard deviation over the test cases, on their original grids.",
        "",
        *_markdown_table(COMPARISON_HEADER, comparison_rows(summary)),
        "",
        "Paired over cases: bootstrap intervals, Wilcoxon signed-rank p. Gap recovery is the share of the distance from "
        "baseline to teacher that the student covers.",
        "",
        *(f"- {name}: {value}" for name, value in facts(description).items()),
    ]
    return "\n".join(lines) + "\n"


def facts(description: StudyDescription) -> dict[str, str]:
    """What a reader needs to judge and repeat the study."""
    counts = "; ".join(
        f"{fold}: {len(parts['train'])} training, {len(parts['validation'])} validation, {len(parts['test'])} test"
        for fold, parts in description.splits.items()
    )
    return {
        "data": f"{description.data}, {description.cases} cases ({counts})",
        "recipe": f"{description.recipe}, {description.steps} steps for every network",
        "seeds": ", ".join(map(str, description.seeds)),
        "time": f"{description.seconds / 60:.0f} minutes of training, {description.cpu_seconds / 60:.0f} minutes of CPU",
        "hardware": description.hardware,
        "code": f"kdnet {description.code_version}",
        "command": f"`{description.command}`",
    }


def _verdict_of(row: Comparison) -> str:
    better = row.difference.value > 0
    sure = row.p < SIGNIFICANT
    told = f"The {row.modalities} student is {'above' if better else 'not above'} its baseline"
    told += f" in mean Dice ({row.difference.value:+.3f}, p = {row.p:.3f})"
    if row.recovery is None:
        return f"{told}; the teacher is not above the baseline, so there was nothing to distil."
    certainty = "" if sure else "; with these cases the difference is within chance"
    return f"{told}{certainty}. It covers {row.recovery.value:.0%} of the distance from baseline to teacher."


def _dice(row: NetworkSummary | None) -> str:
    return f"{row.dice:.3f} ± {row.dice_deviation:.3f}" if row else ""


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [header, ["---"] * len(header), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


ROLE_COLORS = {Role.TEACHER: "#4e79a7", Role.BASELINE: "#9c9c9c", Role.STUDENT: "#e15759"}
"""One colour per role in every picture."""
