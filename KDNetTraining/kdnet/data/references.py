"""Read expert segmentations: integer labels, on the image's grid, in values of the label table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kdnet.data.dataset import Case
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from kdnet.foreign import reading
from kdnet.schema.labels import IGNORED, LabelTable

ROUNDING = 1e-3  # of a label that was stored scaled or resampled as a float; 0.5 is not a label


def read_reference(case: Case, labels: LabelTable) -> Volume:
    """Read the expert's labelmap of ``case`` in values of ``labels``, uint8, on its original grid.

    Raises:
        DataError: if there is no reference, or it holds values that are not in the table.
    """
    if case.reference is None:
        raise DataError(f"case {case.name} has no reference segmentation: add one or exclude the case.")
    path = case.reference.path
    with reading(path, "export it again or exclude the case"):
        volume = read_volume(path, case.reference.component)
        voxels = whole_labels(volume.voxels, path)
        found = np.unique(voxels)
        known = known_values(case.value_map, labels)
        mapped = [case.value_map.get(int(value), int(value)) for value in found]
        unknown = [
            v for v, target in zip(found, mapped, strict=True) if target not in known and (v == target or target != IGNORED)
        ]
        if unknown:
            raise DataError(f"{path} contains the unknown label {unknown[0]}: correct it or exclude the case.")
        table = np.zeros(int(found.max(initial=0)) + 1, dtype=np.uint8)
        table[found] = mapped
        return Volume(table[voxels], volume.grid)


def known_values(value_map: Mapping[int, int], labels: LabelTable) -> set[int]:
    """Return the valid values of a mapped reference."""
    return {0, *(label.value for label in labels.labels), *({IGNORED} & set(value_map.values()))}


def label_values(voxels: NDArray[np.generic]) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return the integer values of a labelmap, without rounding errors, and the non-integer ones; both without 0."""
    found = np.unique(voxels)
    if np.issubdtype(found.dtype, np.integer):
        return tuple(int(value) for value in found if value), ()
    rounded = np.rint(found.astype(np.float64))
    whole = np.abs(found - rounded) <= ROUNDING
    return tuple(sorted({int(value) for value in rounded[whole]} - {0})), tuple(float(value) for value in found[~whole])


def lesion_sizes(voxels: NDArray[np.generic], spacing: Sequence[float]) -> tuple[float, ...]:
    """Return the volumes in mm^3 of the connected components of a labelmap ``[i, j, k]``, smallest first.

    Parts that touch at a corner are one component, whatever their labels.
    """
    drawn = voxels != 0
    box = ndimage.find_objects(drawn.astype(np.uint8))
    if not box:
        return ()
    parts, _ = ndimage.label(drawn[box[0]], np.ones((3, 3, 3)))
    counts = np.sort(np.bincount(parts.ravel())[1:])
    return tuple(round(float(count) * prod(spacing), 3) for count in counts)


def whole_labels(voxels: NDArray[np.generic], path: Path) -> NDArray[Any]:
    """Round values that are integers except for rounding errors.

    Args:
        voxels: voxels of a labelmap, of any scalar type.
        path: path of the file, for the message.

    Raises:
        DataError: for a value that is not an integer.
    """
    if np.issubdtype(voxels.dtype, np.integer):
        return voxels
    rounded = np.rint(voxels.astype(np.float64))
    off = np.abs(voxels - rounded) > ROUNDING
    if off.any():
        raise DataError(f"{path} contains the unknown label {voxels[off][0]:g}: correct it or exclude the case.")
    return np.asarray(rounded.astype(np.int64))
