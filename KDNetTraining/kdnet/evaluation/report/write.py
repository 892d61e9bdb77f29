"""Writing all files of a report."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kdnet.evaluation.report.page import html_page
from kdnet.evaluation.report.tables import markdown_report
from kdnet.evaluation.results import Overlay, Score, StudyDescription
from kdnet.evaluation.statistics import StudySummary, summarise
from kdnet.files import replacing, writable_folder, write_json
from kdnet.labels import LabelTable
from kdnet.training.events import Event


def write_report(
    folder: Path,
    description: StudyDescription,
    scores: Sequence[Score],
    events: Sequence[Event],
    overlays: Sequence[Overlay],
    labels: LabelTable,
) -> Path:
    """Write ``results.json``, ``scores.csv``, ``summary.csv``, ``results.md`` and ``report.html``; return the last.

    The HTML file holds its pictures itself and opens without a network. A study that is not finished gives a report of
    what there is.

    Raises:
        KDNetError: when the folder cannot be written, or a network lacks scores that another has.
    """
    writable_folder(folder)
    summary = summarise(scores)
    content = {"description": asdict(description), "summary": asdict(summary), "scores": [asdict(s) for s in scores]}
    write_json(folder / "results.json", content)
    _write_csv(folder / "scores.csv", [asdict(score) for score in scores])
    _write_csv(folder / "summary.csv", _summary_rows(summary))
    _write_text(folder / "results.md", markdown_report(description, summary))
    page = folder / "report.html"
    _write_text(page, html_page(description, summary, scores, events, overlays, labels))
    return page


def _summary_rows(summary: StudySummary) -> list[dict[str, Any]]:
    return [asdict(network) for network in summary.networks]


def _write_csv(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    rows = list(rows)
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]) if rows else ["case"])
        writer.writeheader()
        writer.writerows(rows)


def _write_text(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
