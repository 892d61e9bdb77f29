"""Write the tables of a study, with everything needed to reproduce it, as Markdown."""

from __future__ import annotations

import re

from kdnet.report import published, tables
from kdnet.report.content import ReportData
from kdnet.report.sentences import (
    ABSENT,
    GAIN_PARTS,
    GROUPS,
    PAIRING,
    PENALTIES,
    SPREAD,
    caveats,
    conclusions,
    format_key,
    percent,
)
from kdnet.report.tables import Table
from kdnet.schema.results import HD95_DEFINITION
from kdnet.text import one_line

TAG = re.compile(r"<(?=[A-Za-z/!?])")  # what could begin one


def markdown_report(content: ReportData) -> str:
    """Return the whole document."""
    students = ", ".join(format_key(modality_key) for modality_key in content.description.student_modalities)
    blocks = [
        f"# Teacher, baseline and student: {_plain(students)}",
        *map(_plain, conclusions(content)),
        *map(_plain, caveats(content)),
        "## Dice",
        _table(tables.dice_table(content)),
        "## HD95 (mm)",
        _table(tables.distance_table(content)),
        f"{SPREAD} {HD95_DEFINITION}",
        "### Penalties in HD95",
        _table(tables.penalty_table(content)),
        PENALTIES,
        "## Student against baseline",
        _table(tables.comparison_table(content)),
        f"Difference of mean Dice and gap recovery with bootstrap 95 % intervals; {PAIRING}; "
        "Wilcoxon signed-rank p, not corrected for several comparisons. Gap recovery is (student - baseline) / "
        "(teacher - baseline).",
        *_gain_parts(content),
        *_published(content),
        *_groups(content),
        "## How to reproduce it",
        f"```\n{_commands(content)}\n```",
        "\n".join(f"- {name}: {_plain(value)}" for name, value in tables.facts(content).items()),
        _table(tables.split_table(content)),
    ]
    return "\n\n".join(blocks) + "\n"


def _commands(content: ReportData) -> str:
    """Return the commands of the study, each on a line of its own."""
    lines = (one_line(line, 10_000) for line in content.description.command.split("\n"))
    return "\n".join(lines).replace("```", "` ` `")


def _groups(content: ReportData) -> list[str]:
    groups, absent = tables.group_table(content), tables.absent_table(content)
    blocks = ["## By group of cases", _table(groups), GROUPS] if groups.rows else []
    return blocks + (["## Cases without a region", _table(absent), ABSENT] if absent.rows else [])


def _gain_parts(content: ReportData) -> list[str]:
    if not content.summary.gains:
        return []
    return ["### Where the gain comes from", _table(tables.gain_table(content)), GAIN_PARTS]


def _published(content: ReportData) -> list[str]:
    lines = []
    for modality in content.description.student_modalities:
        rows = published.published_recoveries(modality, content.description.regions)
        if rows:
            shares = ", ".join(f"{row.method} {percent(row.share)}" for row in rows)
            lines.append(f"- Published gap recovery, {format_key(rows[0].modality)} student: {shares}")
    if not lines:
        return []
    return ["\n".join(dict.fromkeys(lines)), f"{published.SOURCE}. {published.CAVEAT}"]


def _table(table: Table) -> str:
    lines = [table.header, ("---",) * len(table.header), *table.rows]
    return "\n".join("| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _plain(text: str) -> str:
    """Return external text on one line and without HTML; ``p < 0.05`` stays readable in a terminal."""
    return TAG.sub("&lt;", one_line(text, 2000))
