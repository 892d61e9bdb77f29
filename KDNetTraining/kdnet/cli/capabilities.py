"""``python -m kdnet.cli.capabilities``: the options that a panel can offer, as one JSON object on stdout.

``recipes`` (name to all values, including defaults), ``networks`` (name, architecture and use of each
preset), available ``devices``, and ``cores``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import torch

from kdnet.device import mps_agrees
from kdnet.entry import carry_out, prepare_streams
from kdnet.schema.networks import PRESETS
from kdnet.schema.recipe import read_recipe, recipe_names


def choices(files: Sequence[str] = ()) -> dict[str, Any]:
    """Return the options available on this machine.

    Args:
        files: the user's own recipe files, listed under their paths.

    Raises:
        KDNetError: if a file is not a recipe.
    """
    return {
        "recipes": {name: read_recipe(name).to_json() for name in (*recipe_names(), *files)},
        "networks": [
            {"name": name, "architecture": preset.architecture, "use": preset.use} for name, preset in PRESETS.items()
        ],
        "devices": devices(),
        "cores": os.cpu_count() or 1,
    }


def devices() -> list[str]:
    """Return the names of the available devices, starting with the one that ``auto`` selects."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if not torch.backends.mps.is_available():
        return [*found, "cpu"]
    return [*found, "mps", "cpu"] if mps_agrees() else [*found, "cpu", "mps"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(prog="kdnet.cli.capabilities", description="Tell what can be chosen.")
    parser.add_argument("--recipe", action="append", default=[], help="a recipe file")
    prepare_streams()

    def run() -> int:
        print(json.dumps(choices(parser.parse_args(arguments).recipe)))
        return 0

    return carry_out(run)


if __name__ == "__main__":
    sys.exit(main())
