"""Parser of ``kdnet combine``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_card_text, add_command, add_device, add_out


def add_parsers(commands: Any) -> None:
    """Add the command to the ``kdnet`` parser."""
    combine = add_command(
        commands,
        "combine",
        "kdnet.cli.combine:run_combine",
        "Combine students of different scans into one model that takes them all. Each region comes from the model with\n"
        "the best test Dice for it. Nothing is trained.",
        "kdnet combine t1ce.safetensors flair.safetensors -o both.safetensors",
    )
    add = combine.add_argument
    add("models", type=Path, nargs="+", metavar="MODEL", help="model files of the same regions and recipe")
    add_out(combine, "model file to write", metavar="FILE")
    add(
        "--region",
        action="append",
        default=[],
        metavar="REGION=MODEL",
        help="take a region from this model; repeated for one region, their scores are averaged",
    )
    add("--half", action="store_true", help="store the weights in 16 bits, which halves the file")
    add("--test", type=Path, metavar="DATA", help="data folder to test it on, for the figures of its card")
    add("--case", action="append", default=[], metavar="CASE", help="test on this case; repeatable (default: all)")
    add_device(combine)
    add_card_text(combine)
