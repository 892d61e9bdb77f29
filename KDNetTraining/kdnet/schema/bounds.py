"""Limits shared by label tables, model cards and recipes: displayable names, and grids that fit into memory.

Standard library only, because the Slicer modules list models before any package is installed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from kdnet.errors import SettingsError
from kdnet.text import one_line, printable

LONGEST_NAME = 100

FINEST_STEP, COARSEST_STEP = 0.1, 20.0  # mm

SMALLEST_VOXEL = 0.3**3  # mm³; with finer voxels, a head does not fit into memory

LARGEST_MARGIN = 100.0  # mm

SMALLEST_WINDOW, LARGEST_WINDOW = 8, 320  # voxels along an edge


def check_names(names: Sequence[str], what: str, most: int) -> None:
    """Check that names are distinct, printable and non-empty.

    Args:
        names: the names to check.
        what: what they name, in the singular, for the message.
        most: maximum number of names.

    Raises:
        SettingsError: naming the first invalid one.
    """
    if len(names) > most:
        raise SettingsError(f"there are {len(names)} {what} names: use at most {most}.")
    for index, name in enumerate(names):
        if not name.strip() or len(name) > LONGEST_NAME or printable(name) != name:
            raise SettingsError(
                f'the {what} name "{one_line(name, 40)}" is empty, longer than {LONGEST_NAME} characters or contains '
                "control characters: rename it."
            )
        if name in names[:index]:
            raise SettingsError(f'the {what} name "{name}" is used twice: rename one of them.')


def check_grid(spacing: Sequence[float], margin: float = 0.0) -> None:
    """Check that the grid of a head fits into memory.

    Args:
        spacing: grid spacing in mm along three axes.
        margin: margin around the head in mm.

    Raises:
        SettingsError: naming the invalid value.
    """
    if len(spacing) != 3 or not all(FINEST_STEP <= step <= COARSEST_STEP for step in spacing):
        raise SettingsError(f"the spacing {list(spacing)[:4]} mm is out of range: give three values from 0.1 to 20 mm.")
    if math.prod(spacing) < SMALLEST_VOXEL:
        raise SettingsError(f"the spacing {list(spacing)} mm needs too much memory: give 0.3 mm or more.")
    if not 0 <= margin <= LARGEST_MARGIN:
        raise SettingsError(f"the margin {margin} mm is out of range: give 0 to {LARGEST_MARGIN:g} mm.")


def check_window(window: int, stride: int = 1) -> None:
    """Check that a window fits the network and memory; 0 means whole images.

    Args:
        window: edge length in voxels.
        stride: stride of the network; the edge must be a multiple of it.

    Raises:
        SettingsError: naming the invalid value.
    """
    if window == 0:
        return
    if not SMALLEST_WINDOW <= window <= LARGEST_WINDOW:
        raise SettingsError(
            f"the window of {window} voxels is out of range: give 0, or {SMALLEST_WINDOW} to {LARGEST_WINDOW}."
        )
    if window % stride or window <= stride:
        raise SettingsError(f"the window of {window} voxels does not fit the network: give a larger multiple of {stride}.")
