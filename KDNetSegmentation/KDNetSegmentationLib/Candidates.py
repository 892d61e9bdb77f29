"""Volumes of the scene that may be segmented."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode

MAP_ATTRIBUTE = "KDNet.map"  # attribute of the probability and uncertainty volumes that the extension adds


def candidate_volumes() -> list[vtkMRMLScalarVolumeNode]:
    """Return scalar volumes with voxels: first the displayed one, then the others in loading order."""
    shown = slicer.app.applicationLogic().GetSelectionNode().GetActiveVolumeID()
    nodes = [
        node
        for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
        if not node.IsA("vtkMRMLLabelMapVolumeNode")
        and not node.GetHideFromEditors()
        and not node.GetAttribute(MAP_ATTRIBUTE)
        and node.GetImageData() is not None
    ]
    return sorted(nodes, key=lambda node: node.GetID() != shown)


def modality_of(node: vtkMRMLScalarVolumeNode) -> str:
    """Return the modality that a volume appears to be, or empty."""
    from KDNetSegmentationLib.Volumes import guess_modality  # noqa: PLC0415 - needs numpy

    return guess_modality(node)
