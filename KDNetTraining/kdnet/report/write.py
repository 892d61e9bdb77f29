"""Write all files of a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from kdnet.evaluation.groups import summarize_groups
from kdnet.evaluation.statistics import summarize
from kdnet.files import atomic_write, writable_folder, write_csv, write_json
from kdnet.report.content import Overlay, ReportData
from kdnet.report.markdown import markdown_report
from kdnet.report.page import html_page
from kdnet.runs.events import Event
from kdnet.schema.labels import LabelTable
from kdnet.schema.results import Comparison, NetworkSummary, Score, StudyDescription, StudySummary
from kdnet.text import printable, table_cell

COMPARISON_COLUMNS = (
    "student_minus_baseline",
    "difference_low",
    "difference_high",
    "p",
    "better",
    "gap_recovery",
    "gap_recovery_low",
    "gap_recovery_high",
)


def write_report(
    folder: Path,
    description: StudyDescription,
    scores: Sequence[Score],
    events: Sequence[Event],
    overlays: Sequence[Overlay],
    labels: LabelTable,
) -> Path:
    """Write ``results.json``, ``scores.csv``, ``summary.csv``, ``results.md`` and ``report.html``; return the last.

    The HTML file embeds its pictures and opens offline. An unfinished study gives a report of the results so far.

    Raises:
        KDNetError: when the folder cannot be written, or scores of student, baseline and teacher do not pair.
    """
    summary = summarize(scores, patients=description.patients)
    groups = summarize_groups(scores, description.groups, description.patients)
    content = ReportData(description, summary, scores, events, overlays, labels, groups)
    pages = {"results.md": markdown_report(content), "report.html": html_page(content)}
    writable_folder(folder)
    results = {
        "description": asdict(description),
        "summary": asdict(summary),
        "groups": {name: asdict(group) for name, group in groups.items()},
        "unscored": content.unscored(),
        "scores": [asdict(score) for score in scores],
    }
    write_json(folder / "results.json", results)
    _write_csv(folder / "scores.csv", [field.name for field in fields(Score)], [asdict(score) for score in scores])
    columns = [*(field.name for field in fields(NetworkSummary)), *COMPARISON_COLUMNS]
    _write_csv(folder / "summary.csv", columns, _summary_rows(summary))
    for name, text in pages.items():
        with atomic_write(folder / name) as temporary:
            temporary.write_text(_harmless(text), encoding="utf-8")
    return folder / "report.html"


def _harmless(text: str) -> str:
    """Return the text of a page without control characters and lone surrogates, which file and region names may hold."""
    return text.translate({ord(sign): "?" for sign in set(text) - {"\n"} if printable(sign) == "?"})


def _summary_rows(summary: StudySummary) -> Iterable[dict[str, Any]]:
    """Yield one row per network and region; those of students also hold their comparison with the baseline."""
    for network in summary.networks:
        comparison = summary.comparison(network.modalities, network.region) if network.role == "student" else None
        yield {**asdict(network), **(_comparison_cells(comparison) if comparison else {})}


def _comparison_cells(row: Comparison) -> dict[str, Any]:
    recovery = row.recovery
    cells = (
        *(row.difference.value, row.difference.low, row.difference.high, row.p, row.better),
        *((recovery.value, recovery.low, recovery.high) if recovery else (None, None, None)),
    )
    return dict(zip(COMPARISON_COLUMNS, cells, strict=True))


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    lines = ([row.get(name, "") for name in columns] for row in rows)
    write_csv(path, [columns, *([table_cell(cell) if isinstance(cell, str) else cell for cell in line] for line in lines)])
