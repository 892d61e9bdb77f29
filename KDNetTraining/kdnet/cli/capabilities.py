"""``kdnet capabilities``: the options that a panel can offer, as one JSON object on stdout.

The object is a :class:`~kdnet.schema.capabilities.Capabilities`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import torch

from kdnet.device import mps_agrees
from kdnet.schema.capabilities import Capabilities
from kdnet.schema.networks import PRESETS
from kdnet.schema.recipe_files import read_recipe, recipe_names


def capabilities(files: Sequence[str] = ()) -> Capabilities:
    """Return the options available on this machine.

    Args:
        files: the user's own recipe files, listed under their paths.

    Raises:
        KDNetError: if a file is not a recipe.
    """
    return Capabilities(
        recipes={name: read_recipe(name).to_json() for name in (*recipe_names(), *files)},
        networks={name: preset.use for name, preset in PRESETS.items()},
        devices=tuple(devices()),
    )


def devices() -> list[str]:
    """Return the names of the available devices, starting with the one that ``auto`` selects."""
    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    if not torch.backends.mps.is_available():
        return [*found, "cpu"]
    return [*found, "mps", "cpu"] if mps_agrees() else [*found, "cpu", "mps"]


def run_capabilities(args: argparse.Namespace) -> int:
    """Run ``kdnet capabilities``."""
    print(json.dumps(capabilities(args.recipe).to_json()))
    return 0
