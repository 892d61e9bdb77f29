"""One series of a case: its modality, its grid, and whether it may be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdnet.data.volumes.grid import Grid, Volume

LEAST_SLICES = 10


@dataclass(frozen=True, eq=False)
class Candidate:
    """A series that may become a modality of the case.

    Attributes:
        name: place in the raw folder, for people.
        modality: one of the four; empty if it is unclear.
        why_not: why it cannot be used, as the end of a sentence; empty if it can.
        grid: its grid; None if it cannot be used.
        read: returns its voxels.
        original: whether the scanner acquired it, rather than a workstation computed it.
        number: series number in the examination; a later one often repeats a failed one.
    """

    name: str
    modality: str = ""
    why_not: str = ""
    grid: Grid | None = None
    read: Callable[[], Volume] | None = None
    original: bool = True
    number: int = 0

    def load(self) -> Volume:
        """Return the voxels of a usable series.

        Raises:
            DataError: naming the file that cannot be read.
        """
        assert self.read is not None
        return self.read()

    @property
    def usable_grid(self) -> Grid:
        """The grid of a usable series."""
        assert self.grid is not None
        return self.grid


def slice_axis(grid: Grid) -> int:
    """Return the axis across the slices: the one of the largest spacing, the shortest of several."""
    spacing = np.round(grid.spacing, 2)
    return min(range(3), key=lambda axis: (-spacing[axis], grid.shape[axis]))


def coverage_mm(grid: Grid) -> float:
    """Return the height of the stack of slices in mm."""
    axis = slice_axis(grid)
    return grid.shape[axis] * grid.spacing[axis]


def too_thin(grid: Grid) -> str:
    """Return why so few slices are no scan of a head; empty if there are enough."""
    slices = min(grid.shape)
    return f"it has only {slices} slices" if slices < LEAST_SLICES else ""


def short_path(path: Path, root: Path) -> str:
    """Return ``path`` as people find it below ``root``."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
