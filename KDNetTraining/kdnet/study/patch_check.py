"""Check of a recipe's patch against its networks and this machine, before training."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

import torch

from kdnet.errors import SettingsError
from kdnet.networks.factory import build_network
from kdnet.schema.bounds import check_window
from kdnet.schema.networks import preset
from kdnet.schema.recipe import Recipe


def check_patch(recipe: Recipe, presets: Sequence[str], modalities: int, channels: int) -> None:
    """Reject a patch or window that a network cannot halve often enough or that does not fit into memory.

    Args:
        recipe: whose patch and networks are checked.
        presets: of the networks to train.
        modalities: of the data set.
        channels: of the label table.

    Raises:
        SettingsError: naming the value and a suitable one.
    """
    for name in dict.fromkeys(presets):
        spec = preset(name).spec(1, channels, recipe.deep_supervision)
        with torch.device("meta"):
            stride = build_network(spec).stride
        check_window(recipe.sliding_window_size, stride)
        sizes = " x ".join(map(str, recipe.patch))
        if any(size % stride for size in recipe.patch):
            raise SettingsError(f"the patch of {sizes} voxels does not suit {name}: give multiples of {stride}.")
        if math.prod(size // stride for size in recipe.patch) < 2:
            raise SettingsError(
                f"the patch of {sizes} voxels leaves {name} one voxel at its coarsest level: give more than {stride}."
            )
    sample = math.prod(recipe.patch) * (4 * modalities + channels)
    memory = _memory()
    if memory and sample > memory:
        raise SettingsError(
            f"this computer has too little memory for a patch of {' x '.join(map(str, recipe.patch))} voxels: choose a "
            "smaller one."
        )


def _memory() -> int:
    """Return this computer's memory in bytes; 0 if unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 0
