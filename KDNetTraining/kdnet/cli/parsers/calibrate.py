"""Parser of ``kdnet calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_device, add_labels, add_out


def add_parsers(commands: Any) -> None:
    """Add the command to the ``kdnet`` parser."""
    parser = add_command(
        commands,
        "calibrate",
        "kdnet.cli.calibrate:run_calibrate",
        "Learn how often a model is right about a lesion, from cases that it was not trained on and from people without\n"
        "tumor, and write a model file that says so and removes doubtful lesions.",
        "kdnet calibrate student.safetensors data --run run --without-tumor heads.csv -o calibrated.safetensors",
    )
    parser.add_argument("model", type=Path, metavar="MODEL", help="model file")
    parser.add_argument("data", type=Path, metavar="DATA", help="data folder with cases that the model was not trained on")
    parser.add_argument("--run", type=Path, metavar="RUN", help="run that trained the model: take its test cases alone")
    parser.add_argument(
        "--without-tumor",
        type=Path,
        metavar="TABLE",
        help="CSV file with the columns scan and person, of whole heads without tumor; several scans are separated by ;",
    )
    parser.add_argument(
        "--like",
        type=Path,
        metavar="MODEL",
        help="apply what was learned of this model, and learn nothing",
    )
    add_labels(parser)
    add_out(parser, "model file to write", metavar="FILE")
    add_device(parser)
