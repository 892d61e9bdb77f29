"""The options ``--lesions``, ``--report`` and ``--dicom-seg``, which ``segment`` and ``measure`` share."""

from __future__ import annotations

import argparse
from datetime import datetime
from pathlib import Path

from kdnet.report.scan_content import Model
from kdnet.report.scan_outputs import Outputs
from kdnet.schema.modalities import format_modalities
from kdnet.schema.model_card import ModelCard
from kdnet.segmentation.results_table import digest


def outputs_from(args: argparse.Namespace) -> Outputs:
    """Return the files that the options name."""
    return Outputs(args.lesions, args.report, args.dicom_seg, args.overwrite)


def model_facts(card: ModelCard, file: Path) -> Model:
    """Return what a report says about the model of a file."""
    needs = format_modalities(card.modalities)
    facts = {"Version": f"kdnet {card.version}", "Input": needs, "File": f"{file.name} ({digest(file)})"}
    return Model(card.name, facts)


def now() -> str:
    """Return date and time of a report in local time."""
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")
