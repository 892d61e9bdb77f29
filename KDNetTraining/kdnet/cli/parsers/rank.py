"""Parser of ``kdnet rank``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_device, add_json, add_out


def add_parsers(commands: Any) -> None:
    """Add the command to the ``kdnet`` parser."""
    rank = add_command(
        commands,
        "rank",
        "kdnet.cli.rank:run_rank",
        "Rank scans by how uncertain a model is of their segmentation, to correct the most useful ones first. Scans must\n"
        "be as the model expects them: brains of whole heads have to be extracted before.",
        "kdnet rank student.safetensors scans -o ranking.csv",
    )
    rank.add_argument("model", type=Path, metavar="MODEL", help="model file")
    rank.add_argument("inputs", type=Path, nargs="+", metavar="INPUT", help="scans, or folders of scans")
    add_out(rank, "CSV file to write, with a row per case", metavar="TABLE", required=False)
    add_device(rank)
    add_json(rank)
