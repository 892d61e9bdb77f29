"""Volumes of the segments of a segmentation as it is now, also of those that the user added or renamed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import slicer
from kdnet.errors import DataError

from KDNetLib.Geometry import voxel_milliliters
from KDNetLib.SegmentationNode import labeled_segments

if TYPE_CHECKING:
    from kdnet.schema.labels import Label, LabelTable
    from numpy.typing import NDArray
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode


def segment_volumes(
    node: vtkMRMLSegmentationNode, labels: LabelTable | None, volumeNode: vtkMRMLScalarVolumeNode
) -> dict[str, float]:
    """Measure in mL, by name: the segments of a model's labels, other segments, then the regions of several labels.

    Args:
        node: the segmentation, on any grid.
        labels: labels of the model that made it; None if that is not known, so that only segments are measured.
        volumeNode: volume whose grid and transform are used. Its voxels are counted where they lie in the scene.
    """
    milliliters = voxel_milliliters(volumeNode)
    known = _known(node, labels)
    merged = np.zeros(volumeNode.GetImageData().GetDimensions()[::-1], np.uint8)
    ofLabels: dict[int, tuple[str, float]] = {}  # label value to current name and amount
    others: list[tuple[str, float]] = []
    segmentation = node.GetSegmentation()
    for index in range(segmentation.GetNumberOfSegments()):
        identifier, name = segmentation.GetNthSegmentID(index), segmentation.GetNthSegment(index).GetName()
        inside = _inside(node, identifier, volumeNode)
        amount = milliliters * int(np.count_nonzero(inside))
        label = known.get(identifier)
        if label is None:
            others.append((name, amount))
        else:
            merged[inside] = label.value
            ofLabels[label.value] = name, amount
    if labels is None or not known:
        return _distinct(others)
    rows = [ofLabels.get(label.value, (label.name, 0.0)) for label in labels.labels]
    regions = labels.volumes(merged, milliliters)[len(labels.labels) :]
    return _distinct([*rows, *others, *((region.name, region.milliliters) for region in regions)])


def foreign_segments(node: vtkMRMLSegmentationNode, labels: LabelTable) -> list[str]:
    """Return the names of the segments that are no labels of ``labels``, such as those that the user added."""
    known, segmentation = _known(node, labels), node.GetSegmentation()
    identifiers = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    return [segmentation.GetSegment(identifier).GetName() for identifier in identifiers if identifier not in known]


def _known(node: vtkMRMLSegmentationNode, labels: LabelTable | None) -> dict[str, Label]:
    """Return the label of each segment ID that has one."""
    try:
        return dict(labeled_segments(node, labels)) if labels is not None else {}
    except DataError:  # made with another model
        return {}


def _inside(node: vtkMRMLSegmentationNode, identifier: str, volumeNode: vtkMRMLScalarVolumeNode) -> NDArray[np.bool_]:
    """Return the mask ``[k, j, i]`` of a segment on the grid of the volume."""
    part = slicer.util.arrayFromSegmentBinaryLabelmap(node, identifier, volumeNode)
    if part is None:
        return np.zeros(volumeNode.GetImageData().GetDimensions()[::-1], np.bool_)
    return np.asarray(part > 0)


def _distinct(rows: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Return rows by name; a name that was used before gets a number."""
    result: dict[str, float] = {}
    for name, amount in rows:
        unique, number = name, 1
        while unique in result:
            number += 1
            unique = f"{name} ({number})"
        result[unique] = amount
    return result
