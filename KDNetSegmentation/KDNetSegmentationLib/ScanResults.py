"""Which segmentations of the scene are results, and of which scan; without widgets."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import slicer
from slicer.i18n import tr as _

from KDNetSegmentationLib.Provenance import is_result, model_file_of, time_of
from KDNetSegmentationLib.SceneTags import MAP_ATTRIBUTE, VOLUME_REFERENCE

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

HIDDEN = "KDNet.hidden"  # attribute of a segmentation that is hidden only because another scan is shown


def scan_node_of(node: vtkMRMLSegmentationNode) -> vtkMRMLNode | None:
    """Return the volume that a segmentation was made from; None if it is not in the scene."""
    return node.GetNodeReference(slicer.vtkMRMLSegmentationNode.GetReferenceImageGeometryReferenceRole())


def newest_result(volumeNode: vtkMRMLScalarVolumeNode) -> vtkMRMLSegmentationNode | None:
    """Return the result of a scan that was made last; None if it has none."""
    found = [node for node in _segmentations() if is_result(node) and scan_node_of(node) is volumeNode]
    return max(found, key=time_of, default=None)


def show_results_of(volumeNode: vtkMRMLScalarVolumeNode) -> None:
    """Hide results and brain masks of other scans, and show those of this one again that were hidden for that."""
    for node in _segmentations():
        scan = scan_node_of(node) if is_result(node) else node.GetNodeReference(VOLUME_REFERENCE)
        display = node.GetDisplayNode()
        if scan is None or display is None:
            continue
        if scan is not volumeNode and display.GetVisibility():
            node.SetDisplayVisibility(False)
            node.SetAttribute(HIDDEN, "1")
        elif scan is volumeNode and node.GetAttribute(HIDDEN):
            node.RemoveAttribute(HIDDEN)
            node.SetDisplayVisibility(True)


def maps_of(volumeNode: vtkMRMLScalarVolumeNode) -> list[tuple[str, vtkMRMLScalarVolumeNode]]:
    """Return the maps of a volume in the scene, each with what it shows: a region or ``UNCERTAINTY``."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode", scene=volumeNode.GetScene())
    own = [node for node in nodes if node.GetNodeReference(VOLUME_REFERENCE) is volumeNode]
    return [(shown, node) for node in own if (shown := node.GetAttribute(MAP_ATTRIBUTE))]


def result_title(
    node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode, model: ModelInfo | None
) -> tuple[str, str, str]:
    """Return scan, model and time of a result, for users; the time is empty if it is not known."""
    file = model_file_of(node)
    name = model.title if model is not None else _("{file}, not installed here").format(file=file) if file else ""
    made = time_of(node)
    when = datetime.fromisoformat(made).strftime("%Y-%m-%d %H:%M") if made else ""
    return volumeNode.GetName(), name, when


def _segmentations() -> list[vtkMRMLSegmentationNode]:
    return list(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))
