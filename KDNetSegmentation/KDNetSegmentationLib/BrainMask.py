"""The brain mask of a volume as a hidden segmentation that the user can show and correct."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from kdnet.errors import DataError
from KDNetLib.Geometry import affine_of
from KDNetLib.SegmentationNode import BINARY_LABELMAP, show_mask
from slicer.i18n import tr as _
from vtk.util import numpy_support

from KDNetSegmentationLib.Hierarchy import place_with_results
from KDNetSegmentationLib.Lesions import digest
from KDNetSegmentationLib.SceneTags import MASK_ATTRIBUTE, VOLUME_REFERENCE
from KDNetSegmentationLib.Settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

SEGMENT = "Brain"
SAME_MM = 0.1


def brain_node(volumeNode: vtkMRMLScalarVolumeNode) -> vtkMRMLSegmentationNode | None:
    """Return the segmentation of the brain that was extracted from a volume; None if none was."""
    scene = volumeNode.GetScene()
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode", scene=scene) if scene is not None else ()
    return next(
        (
            node
            for node in nodes
            if node.GetAttribute(MASK_ATTRIBUTE) and node.GetNodeReference(VOLUME_REFERENCE) is volumeNode
        ),
        None,
    )


def mask_state(node: vtkMRMLSegmentationNode) -> tuple[object, ...]:
    """Return what changes whenever the mask in a brain node may have changed."""
    segmentation = node.GetSegmentation()
    segments = [segmentation.GetNthSegment(index) for index in range(segmentation.GetNumberOfSegments())]
    images = [segment.GetRepresentation(BINARY_LABELMAP) for segment in segments]
    return (node.GetID(), *(image.GetMTime() for image in images if image is not None))


def is_corrected(node: vtkMRMLSegmentationNode) -> bool:
    """Return whether the user has changed the mask in a brain node since it was found; adds no node to the scene."""
    segment = node.GetSegmentation().GetSegment(SEGMENT)
    image = segment.GetRepresentation(BINARY_LABELMAP) if segment is not None else None
    if image is None or image.GetPointData().GetScalars() is None:
        return True
    low_i, _high_i, low_j, _high_j, low_k, _high_k = image.GetExtent()  # only a box around the mask after an edit
    voxels = numpy_support.vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])
    return _place_digest(voxels == segment.GetLabelValue(), (low_k, low_j, low_i)) != node.GetAttribute(MASK_ATTRIBUTE)


def show_brain(mask: NDArray[np.uint8], volumeNode: vtkMRMLScalarVolumeNode) -> vtkMRMLSegmentationNode:
    """Store the mask ``[k, j, i]`` of a brain that was found in a hidden segmentation beside its volume."""
    name = _("{volume} brain").format(volume=volumeNode.GetName())
    node = show_mask(mask, SEGMENT, volumeNode, brain_node(volumeNode), name)
    node.SetAttribute(MASK_ATTRIBUTE, _place_digest(mask != 0, (0, 0, 0)))
    node.SetNodeReferenceID(VOLUME_REFERENCE, volumeNode.GetID())
    place_with_results(node, volumeNode)
    return node


def mask_of(node: vtkMRMLNode, segment: str, volumeNode: vtkMRMLScalarVolumeNode) -> NDArray[np.uint8]:
    """Return a mask as uint8 ``[k, j, i]`` of 0 and 1 on the grid of a volume.

    Args:
        node: segmentation, or labelmap volume on the grid of the volume.
        segment: ID of a segment; by default, one named "Brain", otherwise the first.
        volumeNode: the volume.

    Raises:
        DataError: if there is no such segment, or a labelmap is on another grid.
    """
    if not node.IsA("vtkMRMLSegmentationNode"):
        return _labelmap_mask(node, volumeNode)
    segmentation = node.GetSegmentation()  # type: ignore[attr-defined]
    names = [segmentation.GetNthSegmentID(index) for index in range(segmentation.GetNumberOfSegments())]
    named = [name for name in names if segmentation.GetSegment(name).GetName().casefold() == SEGMENT.casefold()]
    chosen = segment if segment in names else next(iter([*named, *names]), "")
    part = slicer.util.arrayFromSegmentBinaryLabelmap(node, chosen, volumeNode) if chosen else None
    if part is None:
        raise DataError(_("{name} has no segment: select the segmentation of the brain.").format(name=node.GetName()))
    return (part > 0).astype(np.uint8)


def brain_request(volumeNode: vtkMRMLScalarVolumeNode, settings: Settings, folder: Path) -> dict[str, Any]:
    """Return what to ask the worker about the brain: a mask of the scene, written into ``folder``, or nothing special.

    A mask that was found before and corrected by the user is used unless another mask, or none, is asked for.

    Raises:
        DataError: if a mask is asked for, but none is selected or it does not fit.
    """
    node, segment = settings.brainMask, settings.brainSegment
    if settings.brain != "mask":
        node, segment = brain_node(volumeNode), ""
        if settings.brain == "none" or node is None or not is_corrected(node):
            return {}
    elif node is None:
        raise DataError(_("No brain mask is selected: select its segmentation or labelmap under Preparation."))
    file = folder / "mask.npy"
    np.save(file, mask_of(node, segment, volumeNode), allow_pickle=False)
    return {"brain": "mask", "brain_mask": str(file)}


def _place_digest(mask: NDArray[np.bool_], corner: tuple[int, int, int]) -> str:
    """Return a digest of the places of a mask ``[k, j, i]`` whose first voxel is ``corner``."""
    return digest((np.argwhere(mask) + corner).astype(np.int32))


def _labelmap_mask(node: Any, volumeNode: vtkMRMLScalarVolumeNode) -> NDArray[np.uint8]:
    image, wanted = node.GetImageData(), volumeNode.GetImageData().GetDimensions()
    if image is None or image.GetDimensions() != wanted or _distance(node, volumeNode) > SAME_MM:
        raise DataError(
            _("{mask} has a different geometry than {volume}: import it into a segmentation of that volume.").format(
                mask=node.GetName(), volume=volumeNode.GetName()
            )
        )
    return (slicer.util.arrayFromVolume(node) > 0).astype(np.uint8)


def _distance(node: Any, volumeNode: vtkMRMLScalarVolumeNode) -> float:
    """Return the largest distance of the corners of two volumes of one size in mm."""
    sizes = np.array(volumeNode.GetImageData().GetDimensions()) - 1
    corners = np.array(np.meshgrid(*((0, size) for size in sizes))).reshape(3, -1)
    homogeneous = np.vstack([corners, np.ones(corners.shape[1])])
    difference = (affine_of(node) - affine_of(volumeNode)) @ homogeneous
    return float(np.linalg.norm(difference[:3], axis=0).max())
