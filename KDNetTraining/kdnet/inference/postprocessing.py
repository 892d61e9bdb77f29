"""Measure volumes in milliliters and remove islands that are too small."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk

from kdnet.data.volumes.grid import Volume
from kdnet.schema.labels import LabelTable
from kdnet.schema.segmentation import RegionVolume


def measure(labelmap: Volume, labels: LabelTable) -> tuple[RegionVolume, ...]:
    """Return the volume of every label, then of every region that combines labels, in mL."""
    per_voxel = abs(float(np.linalg.det(labelmap.grid.affine[:3, :3]))) / 1000
    counts = np.bincount(np.asarray(labelmap.voxels).ravel(), minlength=256)
    amounts = [RegionVolume(label.name, float(counts[label.value]) * per_voxel) for label in labels.labels]
    for region in labels.regions:
        if len(region.values) > 1:
            amounts.append(RegionVolume(region.name, float(sum(counts[value] for value in region.values)) * per_voxel))
    return tuple(amounts)


def remove_islands(labelmap: Volume, smallest: float) -> Volume:
    """Clear connected islands (of any labels combined) smaller than ``smallest`` mm³."""
    voxels = np.asarray(labelmap.voxels)
    per_voxel = abs(float(np.linalg.det(labelmap.grid.affine[:3, :3])))
    islands = sitk.ConnectedComponent(sitk.GetImageFromArray((voxels > 0).astype(np.uint8)), True)
    voxel_count = min(np.ceil(smallest / per_voxel), voxels.size + 1.0)  # above the whole volume, all is cleared
    kept = sitk.RelabelComponent(islands, minimumObjectSize=int(voxel_count))
    return Volume(np.where(sitk.GetArrayViewFromImage(kept) > 0, voxels, 0).astype(np.uint8), labelmap.grid)
