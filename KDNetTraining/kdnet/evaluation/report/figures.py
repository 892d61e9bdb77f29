"""Pictures of a report, as inline SVG or PNG data."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kdnet.evaluation.report.tables import ROLE_COLORS
from kdnet.evaluation.results import Overlay, Role, Score
from kdnet.evaluation.statistics import per_case
from kdnet.labels import LabelTable
from kdnet.training.events import Event, EventKind, effective

STYLES = {Role.TEACHER: "-", Role.BASELINE: "--", Role.STUDENT: "-"}


def curves(events: Sequence[Event]) -> str:
    """Loss and mean validation Dice over steps of every network, as PNG data."""
    figure = Figure(figsize=(9.5, 3.4), layout="constrained")
    loss, dice = figure.subplots(1, 2)
    named: set[str] = set()
    for event_kind, axes in ((EventKind.STEP, loss), (EventKind.VALIDATION, dice)):
        lines: dict[str, list[tuple[int, float]]] = {}
        for event in effective(list(events)):
            if event.event is event_kind:
                values = event.values
                figure_of = values["losses"]["gt"] if event_kind is EventKind.STEP else _mean(values["dice"])
                lines.setdefault(event.network, []).append((int(values["step"]), float(figure_of)))
        for network, points in lines.items():
            _curve(axes, network, points, named if axes is dice else set(), smooth=event_kind is EventKind.STEP)
    _finish(loss, "training loss against the reference (L_GT)", "step")
    _finish(dice, "mean Dice of the validation cases", "step")
    dice.set_ylim(0, 1)
    if dice.lines:
        dice.legend(frameon=False, fontsize=8)
    return png(figure)


def paired_dice(scores: Sequence[Score], regions: Sequence[str], modalities: str, teacher: str) -> str:
    """Dice of every case with baseline, student and teacher, a panel per region, as PNG data."""
    figure = Figure(figsize=(3.2 * len(regions), 3.4), layout="constrained")
    panels = np.atleast_1d(figure.subplots(1, len(regions), sharey=True))
    networks = [(Role.BASELINE, modalities), (Role.STUDENT, modalities), (Role.TEACHER, teacher)]
    for axes, region in zip(panels, regions, strict=True):
        columns = [per_case(scores, role, sees, region, lambda score: score.dice) for role, sees in networks]
        for case in sorted(set().union(*columns)):
            points = [(x, column[case]) for x, column in enumerate(columns) if case in column]
            axes.plot(*zip(*points, strict=True), color="#b0b0b0", linewidth=0.7, zorder=1)
        for x, (column, (role, _)) in enumerate(zip(columns, networks, strict=True)):
            values = list(column.values())
            axes.scatter([x] * len(values), values, s=18, color=ROLE_COLORS[role], zorder=2)
            if values:
                axes.hlines(np.mean(values), x - 0.25, x + 0.25, color=ROLE_COLORS[role], linewidth=2.5, zorder=3)
        axes.set_xticks(range(3), [role.value for role, _ in networks])
        _finish(axes, region, "")
        axes.set_ylim(-0.02, 1.02)
    panels[0].set_ylabel("Dice per case")
    return png(figure)


def overlay_row(overlays: Sequence[Overlay], labels: LabelTable) -> str:
    """One case: the slice, the reference and each network's labels beside each other, as PNG data."""
    image = overlays[0].image.astype(float).T
    panels = [("image", None), *((overlay.title, overlay.labelmap.T) for overlay in overlays)]
    figure = Figure(figsize=(2.3 * len(panels), 2.6), layout="constrained", facecolor="black")
    rows = np.atleast_1d(figure.subplots(1, len(panels)))
    high = float(np.percentile(image[image != 0], 99.5)) if image.any() else 1.0
    for axes, (title, labelmap) in zip(rows, panels, strict=True):
        axes.imshow(image, cmap="gray", vmin=min(0.0, float(image.min())), vmax=high, interpolation="bilinear")
        if labelmap is not None:
            axes.imshow(_coloured(labelmap, labels), interpolation="nearest")
        axes.set_title(title, color="white", fontsize=9)
        axes.set_axis_off()
    return png(figure)


def png(figure: Figure) -> str:
    """A figure as the text of a data address."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130)
    return "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode()


def _coloured(labelmap: NDArray[np.uint8], labels: LabelTable) -> NDArray[np.float64]:
    colours = np.zeros((*labelmap.shape, 4))
    for label in labels.labels:
        colours[labelmap == label.value] = (*(part / 255 for part in label.color), 0.6)
    return colours


def _curve(axes: Axes, network: str, points: Sequence[tuple[int, float]], named: set[str], *, smooth: bool) -> None:
    kind = network.rpartition("/")[2]
    role = Role(kind.partition("-")[0])
    steps, values = (np.array(column, dtype=float) for column in zip(*points, strict=True))
    if smooth and len(values) > 20:
        width = max(2, len(values) // 30)
        values = np.convolve(values, np.ones(width) / width, mode="valid")
        steps = steps[len(steps) - len(values) :]
    label = None if kind in named else kind
    named.add(kind)
    axes.plot(steps, values, STYLES[role], color=ROLE_COLORS[role], label=label, linewidth=1.5)


def _finish(axes: Axes, title: str, x_label: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x_label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", alpha=0.25)


def _mean(values: dict[str, float]) -> float:
    return float(np.mean(list(values.values())))
