"""Whether the patch of a recipe suits its networks and this machine, before anything is trained."""

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
    """Refuse a patch or window that a network of the study cannot halve often enough, or that no memory holds.

    Args:
        recipe: whose patch and networks are checked.
        presets: names of the networks that are trained.
        modalities: of the data set.
        channels: of the label table.

    Raises:
        SettingsError: naming the value and what suits instead.
    """
    for name in dict.fromkeys(presets):
        spec = preset(name).spec(1, channels, recipe.deep_supervision)
        with torch.device("meta"):
            stride = build_network(spec).stride
        check_window(recipe.window, stride)
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
    """Bytes of memory that this computer has, 0 where that is not known."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return 0
