"""Places in the subject hierarchy, which is the data tree that users see."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import slicer
import vtk
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from slicer import vtkMRMLNode

PATIENT = "Patient"  # level of an item in the hierarchy
DICOM_UID = "DICOM"  # name of the series' UID in the hierarchy
FOLDER, SCAN_TAG = "KDNet.results", "KDNet.scan"  # attributes of a folder and of its scan, with the same value


def place_with_results(node: vtkMRMLNode, scan: vtkMRMLNode) -> None:
    """Move what was made from a scan into the folder of its results, which lies beside the scan, in the patient's study."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scan.GetScene())
    item, place = (tree.GetItemByDataNode(each) if tree is not None else 0 for each in (node, scan))
    if item and place:
        tree.SetItemParent(item, _results_folder(tree, place, scan))


def _results_folder(tree: Any, place: int, scan: vtkMRMLNode) -> int:
    """Return the folder of a scan's results, a new one if it is not beside the scan."""
    parent, children = tree.GetItemParent(place), vtk.vtkIdList()
    tree.GetItemChildren(parent, children)
    for index in range(children.GetNumberOfIds()):
        child = children.GetId(index)
        if tree.HasItemAttribute(child, FOLDER) and tree.GetItemAttribute(child, FOLDER) == _tag(scan):
            return int(child)
    folder = tree.CreateFolderItem(parent, _("{scan} results").format(scan=scan.GetName()))
    tree.SetItemAttribute(folder, FOLDER, _tag(scan))
    return int(folder)


def _tag(scan: vtkMRMLNode) -> str:
    """Return what identifies a scan in the scene; unlike a node ID, it stays when scenes are merged."""
    tag = scan.GetAttribute(SCAN_TAG)
    if not tag:
        tag = uuid.uuid4().hex
        scan.SetAttribute(SCAN_TAG, tag)
    return tag


def patient_in_tree(node: vtkMRMLNode) -> str:
    """Return what identifies the patient that a node is listed under; empty if it is not."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    item = tree.GetItemByDataNode(node) if tree is not None else 0
    patient = tree.GetItemAncestorAtLevel(item, PATIENT) if item else 0
    return f"item {patient}" if patient else ""


def series_uid(node: vtkMRMLNode) -> str:
    """Return the UID of the DICOM series that a volume was loaded from; empty if there is none."""
    tree = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(node.GetScene())
    item = tree.GetItemByDataNode(node) if tree is not None else 0
    return str(tree.GetItemUID(item, DICOM_UID)) if item else ""
