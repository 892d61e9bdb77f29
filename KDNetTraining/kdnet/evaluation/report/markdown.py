"""The tables of a study, with all that is needed to repeat it, as Markdown."""

from __future__ import annotations

from kdnet.evaluation.report import published, tables
from kdnet.evaluation.report.content import Content
from kdnet.evaluation.report.tables import Table
from kdnet.evaluation.report.words import caveats, percent, seen, verdicts


def markdown_report(content: Content) -> str:
    """The whole document."""
    students = ", ".join(seen(sees) for sees in content.description.student_modalities)
    blocks = [
        f"# Teacher, baseline and student: {students}",
        *verdicts(content),
        *caveats(content),
        "## Dice",
        _table(tables.dice_table(content)),
        "## HD95 (mm)",
        _table(tables.distance_table(content)),
        "Mean ± standard deviation over the test cases, on their original grids.",
        "## Student against baseline",
        _table(tables.comparison_table(content)),
        "Difference of mean Dice and gap recovery with bootstrap 95 % intervals; paired by case, fold and seed; "
        "Wilcoxon signed-rank p, not corrected for several comparisons. Gap recovery is (student - baseline) / "
        "(teacher - baseline).",
        *_published(content),
        "## How to repeat it",
        f"```\n{content.description.command}\n```",
        "\n".join(f"- {name}: {value}" for name, value in tables.facts(content).items()),
        _table(tables.split_table(content)),
    ]
    return "\n\n".join(blocks) + "\n"


def _published(content: Content) -> list[str]:
    told = []
    for modality in content.description.student_modalities:
        rows = published.published_recoveries(modality, content.description.regions)
        if rows:
            shares = ", ".join(f"{row.method} {percent(row.share)}" for row in rows)
            told.append(f"- Published gap recovery, {seen(rows[0].modality)} student: {shares}")
    if not told:
        return []
    return ["\n".join(dict.fromkeys(told)), f"{published.SOURCE}. {published.CAVEAT}"]


def _table(table: Table) -> str:
    lines = [table.header, ("---",) * len(table.header), *table.rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)
