"""Which volumes, brain mask and training case a segmentation of the scene belongs to, recorded in the segmentation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from kdnet.errors import KDNetError
from kdnet.schema.collection import BrainMask
from kdnet.schema.modalities import display_name
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

SCAN = "KDNet.scan"  # with the number of the channel: reference to a volume
BRAIN, BRAIN_SEGMENT = "KDNet.brain", "KDNet.brainSegment"  # reference to the mask and its origin; its segment
CASE = "KDNet.trainingCase"  # folder and name of the training case


def record_source(
    node: vtkMRMLSegmentationNode,
    volumes: Sequence[vtkMRMLScalarVolumeNode],
    brain: vtkMRMLNode | None,
    origin: BrainMask,
    segment: str = "",
) -> None:
    """Record what a new segmentation was made from; it is no training case yet.

    Args:
        node: the segmentation.
        volumes: the scans, in the model's order.
        brain: brain mask that was used.
        origin: where that comes from.
        segment: ID of its segment, empty for the default one.
    """
    for index, volume in enumerate(volumes):
        node.SetNodeReferenceID(f"{SCAN}{index}", volume.GetID())
    node.SetNodeReferenceID(BRAIN, brain.GetID() if brain is not None else None)
    node.SetAttribute(BRAIN, origin.value)
    node.SetAttribute(BRAIN_SEGMENT, segment)
    node.SetAttribute(CASE, None)


def scans_of(
    node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode, model: ModelInfo
) -> dict[str, vtkMRMLScalarVolumeNode]:
    """Return the scans that a segmentation was made from, by modality.

    Raises:
        KDNetError: if one is not in the scene.
    """
    found: dict[str, Any] = {}
    for index, modality in enumerate(model.modalities):
        scan: Any = volumeNode if len(model.modalities) == 1 else node.GetNodeReference(f"{SCAN}{index}")
        if scan is None or scan.GetImageData() is None:
            text = _("The {modality} scan of {name} is not in the scene: load it and segment again.")
            raise KDNetError(text.format(modality=display_name(modality), name=node.GetName()))
        found[modality] = scan
    return found


def brain_of(
    node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode
) -> tuple[vtkMRMLNode | None, BrainMask, str]:
    """Return the brain mask that a segmentation was made with, its origin, and the ID of its segment.

    Raises:
        KDNetError: if it is not in the scene any more.
    """
    from KDNetSegmentationLib.BrainMask import brain_node  # noqa: PLC0415 - numpy

    recorded = node.GetAttribute(BRAIN)
    if recorded is None:  # drawn from scratch, or made by an older version
        found = brain_node(volumeNode)
        return found, BrainMask.EXTRACTED if found is not None else BrainMask.NONE, ""
    origin = BrainMask(recorded)
    mask = node.GetNodeReference(BRAIN)
    if origin is not BrainMask.NONE and mask is None:
        text = _("The brain mask that {name} was made with is not in the scene: segment {volume} again.")
        raise KDNetError(text.format(name=node.GetName(), volume=volumeNode.GetName()))
    return mask, origin, node.GetAttribute(BRAIN_SEGMENT) or ""


def set_training_case(node: vtkMRMLSegmentationNode, folder: Path, case: str) -> None:
    """Record the training case of a segmentation; an empty ``case`` means none."""
    node.SetAttribute(CASE, json.dumps({"folder": str(folder), "case": case}) if case else None)


def training_case(node: vtkMRMLSegmentationNode | None, folder: Path) -> str:
    """Return the name of the case in ``folder`` that a segmentation is; empty if it is none."""
    text = node.GetAttribute(CASE) if node is not None else None
    content = json.loads(text) if text else {}
    return str(content["case"]) if content.get("folder") == str(folder) else ""


def nodes_of_case(folder: Path, case: str) -> list[vtkMRMLSegmentationNode]:
    """Return the segmentations of the scene that are a training case."""
    nodes = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    return [node for node in nodes if training_case(node, folder) == case]


def forget_cases(folder: Path, kept: Sequence[str]) -> None:
    """Make segmentations of the scene that are a training case which no longer exists ones that can be added again."""
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        case = training_case(node, folder)
        if case and case not in kept:
            set_training_case(node, folder, "")
