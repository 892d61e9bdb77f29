"""Plot paired differences and gap recovery with their intervals, next to published results."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kdnet.report.content import ReportData
from kdnet.report.published import published_recoveries
from kdnet.report.sentences import format_key, percent, recovery, signed
from kdnet.report.svg import INK, LINE, MUTED, ROLE_COLORS, drawn, inline_svg, tidy
from kdnet.schema.network_id import Role
from kdnet.schema.results import MEAN, Comparison

LOWEST, HIGHEST = -1.0, 2.0
"""Shares beyond these are drawn as arrows: where the gap is small, intervals are too wide to be drawn."""


def difference_plot(content: ReportData) -> str:
    """Plot student minus baseline for every student and region, as SVG."""
    rows = content.summary.comparisons
    axes, figure = _rows_of(content, rows)
    axes.axvline(0, color=MUTED, linewidth=1)
    for y, row in enumerate(rows):
        _point(axes, y, row.difference.value, row.difference.low, row.difference.high, mean=row.region == MEAN)
    reach = max(0.02, *(max(abs(row.difference.low), abs(row.difference.high)) for row in rows)) * 1.15
    axes.set_xlim(-reach, reach)
    axes.xaxis.set_major_formatter(lambda value, _: signed(value))
    axes.locator_params(axis="x", nbins=5)
    tidy(axes, title="Dice, student minus baseline", x_label="left: baseline better, right: student better")
    axes.grid(axis="y", visible=False)
    values = "; ".join(f"{format_key(row.modalities)} {row.region} {signed(row.difference.value)}" for row in rows)
    return inline_svg(figure, name="differences", description=f"Student minus baseline: {values}")


def recovery_plot(content: ReportData) -> str:
    """Plot gap recovery for every student and region with the published results, as SVG."""
    rows = content.summary.comparisons
    axes, figure = _rows_of(content, rows)
    axes.axvline(0, color=ROLE_COLORS[Role.BASELINE], linewidth=1.6)
    axes.axvline(1, color=ROLE_COLORS[Role.TEACHER], linewidth=1.6)
    for y, row in enumerate(rows):
        if row.recovery is None:
            axes.text(0.5, y, "undefined", color=MUTED, fontsize=9, ha="center", va="center")
            continue
        low = LOWEST - 1 if row.recovery.low is None else row.recovery.low
        high = HIGHEST + 1 if row.recovery.high is None else row.recovery.high
        _point(axes, y, row.recovery.value, low, high, mean=row.region == MEAN, limits=(LOWEST, HIGHEST))
        if row.region == MEAN:
            _published_marks(axes, y, row, content.description.regions)
    axes.set_xlim(LOWEST - 0.05, HIGHEST + 0.05)
    axes.set_xticks([-1, 0, 1, 2], [percent(LOWEST), "0 %\nbaseline", "100 %\nteacher", percent(HIGHEST)])
    tidy(axes, title="Gap recovery")
    axes.grid(axis="y", visible=False)
    values = "; ".join(f"{format_key(row.modalities)} {row.region} {recovery(row)}" for row in rows)
    return inline_svg(figure, name="recovery", description=f"Gap recovery: {values}")


def _rows_of(content: ReportData, rows: Sequence[Comparison]) -> tuple[Axes, Figure]:
    figure = Figure(figsize=(4.6, 1.2 + 0.36 * len(rows)), layout="constrained")
    axes = figure.subplots()
    several = len(content.description.student_modalities) > 1
    names = [drawn(f"{format_key(row.modalities)} {row.region}" if several else row.region) for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for y, row in enumerate(rows):
        if row.region == MEAN:
            axes.axhspan(y - 0.45, y + 0.45, color=LINE, alpha=0.45, linewidth=0, zorder=0)
    return axes, figure


def _point(
    axes: Axes,
    y: int,
    value: float,
    low: float,
    high: float,
    *,
    mean: bool,
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> None:
    color = ROLE_COLORS[Role.STUDENT]
    left, right = limits
    axes.hlines(y, min(max(low, left), right), max(min(high, right), left), color=color, linewidth=2, zorder=3)
    for outside, end, marker in ((low < left, left, "<"), (high > right, right, ">")):
        if outside:
            axes.plot(end, y, marker, color=color, markersize=5, zorder=3)
    if left <= value <= right:
        axes.plot(value, y, "D" if mean else "o", color=color, markersize=7, zorder=4)


def _published_marks(axes: Axes, y: int, row: Comparison, regions: Sequence[str]) -> None:
    for item in published_recoveries(row.modalities, regions):
        if item.method in ("KD-Net", "ProtoKD") and row.modalities == item.modality:
            axes.vlines(item.share, y - 0.36, y + 0.36, color=INK, linewidth=1.4, linestyle=(0, (2, 1.5)), zorder=5)
            above = item.method == "KD-Net"
            axes.text(
                item.share - 0.02 if above else item.share + 0.02,
                y - 0.3,
                item.method,
                color=INK,
                fontsize=7.5,
                ha="right" if above else "left",
                va="center",
                zorder=6,
            )
