"""Selection of the most likely input volume, so that loading one and clicking Segment is enough."""

from collections.abc import Sequence
from typing import Any

import slicer
from KDNetLib.ModelInfo import ModelInfo

MAP_ATTRIBUTE = "KDNet.map"  # attribute of the probability and uncertainty volumes that the extension adds


def likely_volumes(modalities: Sequence[str], chosen: Sequence[Any]) -> list[Any]:
    """Return a volume node per modality: the ``chosen`` one, else one that appears to be of the modality.

    For a single-modality model, the displayed volume is also used, whatever its modality: the panel warns about it.

    Args:
        modalities: modalities that the model requires.
        chosen: a node or None for each modality.
    """
    from KDNetSegmentationLib.Volumes import guess_modality  # noqa: PLC0415 - needs numpy

    result = list(chosen)
    free = [node for node in _candidates() if node not in result]
    for index, modality in enumerate(modalities):
        if result[index] is None:
            fitting = [node for node in free if guess_modality(node) == modality]
            if not fitting and len(modalities) == 1:
                fitting = [node for node in free if not guess_modality(node)] or free
            if fitting:
                result[index] = fitting[0]
                free.remove(fitting[0])
    return result


def fitting_model(models: Sequence[ModelInfo], current: ModelInfo, nodes: Sequence[Any] = ()) -> ModelInfo:
    """Return the first student that matches a volume's modality; ``current`` if it matches, or if none does.

    Args:
        models: models to choose from.
        current: the currently chosen model.
        nodes: volumes; by default the displayed one, then all others.
    """
    if len(nodes) > 1:
        return current
    from KDNetSegmentationLib.Volumes import guess_modality  # noqa: PLC0415 - needs numpy

    for node in nodes or _candidates():
        fitting = [model for model in models if model.modalities == (guess_modality(node),)]
        if fitting:
            return current if current in fitting else fitting[0]
    return current


def _candidates() -> list[Any]:
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
