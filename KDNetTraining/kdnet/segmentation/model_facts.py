"""What a report says about a model file."""

from __future__ import annotations

from pathlib import Path

from kdnet.report.scan_content import Model
from kdnet.schema.modalities import format_modalities
from kdnet.schema.model_card import ModelCard
from kdnet.segmentation.results_table import digest


def model_facts(card: ModelCard, file: Path) -> Model:
    """Return name, version, input and digest of a model file."""
    needs = format_modalities(card.modalities)
    facts = {"Version": f"kdnet {card.version}", "Input": needs, "File": f"{file.name} ({digest(file)})"}
    return Model(card.name, facts, card.lesion_confidence)
