"""Register the scans of a case to its reference, directly or through another scan of the case.

Two contrasts may have too little in common, such as T2 and T1ce in thick slices, where each fits a third.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from kdnet.curation.reference_labels import moved_labels
from kdnet.data.volumes.geometry import SAME_PLACE_MM
from kdnet.data.volumes.grid import Volume
from kdnet.errors import DataError
from kdnet.preparation.registration import Alignment, align, check_alignment, matrix

STILL_DEGREES, STILL_MM = 2.0, 2.0  # more is a patient who moved between two scans of one geometry


@dataclass(frozen=True, eq=False)
class Position:
    """Where a scan lies.

    Attributes:
        transform: maps points of the reference to points of the scan, in LPS mm.
        through: name of the scan through which it was found; empty if directly.
    """

    transform: sitk.Transform
    through: str = ""

    @property
    def degrees(self) -> float:
        """Angle of the rotation."""
        trace = float(np.trace(matrix(self.transform)[:3, :3]))
        return math.degrees(math.acos(min(1.0, max(-1.0, (trace - 1) / 2))))


def register(
    volumes: Mapping[str, Volume], names: Mapping[str, str], reference: str, inside: NDArray[np.bool_] | None
) -> dict[str, Position]:
    """Return the positions of the scans that do not lie on the grid of the reference, or whose patient has moved.

    Args:
        volumes: scans by modality.
        names: their names, for messages.
        reference: modality of the reference.
        inside: brain in the reference, bool ``[i, j, k]``; None if it is not known.

    Raises:
        DataError: if a scan can be registered neither directly nor through another.
    """
    fixed = volumes[reference]
    found: dict[str, Position] = {}
    failed: dict[str, DataError] = {}
    for name, volume in volumes.items():
        if volume.grid.matches(fixed.grid, SAME_PLACE_MM):
            if name != reference and inside is not None and (moved := _moved_since(fixed, volume, inside)) is not None:
                found[name] = moved
            continue
        try:
            found[name] = Position(_checked(fixed, volume, inside, names[name], names[reference]).transform)
        except DataError as error:
            failed[name] = error
    direct = dict(found)
    brain = None if inside is None else Volume(inside.astype(np.uint8), fixed.grid)
    for name, problem in failed.items():
        position = _through(volumes, names, name, direct, brain)
        if position is None:
            raise problem
        found[name] = position
    return found


def _moved_since(fixed: Volume, volume: Volume, inside: NDArray[np.bool_]) -> Position | None:
    """Return the position of a raw scan on the grid of the reference if the patient has moved; None if not."""
    try:
        position = Position(_checked(fixed, volume, inside, "", "").transform)
    except DataError:
        return None
    center = fixed.grid.affine @ [*((np.array(fixed.grid.shape) - 1) / 2), 1.0]
    shift = float(np.linalg.norm((matrix(position.transform) @ center - center)[:3]))
    return position if position.degrees > STILL_DEGREES or shift > STILL_MM else None


def _through(
    volumes: Mapping[str, Volume],
    names: Mapping[str, str],
    name: str,
    direct: Mapping[str, Position],
    brain: Volume | None,
) -> Position | None:
    """Return the position of a scan through the first of the registered ones that it fits; None if it fits none."""
    for other, position in direct.items():
        mask = None
        if brain is not None:
            mask = np.asarray(moved_labels(brain, volumes[other].grid, position.transform.GetInverse()).voxels != 0)
        try:
            alignment = _checked(volumes[other], volumes[name], mask, names[name], names[other])
        except DataError:
            continue
        return Position(sitk.CompositeTransform([alignment.transform, position.transform]), other)
    return None


def _checked(fixed: Volume, moving: Volume, inside: NDArray[np.bool_] | None, name: str, fixed_name: str) -> Alignment:
    alignment = align(fixed, moving, inside)
    check_alignment(alignment, name, fixed_name)
    return alignment
