"""Places in the subject hierarchy, which is the data tree that users see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

if TYPE_CHECKING:
    from slicer import vtkMRMLNode

DICOM_UID = "DICOM"  # name of the series' UID in the hierarchy


def place_beside(node: vtkMRMLNode, other: vtkMRMLNode) -> None:
    """Move a node to the folder or study of another one, so that results are listed with their scan."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(other.GetScene())
    item, place = (tree.GetItemByDataNode(each) if tree is not None else 0 for each in (node, other))
    if item and place:
        tree.SetItemParent(item, tree.GetItemParent(place))


def series_uid(node: vtkMRMLNode) -> str:
    """Return the UID of the DICOM series that a volume was loaded from; empty if there is none."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    item = tree.GetItemByDataNode(node) if tree is not None else 0
    return str(tree.GetItemUID(item, DICOM_UID)) if item else ""
