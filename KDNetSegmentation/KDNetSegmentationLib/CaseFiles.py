"""Loading a scan and its labelmap from files, as a result in the scene."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import slicer
from kdnet.errors import DataError
from KDNetLib.Geometry import local_affine_of
from KDNetLib.SegmentationNode import center_of, show_labelmap
from slicer.i18n import tr as _

from KDNetSegmentationLib.Hierarchy import place_with_results
from KDNetSegmentationLib.Provenance import record

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

    from KDNetSegmentationLib.Review import ReviewCase

SAME_MM = 0.01


def load_case(case: ReviewCase, model: ModelInfo) -> tuple[vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode]:
    """Load a case; its labelmap becomes a segmentation with the names and colors of the model.

    Raises:
        DataError: if a file is gone, or the scan is a DICOM series; nothing is then loaded.
    """
    if case.scan.is_dir():
        text = _("{scan} is a DICOM series: load it from the DICOM database to look at it.")
        raise DataError(text.format(scan=case.scan))
    for file in (case.scan, case.labelmap):
        if not file.is_file():
            raise DataError(_("{file} is missing: segment the folder again.").format(file=file))
    labelmap = slicer.util.loadVolume(str(case.labelmap), {"show": False, "labelmap": True})
    volume = None
    try:
        volume = slicer.util.loadVolume(str(case.scan), {"show": False})
        same = labelmap.GetImageData().GetDimensions() == volume.GetImageData().GetDimensions()
        if not same or np.abs(local_affine_of(labelmap) - local_affine_of(volume)).max() > SAME_MM:
            text = _("{labelmap} is not on the grid of {scan}: segment the folder again.")
            raise DataError(text.format(labelmap=case.labelmap, scan=case.scan))
        voxels = slicer.util.arrayFromVolume(labelmap).astype(np.uint8)
        node = show_labelmap(voxels, model.labels, volume)
    except DataError:
        if volume is not None:
            slicer.mrmlScene.RemoveNode(volume)
        raise
    finally:
        slicer.mrmlScene.RemoveNode(labelmap)
    record(node, model, "", ())
    place_with_results(node, volume)
    center = center_of(voxels, volume)
    if center is not None:
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *center)
    return volume, node
