"""The report of an adaptation: whether the model got better on patients that were not used for adapting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from html import escape
from pathlib import Path

from kdnet.files import atomic_write, writable_folder, write_csv
from kdnet.report.elements import paragraph, table
from kdnet.report.style import STYLE
from kdnet.report.tables import Table
from kdnet.schema.adaptation import AdaptationResult, Change
from kdnet.schema.network_id import Role
from kdnet.schema.results import Score
from kdnet.text import one_line, printable, table_cell

METHOD = (
    "Each patient was tested by a model that was adapted to the other patients. The model file comes from all patients. "
    "Dice is averaged over regions and cases of a patient; p is that of Wilcoxon's signed-rank test over patients."
)


def write_adaptation_report(
    folder: Path, result: AdaptationResult, scores: Sequence[Score], command: str, notes: Sequence[str] = ()
) -> Path:
    """Write ``results.md``, ``scores.csv`` and ``report.html``; return the last.

    Args:
        folder: of the report.
        result: whether the model got better.
        scores: of the model before (baseline) and after (student) on each test case.
        command: command line that reproduces the adaptation.
        notes: warnings, in sentences.

    Raises:
        KDNetError: when the folder cannot be written.
    """
    writable_folder(folder)
    title = f"Adapted: {one_line(result.model, 100)}"
    sentences = [*result.sentences(), *notes]
    tables = [(name, regions_table(change)) for name, change in _changes(result)]
    tables.append(("Test cases", cases_table(scores)))
    write_csv(folder / "scores.csv", [[field.name for field in fields(Score)], *(_cells(score) for score in scores)])
    pages = {
        "results.md": _markdown(title, sentences, tables, command),
        "report.html": _html(title, sentences, tables, command),
    }
    for name, text in pages.items():
        with atomic_write(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="replace")
    return folder / "report.html"


def regions_table(change: Change) -> Table:
    """Return the mean Dice of each region before and after."""
    rows = [(name, _dice(pair[0]), _dice(pair[1])) for name, pair in change.regions.items()]
    rows.append(("mean", _dice(change.before), _dice(change.after)))
    return Table(("region", "before", "after"), tuple(rows))


def cases_table(scores: Sequence[Score]) -> Table:
    """Return the mean Dice of each test case before and after."""
    cases = dict.fromkeys(score.case for score in scores)
    rows = [(case, _mean(scores, case, Role.BASELINE), _mean(scores, case, Role.STUDENT)) for case in cases]
    return Table(("case", "before", "after"), tuple(rows))


def _changes(result: AdaptationResult) -> Iterator[tuple[str, Change]]:
    for name, change in (("Dice of corrected cases", result.corrected), ("Dice of earlier cases", result.old)):
        if change is not None:
            yield name, change


def _mean(scores: Sequence[Score], case: str, role: Role) -> str:
    values = [score.dice for score in scores if (score.case, score.role) == (case, role)]
    return _dice(sum(values) / len(values) if values else None)


def _dice(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _cells(score: Score) -> list[object]:
    return [table_cell(cell) if isinstance(cell, str) else cell for cell in asdict(score).values()]


def _markdown(title: str, sentences: Sequence[str], tables: Sequence[tuple[str, Table]], command: str) -> str:
    blocks = [f"# {_plain(title)}", *map(_plain, sentences)]
    for name, content in tables:
        lines = [content.header, ("---",) * len(content.header), *content.rows]
        rows = ("| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
        blocks += [f"## {name}", "\n".join(rows)]
    return "\n\n".join([*blocks, METHOD, f"```\n{one_line(command, 10_000).replace('```', '` ` `')}\n```"]) + "\n"


def _html(title: str, sentences: Sequence[str], tables: Sequence[tuple[str, Table]], command: str) -> str:
    body = "".join(paragraph(printable(text)) for text in sentences)
    for name, content in tables:
        rows = tuple(tuple(printable(cell) for cell in row) for row in content.rows)
        body += table(Table(content.header, rows), caption=name, narrow=True)
    body += paragraph(METHOD) + f"<pre>{escape(one_line(command, 10_000))}</pre>"
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}"
        "<footer><strong>For research use only; not a medical device.</strong></footer></main></body></html>\n"
    )


def _plain(text: str) -> str:
    """Return external text on one line and without HTML."""
    return one_line(text, 2000).replace("<", "&lt;")
