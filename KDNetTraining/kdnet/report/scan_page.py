"""The report on one segmented scan as an HTML file that opens offline, and prints on one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape

from kdnet.report.scan_content import CONVENTION, LESION_HEADER, RESEARCH_ONLY, ScanReport, lesion_rows
from kdnet.report.scan_views import View
from kdnet.report.slices import png_address
from kdnet.report.style import STYLE

SCAN_STYLE = """
main { padding: 1.5rem 1.25rem 2rem; } h2 { margin: 1.4rem 0 .4rem; padding-top: .7rem; font-size: 1.1rem; }
.research { border: 2px solid var(--bad); color: var(--bad); border-radius: 6px; padding: .35rem .8rem; max-width: none;
  font-weight: 650; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 19rem), 1fr)); gap: 0 2rem; }
dl.facts { margin: .3rem 0; gap: .1rem 1rem; font-size: .92rem; align-content: start; }
.views { display: grid; grid-template-columns: repeat(3, 1fr); gap: .5rem; background: #000; border-radius: 8px;
  padding: .6rem; }
.views figure { margin: 0; display: flex; flex-direction: column; justify-content: center; }
.views svg { display: block; width: 100%; max-height: 22rem; } .views figcaption { color: #dfe5ec; text-align: center; }
.views text { fill: #fff; font: 600 17px system-ui, sans-serif; paint-order: stroke; stroke: #000; stroke-width: 3px; }
.views line { stroke: #fff; stroke-width: 1.8; } td, th { padding: .22rem .6rem; }
.warnings { border-left: 4px solid var(--bad); padding: .2rem .2rem .2rem 1.6rem; margin: .4rem 0; }
tr.first > * { border-top: 1px solid var(--muted); } .columns th { white-space: normal; }
td small, th small { display: inline; white-space: normal; font-weight: 400; color: var(--muted); }
@page { size: A4; margin: 9mm 11mm; }
@media print { html, body { font-size: 8.6pt; line-height: 1.35; } td { white-space: nowrap; }
  h1 { font-size: 14pt; margin: 0 0 .2rem; }
  h2 { font-size: 10pt; margin: .5rem 0 .1rem; padding-top: .3rem; } p { margin: .2rem 0; max-width: none; }
  table { font-size: 8pt; } td, th { padding: .08rem .4rem; } .views svg { max-height: 56mm; }
  .columns { grid-template-columns: 1fr 1fr; } footer { margin-top: .5rem; padding-top: .3rem; }
  dl.facts { font-size: 8pt; gap: 0 .8rem; } .research, .warnings { font-size: 8.6pt; } li { margin: 0; }
  .caveats { font-size: 8pt; margin: .2rem 0; } .above { display: none; }
  figure { margin: .3rem 0; } .note, figcaption { font-size: 7.5pt; max-width: none; } }
"""


def scan_page(report: ScanReport) -> str:
    """Return the whole page."""
    title = f"Segmentation report: {report.case}"
    body = "".join(
        (
            f'<p class="above">Segmentation report</p><h1>{escape(report.case)}</h1>',
            f'<p class="research">{escape(RESEARCH_ONLY)}</p>',
            _facts_section(report),
            _views(report),
            f'<p class="note">{escape(CONVENTION)}</p>',
            _volumes(report),
            _lesions(report),
            _list("Warnings", report.warnings, "warnings"),
            _list("Preparation", report.preparation, "caveats"),
            f"<footer>{escape(RESEARCH_ONLY)} {escape(_signature(report))}</footer>",
        )
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}{SCAN_STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )


def _signature(report: ScanReport) -> str:
    return f"Report of {report.created} by kdnet." if report.created else "Report by kdnet."


def _facts_section(report: ScanReport) -> str:
    patient = _facts(report.patient) if report.patient else '<p class="note">The file carries no patient data.</p>'
    model = _facts({"Model": report.model.name, **report.model.facts}) if report.model.name else ""
    made_by = f"<h2>Model</h2>{model}" if model else ""
    return (
        f'<div class="columns"><section><h2>Patient</h2>{patient}{made_by}</section>'
        f"<section><h2>Scan</h2>{_facts(report.scan)}</section></div>"
    )


def _facts(facts: Mapping[str, str]) -> str:
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return f'<dl class="facts">{rows}</dl>'


def _views(report: ScanReport) -> str:
    if report.lesions.lesions:
        through = "through the largest lesion"
    else:
        through = "through the middle of the scan; no lesion was segmented"
    pictures = "".join(_picture(view) for view in report.views)
    return f'<h2>Slices {through}</h2><div class="views">{pictures}</div>'


def _picture(view: View) -> str:
    height, width = view.pixels.shape[:2]
    left, right, upper, lower = view.sides
    letters = (
        (8, height / 2 + 6, "start", left),
        (width - 8, height / 2 + 6, "end", right),
        (width / 2, 18, "middle", upper),
        (width / 2, height - 7, "middle", lower),
    )
    texts = "".join(
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{letter}</text>' for x, y, anchor, letter in letters
    )
    lines = "".join(
        f'<line x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>' for start, end in view.lines
    )
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(view.title)} with the segmentation">'
        f'<image href="{png_address(view.pixels)}" width="{width}" height="{height}"/>{lines}{texts}</svg>'
        f"<figcaption>{escape(view.title)}</figcaption></figure>"
    )


def _volumes(report: ScanReport) -> str:
    labels = [
        (f'<span class="dot" style="background:rgb{color}"></span>{escape(name)}', f"{volume:.2f} mL")
        for name, color, volume in report.shown_labels()
    ]
    regions = [
        (f"{escape(name)} <small>{escape(parts)}</small>", f"{volume:.2f} mL") for name, parts, volume in report.combined()
    ]
    tables = "".join(_rows(("", "Volume"), rows) for rows in (labels, regions) if rows)
    return f'<h2>Volumes</h2><div class="columns">{tables}</div>'


def _lesions(report: ScanReport) -> str:
    count = len(report.lesions.lesions)
    if not count:
        return ""
    rows = lesion_rows(report.lesions)
    shown = None if any(row[-1] for row in rows) else -1  # without a map of probabilities there is no confidence
    table = _rows(LESION_HEADER[:shown], [tuple(map(escape, row[:shown])) for row in rows])
    return (
        f"<h2>Lesions ({count}), diameters in the {escape(report.lesions.plane)} plane</h2>"
        f'<div class="scroll" tabindex="0" role="region" aria-label="Lesions">{table}</div>'
        f'<p class="note">{escape(report.rest())} {escape(report.definitions)}</p>'
    )


def _rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; cells are HTML already."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in header)
    body = []
    for first, *others in rows:
        kind = ' class="first"' if first else ""
        cells = "".join(f"<td>{cell}</td>" for cell in others)
        body.append(f'<tr{kind}><th scope="row">{first}</th>{cells}</tr>')
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _list(title: str, sentences: Sequence[str], kind: str) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f'<h2>{title}</h2><ul class="{kind}">{items}</ul>'
