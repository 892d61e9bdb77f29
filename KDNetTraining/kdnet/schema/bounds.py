"""Bounds that label tables, model cards and recipes share: names that can be shown, and grids that memory can take.

Standard library only, because the Slicer modules list models before anything is installed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from kdnet.errors import SettingsError
from kdnet.text import one_line, printable

LONGEST_NAME = 100

FINEST_STEP, COARSEST_STEP = 0.1, 20.0  # mm

SMALLEST_VOXEL = 0.3**3  # mm³; a head of finer voxels has more of them than any memory holds

LARGEST_MARGIN = 100.0  # mm

SMALLEST_WINDOW, LARGEST_WINDOW = 8, 320  # voxels along an edge


def check_names(names: Sequence[str], what: str, most: int) -> None:
    """Require different, printable, non-empty names.

    Args:
        names: to check.
        what: they name, in the singular, for the message.
        most: how many there may be.

    Raises:
        SettingsError: naming the first that cannot be used.
    """
    if len(names) > most:
        raise SettingsError(f"there are {len(names)} {what} names: at most {most} can be used.")
    for index, name in enumerate(names):
        if not name.strip() or len(name) > LONGEST_NAME or printable(name) != name:
            raise SettingsError(
                f'the {what} name "{one_line(name, 40)}" is empty, longer than {LONGEST_NAME} characters or holds control '
                "characters: rename it."
            )
        if name in names[:index]:
            raise SettingsError(f'the {what} name "{name}" is used twice: rename one.')


def check_grid(spacing: Sequence[float], margin: float = 0.0) -> None:
    """Require a grid of a head that fits into memory.

    Args:
        spacing: of the grid in mm along three axes.
        margin: kept around the head, in mm.

    Raises:
        SettingsError: naming the value.
    """
    if len(spacing) != 3 or not all(FINEST_STEP <= step <= COARSEST_STEP for step in spacing):
        raise SettingsError(f"the spacing {list(spacing)[:4]} mm is absurd: give three steps from 0.1 to 20 mm.")
    if math.prod(spacing) < SMALLEST_VOXEL:
        raise SettingsError(f"any memory is too little for the spacing {list(spacing)} mm: give 0.3 mm or more.")
    if not 0 <= margin <= LARGEST_MARGIN:
        raise SettingsError(f"the margin {margin} mm is absurd: give 0 to {LARGEST_MARGIN:g} mm.")


def check_window(window: int, stride: int = 1) -> None:
    """Require windows that a network and memory can take; 0 stands for whole images.

    Args:
        window: edge in voxels.
        stride: of the network, which the edge must be a multiple of.

    Raises:
        SettingsError: naming the value.
    """
    if window == 0:
        return
    if not SMALLEST_WINDOW <= window <= LARGEST_WINDOW:
        raise SettingsError(f"the window of {window} voxels is absurd: give 0, or {SMALLEST_WINDOW} to {LARGEST_WINDOW}.")
    if window % stride or window <= stride:
        raise SettingsError(f"the window of {window} voxels does not fit the network: give a larger multiple of {stride}.")
