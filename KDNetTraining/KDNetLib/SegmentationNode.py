"""Conversion of a labelmap and label table to a segmentation node on exactly the volume's grid."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from kdnet.errors import DataError
from kdnet.schema.former_names import current_name
from kdnet.schema.labels import brats_labels
from vtk.util import numpy_support

from KDNetLib.Geometry import voxel_milliliters
from KDNetLib.Translation import _

if TYPE_CHECKING:
    from kdnet.schema.labels import Label, LabelTable
    from numpy.typing import NDArray
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

# Contexts of the terminologies that ship with Slicer; with the codes they form a segment's terminology entry.
TERMINOLOGY_CONTEXT = "Segmentation category and type - DICOM master list"
ANATOMY_CONTEXT = "Anatomic codes - DICOM master list"
BINARY_LABELMAP, CLOSED_SURFACE = "Binary labelmap", "Closed surface"
LABEL_TAG = "KDNet.label"  # tag of a segment: the name of its label
MASK_COLOR = (250, 250, 225)  # as Slicer colors the brain
OUTER_OPACITY = 0.4  # in 3D views


def show_labelmap(
    voxels: NDArray[np.uint8],
    labels: LabelTable,
    volumeNode: vtkMRMLScalarVolumeNode,
    segmentationNode: vtkMRMLSegmentationNode | None = None,
    name: str = "",
) -> vtkMRMLSegmentationNode:
    """Import a labelmap of ``volumeNode`` into a segmentation node of the same scene.

    Every label becomes a segment, even if it is absent, so that the segments table is always the same. All
    segments share one labelmap with the geometry of the volume, which makes the import cheap.

    Args:
        voxels: label values, uint8 ``[k, j, i]`` (the order of ``slicer.util.arrayFromVolume``) on the grid of the volume.
        labels: what the values mean.
        volumeNode: the segmented volume; its parent transform is reused.
        segmentationNode: node whose content is replaced, None for a new node.
        name: name of a new node.

    Returns:
        The segmentation node.

    Raises:
        ValueError: if the labelmap is not on the grid of the volume; nothing is then changed.
    """
    shape = volumeNode.GetImageData().GetDimensions()[::-1]
    if voxels.shape != shape:
        raise ValueError(f"the labelmap has shape {voxels.shape}, but {volumeNode.GetName()} has {shape}.")
    image = _oriented_image(voxels, volumeNode)
    node = segmentationNode or _new_node(volumeNode, name or f"{volumeNode.GetName()} segmentation")
    node.CreateDefaultDisplayNodes()
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    segmentation = node.GetSegmentation()
    has_surfaces = segmentation.ContainsRepresentation(CLOSED_SURFACE)
    segmentation.RemoveAllSegments()
    segmentation.SetSourceRepresentationName(BINARY_LABELMAP)
    for label in labels.labels:
        segmentation.AddSegment(_segment(label, image), segment_id(label))
        node.GetDisplayNode().SetSegmentOpacity3D(segment_id(label), _opacity_3d(label, labels))
    if has_surfaces:
        node.CreateClosedSurfaceRepresentation()
    return node


def show_mask(
    mask: NDArray[np.uint8],
    name: str,
    volumeNode: vtkMRMLScalarVolumeNode,
    segmentationNode: vtkMRMLSegmentationNode | None,
    nodeName: str,
) -> vtkMRMLSegmentationNode:
    """Import a mask of ``volumeNode`` as the only segment of a hidden segmentation node of the same scene.

    Args:
        mask: 0 outside, any other value inside, ``[k, j, i]`` on the grid of the volume.
        name: name and ID of the segment.
        volumeNode: the volume; its parent transform is reused.
        segmentationNode: node whose content is replaced, None for a new node.
        nodeName: name of a new node.
    """
    node = segmentationNode or _new_node(volumeNode, nodeName)
    node.CreateDefaultDisplayNodes()
    node.SetDisplayVisibility(False)  # before it has content, which views would draw
    node.SetReferenceImageGeometryParameterFromVolumeNode(volumeNode)
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    segment = slicer.vtkSegment()
    segment.SetName(name)
    segment.SetColor(*(part / 255 for part in MASK_COLOR))
    segment.AddRepresentation(BINARY_LABELMAP, _oriented_image((mask != 0).astype(np.uint8), volumeNode))
    segmentation = node.GetSegmentation()
    segmentation.RemoveAllSegments()
    segmentation.SetSourceRepresentationName(BINARY_LABELMAP)
    segmentation.AddSegment(segment, name)
    return node


def _new_node(volumeNode: vtkMRMLScalarVolumeNode, name: str) -> vtkMRMLSegmentationNode:
    """Add a segmentation node to the scene of a volume."""
    scene = volumeNode.GetScene()
    assert scene is not None
    unique = scene.GenerateUniqueName(name)
    node: vtkMRMLSegmentationNode = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", unique)
    return node


def _opacity_3d(label: Label, labels: LabelTable) -> float:
    """Return the 3D opacity; labels only in the largest region are translucent, because they enclose the others."""
    depth = {item.value: sum(item.value in region.values for region in labels.regions) for item in labels.labels}
    return OUTER_OPACITY if depth[label.value] < max(depth.values()) and depth[label.value] == min(depth.values()) else 1.0


def segment_id(label: Label) -> str:
    """Return the ID of a label's segment, the same in every segmentation of a model."""
    return f"label_{label.value}"


def volumes_in_milliliters(
    voxels: NDArray[np.uint8], labels: LabelTable, volumeNode: vtkMRMLScalarVolumeNode
) -> dict[str, float]:
    """Compute the volume in mL, by name, of every label, then of every region of several labels."""
    return {region.name: region.milliliters for region in labels.volumes(voxels, voxel_milliliters(volumeNode))}


def center_of(voxels: NDArray[np.uint8], volumeNode: vtkMRMLScalarVolumeNode) -> tuple[float, float, float] | None:
    """Return the point, in world coordinates, whose three slices show the most of a labelmap ``[k, j, i]``."""
    counts = [np.count_nonzero(voxels, axis=others) for others in ((1, 2), (0, 2), (0, 1))]
    if not counts[0].any():
        return None
    k, j, i = (int(count.argmax()) for count in counts)
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    local = matrix.MultiplyPoint((i, j, k, 1))[:3]
    world = [0.0, 0.0, 0.0]
    volumeNode.TransformPointToWorld(local, world)
    return world[0], world[1], world[2]


def _oriented_image(voxels: NDArray[np.uint8], volumeNode: vtkMRMLScalarVolumeNode) -> Any:
    image = slicer.vtkOrientedImageData()
    image.SetDimensions(voxels.shape[::-1])
    scalars = numpy_support.numpy_to_vtk(np.ascontiguousarray(voxels, dtype=np.uint8).ravel(), deep=True)
    scalars.SetName("ImageScalars")
    image.GetPointData().SetScalars(scalars)
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    return image


def _segment(label: Label, image: Any) -> Any:
    segment = slicer.vtkSegment()
    segment.SetName(label.name)
    segment.SetColor(*(part / 255 for part in label.color))
    segment.SetLabelValue(label.value)
    segment.SetTag(LABEL_TAG, label.name)
    segment.AddRepresentation(BINARY_LABELMAP, image)
    if label.terminology is not None:
        segment.SetTag(segment.GetTerminologyEntryTagName(), terminology_entry(label))
    return segment


def _label_name(segment: Any) -> str:
    """Return the name of the label that a segment was created for; empty for other segments."""
    value = vtk.mutable("")
    return str(value) if segment.GetTag(LABEL_TAG, value) else ""


def terminology_entry(label: Label) -> str:
    """Serialize a label's codes as Slicer does: context, category, type, modifier, then anatomy, joined by ``~``."""
    assert label.terminology is not None
    codes = [label.terminology.category, label.terminology.type]
    serialized = ["^".join((code.scheme, code.value, code.meaning)) for code in codes]
    return "~".join([TERMINOLOGY_CONTEXT, *serialized, "^^", ANATOMY_CONTEXT, "^^", "^^"])


def labelmap_of(
    segmentationNode: vtkMRMLSegmentationNode, labels: LabelTable, volumeNode: vtkMRMLScalarVolumeNode
) -> NDArray[np.uint8]:
    """Return the labelmap ``[k, j, i]`` of a segmentation on the grid of ``volumeNode``.

    Segments are assigned to labels by ID or name, regardless of order; if no name is known, as in a
    labelmap loaded without names (``Segment_2``), by the value in their name. Where they overlap, the later one wins.

    Raises:
        DataError: if no segment matches a label.
    """
    voxels = np.zeros(volumeNode.GetImageData().GetDimensions()[::-1], np.uint8)
    for name, label in labeled_segments(segmentationNode, labels):
        part = slicer.util.arrayFromSegmentBinaryLabelmap(segmentationNode, name, volumeNode)
        if part is not None:
            voxels[part > 0] = label.value
    return voxels


def replace_labels(
    segmentationNode: vtkMRMLSegmentationNode,
    labels: LabelTable,
    voxels: NDArray[np.uint8],
    volumeNode: vtkMRMLScalarVolumeNode,
    values: Iterable[int],
) -> None:
    """Replace the voxels of labels in a segmentation; its other segments, names and display stay as they are.

    Args:
        segmentationNode: segmentation of ``volumeNode``.
        labels: what the values mean.
        voxels: label values, uint8 ``[k, j, i]``.
        volumeNode: the segmented volume.
        values: values of the labels to replace; labels without a segment are left out.

    Raises:
        DataError: if no segment matches a label.
    """
    wanted, segmentation = set(values), segmentationNode.GetSegmentation()
    changed = [(name, label) for name, label in labeled_segments(segmentationNode, labels) if label.value in wanted]
    for name, label in changed:
        image = _oriented_image((voxels == label.value).astype(np.uint8), volumeNode)
        slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(image, segmentationNode, name)
    if segmentation.ContainsRepresentation(CLOSED_SURFACE):
        segmentationNode.RemoveClosedSurfaceRepresentation()
        segmentationNode.CreateClosedSurfaceRepresentation()
    for name, _label in changed[-1:]:  # Slicer announces no change if a segment is empty then
        segmentation.InvokeEvent(segmentation.SourceRepresentationModified, name)


def labeled_segments(segmentationNode: vtkMRMLSegmentationNode, labels: LabelTable) -> list[tuple[str, Label]]:
    """Return the ID of each segment that is a label, with the label, in the order of the segments.

    Raises:
        DataError: if no segment matches a label.
    """
    segmentation = segmentationNode.GetSegmentation()
    identifiers = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    names = [segmentation.GetSegment(identifier).GetName() for identifier in identifiers]
    made = [_label_name(segmentation.GetSegment(identifier)) for identifier in identifiers]
    found = [_label_of(*segment, labels) for segment in zip(identifiers, names, made, strict=True)]
    if not any(found):
        values = [_value_in(name) for name in names]
        if labels == brats_labels() and 3 not in values:  # until 2021 enhancing tumor was 4; with 3 it is something else
            values = [3 if value == 4 else value for value in values]
        found = [next((label for label in labels.labels if label.value == value), None) for value in values]
    if not any(found):
        wanted = ", ".join(label.name for label in labels.labels)
        message = _("{name} has no segment named {wanted}: rename its segments.")
        raise DataError(message.format(name=segmentationNode.GetName(), wanted=wanted))
    return [(name, label) for name, label in zip(identifiers, found, strict=True) if label is not None]


def _label_of(identifier: str, name: str, created_for: str, labels: LabelTable) -> Label | None:
    for label in labels.labels:
        if current_name(name).casefold() == label.name.casefold():
            return label
    # renamed by the user: use the ID, unless the segment was created for another label with this value
    found = next((label for label in labels.labels if identifier == segment_id(label)), None)
    return found if found is not None and current_name(created_for) in ("", found.name) else None


def _value_in(name: str) -> int:
    """Return the value at the end of a default segment name in Slicer; 0 if there is none."""
    match = re.fullmatch(r"(?:segment|label)[ _](\d+)", name.casefold())
    return int(match[1]) if match else 0
