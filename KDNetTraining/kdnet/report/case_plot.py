"""Plot the Dice of every case with the three networks, one panel per region."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from kdnet.evaluation.pairing import per_case
from kdnet.report.content import ReportData
from kdnet.report.sentences import format_key
from kdnet.report.svg import LINE, ROLE_COLORS, drawn, inline_svg, tidy
from kdnet.schema.network_id import Role
from kdnet.schema.results import MEAN


def case_panels(content: ReportData, modalities: str) -> list[str]:
    """Return one SVG per region and one for the mean: a line per case from baseline over student to teacher."""
    return [_panel(content, modalities, region) for region in [*content.description.regions, MEAN]]


def _panel(content: ReportData, modalities: str, region: str) -> str:
    networks = [(Role.BASELINE, modalities), (Role.STUDENT, modalities), (Role.TEACHER, content.teacher)]
    columns = [
        per_case(content.scores, role, modality_key, region, lambda score: score.dice) for role, modality_key in networks
    ]
    figure = Figure(figsize=(3.3, 3.2), layout="constrained")
    axes = figure.subplots()
    count = len(set().union(*columns))
    for case in sorted(columns[0].keys() & columns[1].keys()):
        before, after = columns[0][case], columns[1][case]
        role = Role.STUDENT if after > before else Role.BASELINE
        axes.plot([0, 1], [before, after], color=ROLE_COLORS[role], linewidth=1, alpha=0.6, zorder=2)
    for case in sorted(columns[1].keys() & columns[2].keys()):
        axes.plot([1, 2], [columns[1][case], columns[2][case]], color=LINE, linewidth=0.9, zorder=1)
    means = [role.value for role, _ in networks]
    for x, (column, (role, _)) in enumerate(zip(columns, networks, strict=True)):
        values = list(column.values())
        size = 16 if count <= 60 else 5
        axes.scatter([x] * len(values), values, s=size, color=ROLE_COLORS[role], linewidths=0, alpha=0.85, zorder=3)
        if values:
            mean = float(np.mean(values))
            means[x] += f"\n{mean:.3f}"
            axes.hlines(mean, x - 0.2, x + 0.2, color=ROLE_COLORS[role], linewidth=3, zorder=4)
    tidy(axes, title=drawn(region))
    axes.set_xticks(range(3), means)
    axes.set_xlim(-0.4, 2.4)
    axes.set_ylim(-0.03, 1.03)
    spoken = ", ".join(" ".join(text.split()) for text in means)
    text = f"Dice of {count} cases in {region}, {format_key(modalities)}; means: {spoken}"
    return inline_svg(figure, name=_identifier("cases", modalities, region), description=text)


def _identifier(*parts: str) -> str:
    """Return letters and digits only, for use in anchors within the page."""
    return "-".join("".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in part) for part in parts)
