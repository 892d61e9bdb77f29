"""A summary of a model as rich text: inputs, training data and performance."""

from __future__ import annotations

from html import escape

from kdnet.schema.modalities import format_modalities
from KDNetLib.ModelInfo import ModelInfo
from slicer.i18n import tr as _

from KDNetSegmentationLib.ModelTexts import figures_text


def summary_text(model: ModelInfo) -> str:
    """Return the card in one line: training data and performance."""
    cases = model.trainingData.get("cases")
    kind = _("{count} synthetic cases") if model.synthetic else _("{count} cases")
    trained = kind.format(count=cases) if cases else ""
    figures = figures_text(model)
    dice = _("Dice {figures}").format(figures=figures) if figures else _("not tested")
    return " · ".join(text for text in (trained, dice) if text)


def card_html(model: ModelInfo) -> str:
    """Return the card shown under the list of models."""
    rows = [
        (_("Inputs"), format_modalities(model.modalities)),
        (_("Segments"), ", ".join(label.name for label in model.labels.labels)),
        (_("Training data"), _training(model)),
        (_("Dice"), figures_text(model)),
        (_("Voxel spacing"), " x ".join(f"{step:g}" for step in model.spacing) + " mm"),
        (_("Intended use"), model.intendedUse),
        (_("Limitations"), model.limits),
        (_("License"), model.license),
    ]
    cells = "".join(
        f'<tr><td style="padding-right: 8px"><b>{escape(name)}</b></td><td>{escape(text)}</td></tr>'
        for name, text in rows
        if text
    )
    return f"<table>{cells}</table>"


def _training(model: ModelInfo) -> str:
    data = model.trainingData
    cases = _("{count} cases").format(count=data["cases"]) if "cases" in data else ""
    return ", ".join(str(part) for part in (cases, data.get("format"), data.get("summary")) if part)
