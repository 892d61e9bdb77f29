"""Measure volumes in milliliters and remove components that are too small."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from kdnet.data.volumes.grid import Volume
from kdnet.schema.labels import LabelTable
from kdnet.schema.segmentation import RegionVolume


def measure(labelmap: Volume, labels: LabelTable) -> tuple[RegionVolume, ...]:
    """Return the volume of every label, then of every region that combines labels, in mL."""
    return labels.volumes(np.asarray(labelmap.voxels), labelmap.grid.voxel_ml)


def remove_small_components(labelmap: Volume, smallest: float) -> Volume:
    """Clear connected components (of any labels combined) smaller than ``smallest`` mm³; 0 keeps all.

    The labelmap itself is returned if nothing is to be cleared.
    """
    if not smallest:
        return labelmap
    voxels = np.asarray(labelmap.voxels)
    components = sitk.ConnectedComponent(sitk.GetImageFromArray((voxels > 0).astype(np.uint8)), True)
    voxel_count = min(
        np.ceil(smallest / labelmap.grid.voxel_mm3), voxels.size + 1.0
    )  # above the whole volume, all is cleared
    kept = sitk.RelabelComponent(components, minimumObjectSize=int(voxel_count))
    return Volume(np.where(sitk.GetArrayViewFromImage(kept) > 0, voxels, 0).astype(np.uint8), labelmap.grid)
