"""The report as one HTML file that opens without a network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from itertools import groupby

from kdnet.evaluation.report.figures import curves, overlay_row, paired_dice
from kdnet.evaluation.report.tables import (
    COMPARISON_HEADER,
    comparison_rows,
    facts,
    network_header,
    network_rows,
    verdict,
)
from kdnet.evaluation.results import Overlay, Role, Score, StudyDescription
from kdnet.evaluation.statistics import MEAN, StudySummary, per_case
from kdnet.labels import LabelTable
from kdnet.training.events import Event

WORST = 8

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --paper: #fff; --line: #d7dde4; --soft: #f4f6f8; --accent: #b8393b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e9ef; --paper: #14181d; --line: #323a44; --soft: #1d232a; --accent: #ff8a80; }
}
body { font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; line-height: 1.2; } h2 { margin-top: 2.4rem; font-size: 1.2rem; }
.verdict { border-left: 4px solid var(--accent); background: var(--soft); padding: .8rem 1rem; font-size: 1.05rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .7rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { background: var(--soft); } figure { margin: 1rem 0; } img { max-width: 100%; background: #fff; border-radius: 6px; }
figcaption, .note { font-size: .88rem; opacity: .8; } dt { font-weight: 600; } dd { margin: 0 0 .5rem; }
code, pre { background: var(--soft); border-radius: 4px; padding: .1rem .3rem; overflow-x: auto; }
.key { display: inline-block; width: .9em; height: .9em; border-radius: 3px; margin: 0 .35em 0 1em; }
@media print { body { max-width: none; } h2 { break-after: avoid; } figure { break-inside: avoid; } }
"""

PUBLISHED = (
    "Published for T1ce on BraTS 2018 (285 cases): KD-Net recovers 42 % and ProtoKD 51 % of the gap (Wang et al., ICASSP "
    "2023, table 1). Data, split and budget differ here, so compare shares, not Dice."
)
CITATIONS = (
    "M. Hu, M. Maillard et al., Knowledge distillation from multi-modal to mono-modal segmentation networks, MICCAI 2020.",
    "BraTS: Menze et al. 2015 (10.1109/TMI.2014.2377694); Bakas et al. 2017 (10.1038/sdata.2017.117); Bakas et al. 2018 "
    "(arXiv:1811.02629); Baid et al. 2021 (arXiv:2107.02314).",
)


def html_page(
    description: StudyDescription,
    summary: StudySummary,
    scores: Sequence[Score],
    events: Sequence[Event],
    overlays: Sequence[Overlay],
    labels: LabelTable,
) -> str:
    """The whole page."""
    title = f"Teacher, baseline and student: {', '.join(description.student_modalities)}"
    teacher = "+".join(description.teacher_modalities)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>A teacher that sees {escape(teacher.replace('+', ', '))} was trained, then for each student modality a "
        "baseline on the expert labels alone, and a student that also learns from the teacher (KD-Net). All have the same "
        f"number of steps ({description.steps}), seeds and data order, and are scored on cases that none of them saw.</p>",
        f'<p class="verdict">{escape(verdict(summary))}</p>',
        "<h2>Networks</h2>",
        _table(network_header(description.regions), network_rows(description, summary)),
        '<p class="note">Mean ± standard deviation over the test cases, on their original grids.</p>',
        "<h2>Student against baseline</h2>",
        _table(COMPARISON_HEADER, comparison_rows(summary)),
        '<p class="note">Paired over cases; bootstrap 95 % intervals, Wilcoxon signed-rank p. Gap recovery is the share of '
        f"the distance from baseline to teacher that the student covers. {escape(PUBLISHED)}</p>",
    ]
    for modalities in description.student_modalities:
        picture = paired_dice(scores, description.regions, modalities, teacher)
        parts.append(_figure(picture, f"Dice of every test case, {modalities}", "One line per case; bars are means."))
    parts += ["<h2>Training</h2>", _figure(curves(events), "Loss and validation Dice by step", "Loss is smoothed.")]
    parts += _overlay_section(overlays, labels)
    parts += ["<h2>Cases, worst first</h2>", *(_worst(scores, sees) for sees in description.student_modalities)]
    parts += ["<h2>How to repeat it</h2>", _facts(description), *(f"<p>{escape(text)}</p>" for text in CITATIONS)]
    parts.append("<p><strong>For research use only; not a medical device.</strong></p>")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _figure(picture: str, alternative: str, caption: str) -> str:
    return (
        f'<figure><img src="{picture}" alt="{escape(alternative)}">'
        f"<figcaption>{escape(alternative)}. {escape(caption)}</figcaption></figure>"
    )


def _overlay_section(overlays: Sequence[Overlay], labels: LabelTable) -> list[str]:
    if not overlays:
        return []
    keys = "".join(
        f'<span class="key" style="background: rgb{label.color}"></span>{escape(label.name)}' for label in labels.labels
    )
    parts = ["<h2>Examples</h2>", f"<p>The student's best, middle and worst case. {keys}</p>"]
    for case, group in groupby(overlays, key=lambda overlay: overlay.case):
        row = list(group)
        titles = ", ".join(overlay.title for overlay in row)
        parts.append(_figure(overlay_row(row, labels), f"{case}: image, {titles}", "The slice with most tumour."))
    return parts


def _worst(scores: Sequence[Score], modalities: str) -> str:
    def dice(role: Role, sees: str) -> dict[str, float]:
        return per_case(scores, role, sees, MEAN, lambda score: score.dice)

    student, baseline = dice(Role.STUDENT, modalities), dice(Role.BASELINE, modalities)
    sees = next((score.modalities for score in scores if score.role is Role.TEACHER), "")
    teacher = dice(Role.TEACHER, sees)
    rows = []
    for case in sorted(student, key=lambda name: student[name])[:WORST]:
        others = [f"{values[case]:.3f}" if case in values else "" for values in (baseline, teacher)]
        rows.append([case, f"{student[case]:.3f}", *others])
    return _table(["case", f"student {modalities}", f"baseline {modalities}", "teacher"], rows)


def _facts(description: StudyDescription) -> str:
    items = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value.strip('`'))}</dd>" for name, value in facts(description).items()
    )
    settings = escape(json.dumps(description.settings, indent=2))
    splits = escape(json.dumps(description.splits, indent=2))
    return (
        f"<dl>{items}</dl><details><summary>All settings</summary><pre>{settings}</pre></details>"
        f"<details><summary>Cases of each fold</summary><pre>{splits}</pre></details>"
    )
