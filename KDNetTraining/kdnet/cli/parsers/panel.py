"""Parsers of ``kdnet capabilities`` and ``kdnet case-files``, which serve the training panel and are not in the help."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_out


def add_parsers(commands: Any) -> None:
    """Add the commands to the ``kdnet`` parser."""
    capabilities = add_command(
        commands,
        "capabilities",
        "kdnet.cli.capabilities:run_capabilities",
        "Print recipes, networks and devices as JSON.",
        "kdnet capabilities --recipe mine.json",
    )
    capabilities.add_argument("--recipe", action="append", default=[], metavar="FILE", help="recipe file to list too")
    case = add_command(
        commands,
        "case-files",
        "kdnet.cli.case_files:run_case_files",
        "Write the volumes and labelmaps of a case as arrays, and print their names and geometry as JSON.",
        "kdnet case-files brats BraTS-GLI-00001-000 -o arrays",
    )
    case.add_argument("data", type=Path, metavar="DATA", help="data folder")
    case.add_argument("case", metavar="CASE", help="name of the case")
    add_out(case, "folder for the arrays", metavar="FOLDER")
    case.add_argument("--labels", type=json.loads, metavar="JSON", help="label table (default: that of the data's format)")
    case.add_argument("--modalities", default="", metavar="NAMES", help="modalities, as in t1ce,flair (default: all)")
    case.add_argument(
        "--labelmap", action="append", default=[], metavar="NAME=FILE", help="labelmap to write too; repeatable"
    )
