"""Voxels that the worker and its parent exchange: ``.npy`` files with axes ``[k, j, i]``, as Slicer has them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import check_volume
from kdnet.errors import DataError


def received_volume(item: Mapping[str, Any]) -> Volume:
    """Open a scan that the parent describes by ``name``, ``file`` and ``affine`` (IJK to RAS).

    Raises:
        DataError: if it is not a scan that can be segmented.
    """
    volume, name = received_array(item), str(item["name"])
    if np.issubdtype(volume.voxels.dtype, np.floating) and not np.isfinite(volume.voxels).all():
        raise DataError(f"{name} contains NaN or infinite values: export the volume again without them.")
    check_volume(volume, name)
    return volume


def received_array(item: Mapping[str, Any]) -> Volume:
    """Open an array of any content, such as a labelmap, that the parent describes by ``name``, ``file`` and ``affine``.

    Raises:
        DataError: if it does not have three dimensions.
    """
    voxels = np.load(item["file"], mmap_mode="r", allow_pickle=False).T
    if voxels.ndim != 3:
        raise DataError(f"{item['name']} has {voxels.ndim} dimensions: choose a 3D volume with one value per voxel.")
    i, j, k = voxels.shape
    return Volume(voxels, Grid((i, j, k), np.array(item["affine"], dtype=np.float64)))


def sent_array(path: Path, volume: Volume) -> str:
    """Write voxels for the parent; return the path."""
    np.save(path, np.ascontiguousarray(volume.voxels.T), allow_pickle=False)
    return str(path)
