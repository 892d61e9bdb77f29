"""A corrected segmentation of the scene as a labelmap to train on, with the checks that only the scene allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from kdnet.errors import DataError
from KDNetLib.Geometry import local_affine_of
from KDNetLib.SegmentationNode import BINARY_LABELMAP, labeled_segments, labelmap_of
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from kdnet.schema.labels import LabelTable
    from numpy.typing import NDArray
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

SAME_MM = 0.1
SAME_STEP = 1e-3  # relative difference of the axes


def corrected_labelmap(
    node: vtkMRMLSegmentationNode, labels: LabelTable, volumeNode: vtkMRMLScalarVolumeNode
) -> NDArray[np.uint8]:
    """Return the labelmap ``[k, j, i]`` of a segmentation on the grid of its scan, whatever tool it was made with.

    Raises:
        DataError: if it was made for another scan, or a segment that is not empty is none of the labels.
    """
    check_scan(node, volumeNode)
    segmentation = node.GetSegmentation()
    identifiers = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    filled = [identifier for identifier in identifiers if _is_filled(node, identifier, volumeNode)]
    if not filled:
        return np.zeros(volumeNode.GetImageData().GetDimensions()[::-1], np.uint8)
    known = [identifier for identifier, _label in labeled_segments(node, labels)]
    for identifier in filled:
        if identifier not in known:
            text = _('{name} has the segment "{segment}", which is none of {labels}: rename it, or delete it.')
            listed = ", ".join(label.name for label in labels.labels)
            segment = segmentation.GetSegment(identifier).GetName()
            raise DataError(text.format(name=node.GetName(), segment=segment, labels=listed))
    return labelmap_of(node, labels, volumeNode)


def check_scan(node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode) -> None:
    """Check that a segmentation was made on the grid of a scan.

    Raises:
        DataError: if it was not.
    """
    role = slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole()
    source: Any = node.GetNodeReference(role)
    if source is volumeNode:
        return
    text = _(
        "{name} was made for {source}, whose geometry is not that of {volume}: choose the segmentation of that scan, or"
        " set {volume} as its source geometry in Segment Editor."
    )
    if source is not None and source.GetImageData() is not None:
        same, title = _same_grid(source, volumeNode), source.GetName()
    else:
        same, title = _fits(node, volumeNode), _("another scan")
    if not same:
        raise DataError(text.format(name=node.GetName(), source=title, volume=volumeNode.GetName()))


def _is_filled(node: vtkMRMLSegmentationNode, identifier: str, volumeNode: vtkMRMLScalarVolumeNode) -> bool:
    voxels = slicer.util.arrayFromSegmentBinaryLabelmap(node, identifier, volumeNode)
    return voxels is not None and bool(voxels.any())


def _same_grid(first: Any, second: Any) -> bool:
    """Check whether two volumes have the same voxels, by the corners of both."""
    sizes = first.GetImageData().GetDimensions()
    if sizes != second.GetImageData().GetDimensions():
        return False
    corners = np.array(np.meshgrid(*((0, size - 1) for size in sizes))).reshape(3, -1)
    homogeneous = np.vstack([corners, np.ones(corners.shape[1])])
    difference = (local_affine_of(first) - local_affine_of(second)) @ homogeneous
    return float(np.linalg.norm(difference[:3], axis=0).max()) <= SAME_MM


def _fits(node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode) -> bool:
    """Check whether the voxels of a segmentation whose scan is not known are among those of a volume."""
    image = _geometry(node)
    if image is None:
        return True  # it is empty
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    own, wanted = slicer.util.arrayFromVTKMatrix(matrix), local_affine_of(volumeNode)
    if np.abs(own[:3, :3] - wanted[:3, :3]).max() > SAME_STEP * np.abs(wanted[:3, :3]).max():
        return False
    extent = np.array(image.GetExtent()).reshape(3, 2)
    corners = np.vstack([extent, [1, 1]])
    places = (np.linalg.inv(wanted) @ own @ corners)[:3]
    sizes = np.array(volumeNode.GetImageData().GetDimensions())
    whole = np.abs(places - np.rint(places)).max() < SAME_MM
    return bool(whole and (np.rint(places) >= 0).all() and (np.rint(places[:, 1]) < sizes).all())


def _geometry(node: vtkMRMLSegmentationNode) -> Any:
    """Return an image with the extent of the segments that are not empty; None without any."""
    segmentation = node.GetSegmentation()
    for index in range(segmentation.GetNumberOfSegments()):
        image = segmentation.GetNthSegment(index).GetRepresentation(BINARY_LABELMAP)
        if image is not None and image.GetPointData().GetScalars() is not None:
            return image
    return None
