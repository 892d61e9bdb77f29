"""Probability and uncertainty volumes in the scene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk
from slicer.i18n import tr as _

from KDNetSegmentationLib.Hierarchy import place_with_results
from KDNetSegmentationLib.ScanResults import maps_of
from KDNetSegmentationLib.SceneTags import MAP_ATTRIBUTE, UNCERTAINTY, VOLUME_REFERENCE
from KDNetSegmentationLib.Settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from slicer import vtkMRMLScalarVolumeNode


def show_maps(
    files: Mapping[str, str], volumeNode: vtkMRMLScalarVolumeNode, settings: Settings
) -> tuple[vtkMRMLScalarVolumeNode, ...]:
    """Add the maps that ``settings`` request, in percent, with the geometry of ``volumeNode``.

    Args:
        files: region name to a ``.npy`` file, uint8 ``[k, j, i]``.
        volumeNode: the segmented volume.
        settings: which maps to show.
    """
    maps = {name: np.load(path, allow_pickle=False) for name, path in files.items()}
    nodes = []
    if settings.probabilities:
        for name, voxels in maps.items():
            label = _("{volume} probability {region} (%)").format(volume=volumeNode.GetName(), region=name)
            nodes.append(_add(voxels, label, volumeNode, name))
    if settings.uncertainty and maps:
        label = _("{volume} uncertainty (%)").format(volume=volumeNode.GetName())
        nodes.append(_add(uncertainty(list(maps.values())), label, volumeNode, UNCERTAINTY))
    return tuple(nodes)


def uncertainty(maps: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Compute uncertainty: 100 where any region has a probability of 50%, 0 where all have 0 or 100%."""
    result = np.zeros_like(maps[0])
    for percent in maps:
        np.maximum(result, 100 - np.abs(2 * percent.astype(np.int16) - 100).astype(np.uint8), out=result)
    return result


def _add(voxels: NDArray[np.uint8], name: str, volumeNode: vtkMRMLScalarVolumeNode, shows: str) -> vtkMRMLScalarVolumeNode:
    scene = volumeNode.GetScene()
    assert scene is not None  # import_result has checked it
    node: vtkMRMLScalarVolumeNode | None = dict(maps_of(volumeNode)).get(shows)
    if node is None:
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
        assert node is not None
        place_with_results(node, volumeNode)
    node.SetAttribute(MAP_ATTRIBUTE, shows)
    node.SetNodeReferenceID(VOLUME_REFERENCE, volumeNode.GetID())
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    node.SetIJKToRASMatrix(matrix)
    slicer.util.updateVolumeFromArray(node, voxels)
    node.SetAndObserveTransformNodeID(volumeNode.GetTransformNodeID())
    node.CreateDefaultDisplayNodes()
    display = node.GetDisplayNode()
    display.SetAutoWindowLevel(False)
    display.SetWindowLevelMinMax(0, 100)
    display.SetAndObserveColorNodeID("vtkMRMLColorTableNodeFileViridis.txt")
    return node
