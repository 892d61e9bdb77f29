"""Transform nodes of volumes that were registered to the first one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import slicer
from slicer.i18n import tr as _

from KDNetSegmentationLib.Hierarchy import place_with_results
from KDNetSegmentationLib.SceneTags import FIRST_REFERENCE, VOLUME_REFERENCE

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode


def show_transforms(
    matrices: Mapping[str, Sequence[Sequence[float]]], volumeNodes: Sequence[vtkMRMLScalarVolumeNode]
) -> tuple[vtkMRMLNode, ...]:
    """Add a transform node per registered volume, which moves it onto the first; volumes do not get it by themselves.

    Args:
        matrices: name of a volume to the matrix from points of the first volume to points of that one, in RAS mm.
        volumeNodes: the volumes.
    """
    nodes = []
    first = volumeNodes[0]
    for volumeNode in volumeNodes[1:]:
        matrix = matrices.get(volumeNode.GetName())
        scene = volumeNode.GetScene()
        if matrix is None or scene is None:
            continue
        name = _("{volume} to {first}").format(volume=volumeNode.GetName(), first=first.GetName())
        known = slicer.util.getNodesByClass("vtkMRMLLinearTransformNode", scene=scene)
        between = {VOLUME_REFERENCE: volumeNode, FIRST_REFERENCE: first}
        existing = (node for node in known if all(node.GetNodeReference(role) is each for role, each in between.items()))
        node = next(existing, None)
        if node is None:
            node = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode", scene.GenerateUniqueName(name))
            for role, each in between.items():
                node.SetNodeReferenceID(role, each.GetID())
        toParent = slicer.util.vtkMatrixFromArray(np.linalg.inv(np.asarray(matrix)))
        node.SetMatrixTransformToParent(toParent)
        place_with_results(node, first)
        nodes.append(node)
    return tuple(nodes)
