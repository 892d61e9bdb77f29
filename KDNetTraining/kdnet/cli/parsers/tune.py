"""Parser of ``kdnet tune``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_device, add_out


def add_parsers(commands: Any) -> None:
    """Add the command to the ``kdnet`` parser."""
    tune = add_command(
        commands,
        "tune",
        "kdnet.cli.tune:run_tune",
        "Learn on labeled cases which parts and holes of a model's regions are too small to be real, and write the model\n"
        "with these sizes in its card. Choose cases that the model will not be tested on.",
        "kdnet tune student.safetensors data/brats -o tuned.safetensors",
    )
    tune.add_argument("model", type=Path, metavar="MODEL", help="model file")
    tune.add_argument("data", type=Path, metavar="DATA", help="data folder of cases with a reference segmentation")
    add_out(tune, "model file to write; MODEL itself to replace it", metavar="FILE")
    tune.add_argument(
        "--case", action="append", default=[], metavar="CASE", help="learn from this case; repeatable (default: all)"
    )
    tune.add_argument("--most", type=int, default=50, metavar="N", help="use at most N cases (default: %(default)s)")
    add_device(tune)
