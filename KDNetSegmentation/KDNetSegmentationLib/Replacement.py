"""A hidden copy of a segmentation whose content is about to be replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from KDNetSegmentationLib.Hierarchy import place_with_results
from KDNetSegmentationLib.ScanResults import scan_node_of

if TYPE_CHECKING:
    from slicer import vtkMRMLSegmentationNode


def keep_copy(node: vtkMRMLSegmentationNode) -> vtkMRMLSegmentationNode | None:
    """Copy a segmentation with its segments, hidden, beside it; return None if it has no segments."""
    scene = node.GetScene()
    if scene is None or node.GetSegmentation().GetNumberOfSegments() == 0:
        return None
    name = scene.GenerateUniqueName(_("{name} before").format(name=node.GetName()))
    copy: vtkMRMLSegmentationNode = scene.AddNewNodeByClass("vtkMRMLSegmentationNode", name)
    copy.CreateDefaultDisplayNodes()
    copy.SetDisplayVisibility(False)  # before it has content, which views would draw
    copy.CopyContent(node, True)
    copy.SetName(name)
    copy.SetAndObserveTransformNodeID(node.GetTransformNodeID())
    scan = scan_node_of(node)
    if scan is not None:
        copy.SetNodeReferenceID(node.GetReferenceImageGeometryReferenceRole(), scan.GetID())
        place_with_results(copy, scan)
    return copy
