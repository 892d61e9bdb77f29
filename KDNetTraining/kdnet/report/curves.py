"""Plot loss and validation Dice of every training by step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from kdnet.report.content import ReportData
from kdnet.report.sentences import format_key
from kdnet.report.svg import ROLE_COLORS, inline_svg, tidy
from kdnet.runs.events import Event, EventKind, effective, planned_networks
from kdnet.schema.network_id import NetworkId, Role

SMOOTHED_PARTS = 30
"""A loss curve is averaged over one thirtieth of its length."""

DRAWN_POINTS = 300


@dataclass(frozen=True, eq=False)
class Curve:
    """One metric of one training by step.

    Attributes:
        network: which network.
        steps: increasing.
        values: of the same length.
        chosen: step of the saved weights, None while the training runs.
    """

    network: NetworkId
    steps: NDArray[np.float64]
    values: NDArray[np.float64]
    chosen: int | None


def training_curves(events: Sequence[Event], kind: EventKind) -> list[Curve]:
    """Return the reference loss L_GT (``STEP``) or the mean validation Dice (``VALIDATION``) of every training.

    Steps repeated by a resumed training count once. Events of networks that the study does not list are skipped.
    """
    points: dict[str, list[tuple[int, float]]] = {}
    chosen: dict[str, int] = {}
    for event in effective(list(events)):
        if event.event is EventKind.NETWORK_FINISHED and "step" in event.values:
            chosen[event.network] = int(event.values["step"])
        figures = event.values.get("losses" if event.event is EventKind.STEP else "dice")
        if event.event is kind and figures:
            value = (
                figures.get("segmentation", figures.get("total"))
                if kind is EventKind.STEP
                else np.mean(list(figures.values()))
            )
            if value is not None:
                points.setdefault(event.network, []).append((int(event.values["step"]), float(value)))
    networks = planned_networks(events)
    curves = []
    for name, found in points.items():
        if name in networks:
            steps, values = np.array(sorted(found), dtype=float).T
            curves.append(Curve(networks[name], steps, values, chosen.get(name)))
    return curves


def curve_panels(content: ReportData, modalities: str) -> list[str]:
    """Return two SVGs: loss and validation Dice of the teacher, and of the baseline and student of ``modalities``."""
    panels = []
    for kind, name, title in (
        (EventKind.STEP, "loss", "Training loss against the reference"),
        (EventKind.VALIDATION, "dice", "Mean Dice of the validation cases"),
    ):
        curves = [curve for curve in training_curves(content.events, kind) if _belongs(curve.network, modalities)]
        if curves:
            description = f"{title}, {format_key(modalities)}: {_ends(curves)}"
            safe = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in modalities)
            panels.append(inline_svg(_draw(curves, kind, title), name=f"{name}-{safe}", description=description))
    return panels


def _belongs(network: NetworkId, modalities: str) -> bool:
    return network.role is Role.TEACHER or network.modality_key == modalities


def _draw(curves: Sequence[Curve], kind: EventKind, title: str) -> Figure:
    figure = Figure(figsize=(4.6, 3.0), layout="constrained")
    axes = figure.subplots()
    several = len(curves) > len({curve.network.role for curve in curves})
    for curve in curves:
        color = ROLE_COLORS[curve.network.role]
        steps, values = _smooth(curve) if kind is EventKind.STEP else (curve.steps, curve.values)
        axes.plot(steps, values, color=color, linewidth=1.2 if several else 1.8, alpha=0.7 if several else 1.0)
        if kind is EventKind.VALIDATION and curve.chosen is not None:
            kept = curve.steps == curve.chosen
            axes.plot(curve.steps[kept], curve.values[kept], "o", color=color, markersize=5)
    tidy(axes, title=title, x_label="step")
    if kind is EventKind.VALIDATION:
        axes.set_ylim(0, 1)
    else:
        axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    return figure


def _smooth(curve: Curve) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a trailing moving average, thinned to what a figure can show."""
    steps, values = curve.steps, curve.values
    width = len(values) // SMOOTHED_PARTS
    if width > 1:
        values = np.convolve(values, np.ones(width) / width, mode="valid")
        steps = steps[width - 1 :]
    every = max(1, len(steps) // DRAWN_POINTS)
    return steps[::every], values[::every]


def _ends(curves: Iterable[Curve]) -> str:
    return ", ".join(f"{curve.network.role.value} ends at {curve.values[-1]:.2f}" for curve in curves)
