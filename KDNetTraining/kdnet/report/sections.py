"""Build the sections of the page, each from the report's content to HTML; empty when there is nothing to show."""

from __future__ import annotations

import json
from html import escape
from itertools import groupby

from kdnet.evaluation.pairing import per_case
from kdnet.report import published, tables
from kdnet.report.case_plot import case_panels
from kdnet.report.content import Overlay, ReportData
from kdnet.report.curves import curve_panels
from kdnet.report.elements import ROLES, details, key, panels, paragraph, table, tile
from kdnet.report.forest import difference_plot, recovery_plot
from kdnet.report.sentences import (
    ABSENT,
    GAIN_PARTS,
    GROUPS,
    MINUS,
    PAIRING,
    PENALTIES,
    SPREAD,
    Outcome,
    caveats,
    conclusions,
    format_key,
    listed,
    outcome,
    p_value,
    percent,
    recovery_range,
    signed,
    unit,
)
from kdnet.report.slices import slice_pictures
from kdnet.report.tables import Table
from kdnet.runs.events import EventKind
from kdnet.schema.network_id import Role
from kdnet.schema.results import HD95_DEFINITION, MEAN, Comparison

WORST = 8


def opening(content: ReportData) -> str:
    """Summarize what was done and what the results are."""
    description = content.description
    students = ", ".join(format_key(modality_key) for modality_key in description.student_modalities)
    alone = " or on ".join(format_key(modality_key) for modality_key in description.student_modalities)
    parts = [
        paragraph(f"KD-Net study · {description.data}", "above"),
        f"<h1>Teacher, baseline and student: {escape(students)}</h1>",
        paragraph(
            f"A teacher network was trained to segment from {listed(format_key(content.teacher).split(' + '))} "
            "together. Then two "
            f"networks of the same design were trained on {alone} alone: the baseline with the expert labels only, the "
            "student with the labels and the teacher's outputs. If distillation helps, the student comes closer "
            "to the teacher "
            f"than the baseline does. {_training_sentence(content)}",
            "lead",
        ),
    ]
    rows = [content.summary.comparison(modality_key, MEAN) for modality_key in description.student_modalities]
    compared = [row for row in rows if row is not None]
    for index, text in enumerate(conclusions(content)):
        kind = {Outcome.BETTER: " better", Outcome.WORSE: " worse"}.get(outcome(compared[index]), "") if compared else ""
        parts.append(f'<div class="verdict{kind}">{paragraph(text)}</div>')
    parts += [_tiles(row, several=len(compared) > 1) for row in compared]
    notes = "".join(f"<li>{escape(text)}</li>" for text in caveats(content))
    return "".join(parts) + (f'<ul class="caveats">{notes}</ul>' if notes else "")


def networks(content: ReportData) -> str:
    """Show Dice and HD95 of every network."""
    if not content.scores:
        return ""
    caption = f"Dice, and below it HD95 in mm. {SPREAD}"
    dice, distance = tables.dice_table(content), tables.distance_table(content)
    regions = "; ".join(
        f"{region.name}: {', '.join(label.name.lower() for label in content.labels.labels if label.value in region.values)}"
        for region in content.labels.regions
        if len(region.values) > 1 or region.name not in {label.name for label in content.labels.labels}
    )
    note = paragraph(f"Regions: {regions}.", "note") if regions else ""
    penalties = table(tables.penalty_table(content), caption=f"Penalties in HD95. {PENALTIES}")
    definition = paragraph(HD95_DEFINITION, "note")
    return "<h2>The three networks</h2>" + table(dice, caption=caption, details=distance) + note + definition + penalties


def comparison(content: ReportData) -> str:
    """Compare student and baseline, paired."""
    if not content.summary.comparisons:
        return ""
    parts = [
        "<h2>Does distillation help?</h2>",
        panels(
            [difference_plot(content), recovery_plot(content)],
            caption="Points with bootstrap 95 % intervals over patients; arrows: the interval continues. Gap recovery is "
            f"(student {MINUS} baseline) / (teacher {MINUS} baseline) of mean Dice; dashed: published figures, mean over "
            "regions.",
            two=True,
        ),
        table(
            tables.comparison_table(content),
            caption=f"Difference of mean Dice and gap recovery with bootstrap 95 % intervals; {PAIRING}; two-sided "
            "Wilcoxon signed-rank p, not corrected for several comparisons.",
            mean_rows=True,
        ),
        _gain_parts(content),
        _published(content),
    ]
    return "".join(parts)


def groups(content: ReportData) -> str:
    """Show the results of each group of cases, and of cases that lack a region."""
    by_group, absent = tables.group_table(content), tables.absent_table(content)
    parts = ["<h2>By group of cases</h2>", table(by_group, caption=GROUPS)] if by_group.rows else []
    parts += ["<h2>Cases without a region</h2>", table(absent, caption=ABSENT)] if absent.rows else []
    return "".join(parts)


def cases(content: ReportData) -> str:
    """Show every case: plots, and the worst in a table."""
    parts = []
    for modality_key in content.description.student_modalities:
        if any(score.role is Role.STUDENT and score.modalities == modality_key for score in content.scores):
            rows = tables.case_table(content, modality_key)
            worst = Table(rows.header, rows.rows[:WORST])
            parts += [
                f"<h3>{escape(format_key(modality_key))}</h3>" if len(content.description.student_modalities) > 1 else "",
                panels(
                    case_panels(content, modality_key),
                    caption="Dice of every test case; lines in the student's color rise from baseline to student, gray "
                    "ones do not. Bars are means.",
                ),
                table(worst, caption="The student's worst cases first: Dice, mean over regions unless one is named."),
                details(f"All {len(rows.rows)} cases", table(rows, caption="All cases, worst first."))
                if len(rows.rows) > WORST
                else "",
            ]
    return "<h2>Case by case</h2>" + key(_role_key(content)) + "".join(parts) if parts else ""


def examples(content: ReportData) -> str:
    """Show slices of a few cases with reference and predictions."""
    if not content.overlays:
        return ""
    entries = [(f"rgb{label.color}", label.name) for label in content.labels.labels]
    parts = ["<h2>Examples</h2>", key(entries)]
    for case, group in groupby(content.overlays, key=lambda overlay: overlay.case):
        parts.append(_example(content, case, list(group)))
    return "".join(parts)


def training(content: ReportData) -> str:
    """Show the curves of all trainings."""
    parts = []
    for modality_key in content.description.student_modalities:
        pictures = curve_panels(content, modality_key)
        if pictures:
            several = len(content.description.student_modalities) > 1
            parts.append(f"<h3>{escape(format_key(modality_key))}</h3>" if several else "")
            caption = "One line per training. The loss is smoothed; dots mark the weights that were selected on "
            parts.append(panels(pictures, caption=caption + "validation cases.", two=True))
    return "<h2>Training</h2>" + key(_role_key(content)) + "".join(parts) if parts else ""


def reproducibility(content: ReportData) -> str:
    """Show command, data, splits and settings."""
    description = content.description
    facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in tables.facts(content).items())
    splits = "".join(
        f"<h3>{escape(name)}, {escape(part)}</h3><p>{escape(', '.join(names))}</p>"
        for name, parts in description.splits.items()
        for part, names in parts.items()
    )
    settings = escape(json.dumps(description.settings, indent=2))
    return "".join(
        [
            "<h2>How to repeat it</h2>",
            f'<pre tabindex="0"><code>{escape(description.command)}</code></pre>',
            f'<dl class="facts">{facts}</dl>',
            table(tables.split_table(content), caption="Cases of each fold", narrow=True) if description.splits else "",
            _excluded(content),
            details("Names of the cases", splits) if splits else "",
            details("All settings", f'<pre tabindex="0">{settings}</pre>'),
        ]
    )


def _role_key(content: ReportData) -> list[tuple[str, str]]:
    present = {role.value for role, _ in content.networks()}
    return [(role, role) for role in ROLES if role in present]


def _training_sentence(content: ReportData) -> str:
    description = content.description
    if description.teacher:
        return (
            f"The teacher, {description.teacher}, is a pretrained model; the others were trained for "
            f"{description.steps_text} steps with the same "
            "seeds and data order, and all were tested on cases not used to train or select either of them."
        )
    return (
        f"All were trained for {description.steps_text} steps with the same seeds and data order, and tested on cases not "
        "used to train or select any of them."
    )


def _tiles(row: Comparison, *, several: bool) -> str:
    prefix = f"{format_key(row.modalities)}: " if several else ""
    gap = row.recovery
    shown = percent(gap.value) if gap else "not defined"
    below = f"95 % interval {recovery_range(gap)}" if gap else row.no_recovery
    low, high = signed(row.difference.low), signed(row.difference.high)
    chain = f"{row.baseline:.3f} → {row.student:.3f}"
    aim = "the teacher has not been scored yet" if row.teacher is None else f"the teacher reaches {row.teacher:.3f}"
    return "".join(
        [
            '<div class="tiles">',
            tile(f"{prefix}gap recovery", shown, below, muted=gap is None),
            tile(f"{prefix}student {MINUS} baseline, Dice", signed(row.difference.value), f"{low} to {high}"),
            tile(f"{prefix}baseline → student, Dice", chain, aim),
            tile(f"{prefix}student better in", f"{row.better} of {row.patients}", f"{unit(row)}, {p_value(row.p)}"),
            "</div>",
        ]
    )


def _gain_parts(content: ReportData) -> str:
    if not content.summary.gains:
        return ""
    return "<h3>Where the gain comes from</h3>" + table(tables.gain_table(content), caption=GAIN_PARTS, mean_rows=True)


def _published(content: ReportData) -> str:
    rows = []
    for modality_key in content.description.student_modalities:
        own = content.summary.comparison(modality_key, MEAN)
        found = published.published_recoveries(modality_key, content.description.regions)
        if own and found:
            here = percent(own.recovery.value) if own.recovery else "not defined"
            rows.append((f"this study, {format_key(modality_key)} student", here))
            rows += [(f"{item.method}, {format_key(item.modality)} student", percent(item.share)) for item in found]
    if not rows:
        return ""
    caption = f"Gap recovery, mean over regions, compared with published figures: {published.SOURCE}"
    shown = Table(("method", "gap recovery"), tuple(dict.fromkeys(rows)))
    return (
        "<h3>Comparison with published figures</h3>"
        + table(shown, caption=caption, narrow=True)
        + paragraph(published.CAVEAT, "note")
    )


def _example(content: ReportData, case: str, overlays: list[Overlay]) -> str:
    figures = []
    names = ["image", *(overlay.title for overlay in overlays)]
    for name, picture in zip(names, slice_pictures(overlays, content.labels), strict=True):
        alternative = f"Slice of {case}" if name == "image" else f"Slice of {case} with the labels of the {name}"
        below = f"<span>{escape(_dice_of(content, case, name))}</span>"
        caption = f"<figcaption>{escape(name)}{below}</figcaption>"
        figures.append(f'<figure><img src="{picture}" alt="{escape(alternative)}">{caption}</figure>')
    return f'<h3>{escape(case)}</h3><div class="slices">{"".join(figures)}</div>'


def _dice_of(content: ReportData, case: str, title: str) -> str:
    """Return the mean Dice of the network in an overlay's title, over the whole volume; empty if that is ambiguous."""
    role, _, modality_key = title.partition(" ")
    if role not in ROLES:
        return ""
    students = content.description.student_modalities
    if not modality_key:
        modality_key = content.teacher if role == Role.TEACHER else students[0]
    dice = per_case(content.scores, Role(role), modality_key, MEAN, lambda score: score.dice).get(case)
    seeds = len({score.seed for score in content.scores})
    return "" if dice is None else f"Dice {dice:.2f}{', mean of seeds' if seeds > 1 else ''}"


def _excluded(content: ReportData) -> str:
    reasons = {
        str(event.values["case"]): str(event.values["reason"])
        for event in content.events
        if event.event is EventKind.EXCLUDED
    }
    if not reasons:
        return ""
    items = "".join(f"<li>{escape(case)}: {escape(reason)}</li>" for case, reason in sorted(reasons.items()))
    return f"<h3>Excluded cases</h3><ul>{items}</ul>"
