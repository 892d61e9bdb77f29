"""Building blocks of the page. All external text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from kdnet.report.tables import Table
from kdnet.schema.results import MEAN


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of plain text."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def table(
    content: Table, *, caption: str, mean_rows: bool = False, details: Table | None = None, narrow: bool = False
) -> str:
    """Return a table that scrolls within the page when it is wider.

    Args:
        content: header and rows; the first column names the row.
        caption: describes the values.
        mean_rows: whether to highlight rows whose second cell is ``"mean"``.
        details: table of the same shape whose cells are shown small below where they differ, in mm.
        narrow: no wider than its cells need.
    """
    head = "".join(f'<th scope="col"{_kind(name)}>{escape(name)}</th>' for name in content.header)
    body = []
    for index, row in enumerate(content.rows):
        below = details.rows[index] if details else row
        kind = ' class="mean"' if mean_rows and row[1] == MEAN else ""
        cells = [f'<th scope="row">{_dotted(row[0])}</th>']
        for name, cell, small in zip(content.header[1:], row[1:], below[1:], strict=True):
            extra = f"<small>{escape(small)} mm</small>" if small not in ("", cell) else ""
            cells.append(f"<td{_kind(name)}>{escape(cell)}{extra}</td>")
        body.append(f"<tr{kind}>{''.join(cells)}</tr>")
    label, kind = escape(caption), "table narrow" if narrow else "table"
    return (
        f'<figure class="{kind}"><figcaption>{label}</figcaption><div class="scroll" tabindex="0" role="region" '
        f'aria-label="{label}"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div></figure>'
    )


def panels(pictures: Sequence[str], *, caption: str, two: bool = False) -> str:
    """Place SVG pictures side by side, or stacked on a narrow screen."""
    kind = "panels two" if two else "panels"
    return f'<figure><div class="{kind}">{"".join(pictures)}</div><figcaption>{escape(caption)}</figcaption></figure>'


def key(entries: Iterable[tuple[str, str]]) -> str:
    """Return a color legend from pairs of a CSS color, or the name of a role, and a name."""
    items = []
    for color, name in entries:
        dot = f'<span class="dot {color}"></span>' if color in ROLES else _square(color)
        items.append(f"<li>{dot}{escape(name)}</li>")
    return f'<ul class="key">{"".join(items)}</ul>'


def tile(name: str, value: str, below: str, *, muted: bool = False) -> str:
    """Return a tile with one headline figure."""
    kind = "value muted" if muted else "value"
    return (
        f'<div class="tile"><div class="name">{escape(name)}</div><div class="{kind}">{escape(value)}</div>'
        f'<div class="range">{escape(below)}</div></div>'
    )


def details(summary: str, content: str) -> str:
    """Return content (HTML) that expands on a click."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>"


ROLES = ("teacher", "baseline", "control", "student")

TEXTS = ("input", "region")
"""Columns that are read, not compared."""


def _dotted(name: str) -> str:
    return f'<span class="dot {name}"></span>{escape(name)}' if name in ROLES else escape(name)


def _square(color: str) -> str:
    return f'<span class="dot square" style="background: {color}"></span>'


def _kind(column: str) -> str:
    kind = "mean" if column == MEAN else "text" if column in TEXTS else ""
    return f' class="{kind}"' if kind else ""
