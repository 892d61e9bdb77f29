"""Parsers of ``kdnet inspect`` and ``kdnet phantom``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_json, add_labels


def add_parsers(commands: Any) -> None:
    """Add the commands to the ``kdnet`` parser."""
    inspect = add_command(
        commands,
        "inspect",
        "kdnet.cli.data:run_inspect",
        "List the cases of a data folder with their modalities, geometry and labels, and report problems. The exit code\n"
        "is 1 if a case cannot be used.",
        "kdnet inspect data/brats",
    )
    inspect.add_argument(
        "data", type=Path, metavar="DATA", help="data folder in BraTS, Medical Segmentation Decathlon or nnU-Net layout"
    )
    add_labels(inspect)
    output = inspect.add_mutually_exclusive_group()
    add_json(output, "print JSON instead of a table")
    output.add_argument(
        "--jsonl", action="store_true", help="print a JSON line per case once it is inspected, then a summary"
    )
    phantom = add_command(
        commands,
        "phantom",
        "kdnet.cli.data:run_phantom",
        "Write a synthetic data set of four modalities, to try kdnet without patient data.",
        "kdnet phantom data/phantom --cases 12",
    )
    phantom.add_argument("folder", type=Path, metavar="FOLDER", help="folder to write to")
    phantom.add_argument("--cases", type=int, default=12, metavar="N", help="number of cases (default: %(default)s)")
    phantom.add_argument(
        "--size", type=int, nargs=3, default=(56, 66, 52), metavar=("I", "J", "K"), help="voxels (default: 56 66 52)"
    )
    phantom.add_argument("--spacing", type=float, default=3.0, metavar="MM", help="voxel size in mm (default: %(default)s)")
    phantom.add_argument("--seed", type=int, default=0, metavar="N", help="random seed (default: %(default)s)")
