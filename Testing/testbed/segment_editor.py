"""Corrections as the user makes them: through the logic of Segment Editor, with its masking and overwriting."""

from __future__ import annotations

from typing import Any

import numpy as np
import slicer
from KDNetLib.SegmentationNode import _oriented_image


def paint(node: Any, volume: Any, segment: str, where: Any, *, erase: bool = False) -> None:
    """Paint or erase voxels in a segment.

    Args:
        node: the segmentation.
        volume: its scan.
        segment: ID of the segment.
        where: index of the voxels ``[k, j, i]``.
        erase: erase instead of paint.
    """
    brush = np.zeros(volume.GetImageData().GetDimensions()[::-1], np.uint8)
    brush[where] = 1
    settings = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentEditorNode")
    settings.SetOverwriteMode(settings.OverwriteAllSegments)
    logic = slicer.vtkSlicerSegmentEditorLogic()
    logic.SetMRMLScene(slicer.mrmlScene)
    logic.SetSegmentEditorNode(settings)
    logic.SetSegmentationNode(node)
    logic.SetSourceVolumeNode(volume)
    logic.SetCurrentSegmentID(segment)
    mode = logic.ModificationModeRemove if erase else logic.ModificationModeAdd
    logic.ModifySegmentByLabelmap(node, segment, _oriented_image(brush, volume), mode, False, True)
    slicer.mrmlScene.RemoveNode(settings)
