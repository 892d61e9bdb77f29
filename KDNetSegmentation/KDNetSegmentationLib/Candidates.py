"""Volumes of the scene that may be segmented."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer
from kdnet.schema.modalities import file_part
from kdnet.schema.patients import patient_of
from slicer.i18n import tr as _

from KDNetSegmentationLib.Hierarchy import patient_in_tree
from KDNetSegmentationLib.ModelRanking import ScanKind
from KDNetSegmentationLib.SceneTags import MAP_ATTRIBUTE, MASK_ATTRIBUTE

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode


def candidate_volumes() -> list[vtkMRMLScalarVolumeNode]:
    """Return scalar volumes with voxels: first the displayed one, then the others in loading order."""
    shown = _shown_volume()
    nodes = [node for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode") if is_candidate(node)]
    return sorted(nodes, key=lambda node: node.GetID() != shown)


def is_candidate(node: vtkMRMLNode) -> bool:
    """Return whether a node is a scan that may be segmented: no labelmap, color image, map or hidden volume."""
    if node.GetClassName() != "vtkMRMLScalarVolumeNode" or node.GetHideFromEditors():
        return False
    return not node.GetAttribute(MAP_ATTRIBUTE) and not scan_problem(node)  # type: ignore[arg-type]


def scan_problem(node: vtkMRMLScalarVolumeNode) -> str:
    """Return why a volume cannot be segmented, with a remedy; empty if it can."""
    image = node.GetImageData()
    if image is None or image.GetNumberOfPoints() == 0:
        return _("{name} has no voxels: select another volume.").format(name=node.GetName())
    if image.GetNumberOfScalarComponents() != 1:
        text = _("{name} has {count} values per voxel, like a color image: select a volume with one.")
        return text.format(name=node.GetName(), count=image.GetNumberOfScalarComponents())
    return ""


def hidden_from_lists() -> tuple[list[str], list[str]]:
    """Return the IDs of maps, which are no scans, and of brain masks, which are no results."""
    volumes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    segmentations = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    tagged = ((volumes, MAP_ATTRIBUTE), (segmentations, MASK_ATTRIBUTE))
    maps, masks = ([node.GetID() for node in nodes if node.GetAttribute(tag)] for nodes, tag in tagged)
    return maps, masks


def kind_of(node: vtkMRMLScalarVolumeNode) -> ScanKind:
    """Return what a volume appears to be."""
    from KDNetSegmentationLib.Volumes import guess_modality, is_synthetic  # noqa: PLC0415 - needs numpy

    return ScanKind(guess_modality(node), is_synthetic(node))


def patient_of_volume(node: vtkMRMLScalarVolumeNode) -> str:
    """Return what identifies the patient of a volume: the data tree, else its name; empty if neither is known."""
    patient = patient_in_tree(node)
    part = file_part(node.GetName() or "")
    return patient or (patient_of(part.case) if part is not None and part.case else "")


def _shown_volume() -> str:
    """Return the ID of the volume in the red slice view, else of the active one; empty if there is none."""
    red = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceCompositeNode")
    shown = red.GetBackgroundVolumeID() if red is not None else None
    return shown or slicer.app.applicationLogic().GetSelectionNode().GetActiveVolumeID() or ""
