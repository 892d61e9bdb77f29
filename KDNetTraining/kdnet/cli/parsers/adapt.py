"""Parser of ``kdnet adapt``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command
from kdnet.schema.adapt_request import ADAPT_GROUPS, AdaptOptions
from kdnet.schema.options import add_options


def add_parsers(commands: Any) -> None:
    """Add the command to the ``kdnet`` parser."""
    adapt = add_command(
        commands,
        "adapt",
        "kdnet.cli.adapt:run_adapt",
        "Continue the training of a model on corrected cases, such as a collection of kdnet collect. The model before the\n"
        "adaptation teaches, so that little is forgotten. Patients are tested in turn with a model adapted to the others,\n"
        "and the model is written if it got better. Ctrl-C pauses; the same command or kdnet resume continues. The exit\n"
        "code is 1 if the model is not written.",
        "kdnet adapt student.safetensors corrections -o adapted.safetensors",
    )
    add_options(adapt, AdaptOptions, ADAPT_GROUPS)
    run = adapt.add_argument_group("run")
    run.add_argument("--run", type=Path, metavar="RUN", help="run folder (default: runs/adapt-COLLECTION-MODEL, numbered)")
    run.add_argument(
        "--wait-for",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help="start after the run in this folder has ended; repeatable",
    )
