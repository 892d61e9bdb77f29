"""Parser of ``kdnet evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_labels, add_out

TASKS = ("gli", "ssa", "men", "ped", "met")


def add_parsers(commands: Any) -> None:
    """Add the command to the ``kdnet`` parser."""
    evaluate = add_command(
        commands,
        "evaluate",
        "kdnet.cli.evaluate:run_evaluate",
        "Compare labelmaps with references, paired by the names of their cases: Dice, HD95, volumes, sensitivity,\n"
        "precision, and lesion-wise metrics as in BraTS 2023. The exit code is 1 if a case has no metrics.",
        "kdnet evaluate results data/brats -o metrics.csv",
    )
    evaluate.add_argument("predictions", type=Path, metavar="PREDICTIONS", help="folder of labelmaps, or one file")
    evaluate.add_argument(
        "references", type=Path, metavar="REFERENCES", help="folder of labelmaps, data folder, or one file"
    )
    add_out(evaluate, "CSV file to write, with a row per case and region", metavar="TABLE", required=False)
    add_labels(evaluate)
    evaluate.add_argument(
        "--task",
        default="auto",
        choices=["auto", *TASKS],
        metavar="TASK",
        help=f"rules for lesions: {', '.join(TASKS)} (default: auto, by the names of BraTS cases, else gli)",
    )
