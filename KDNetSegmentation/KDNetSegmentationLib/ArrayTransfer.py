"""Transfer of voxels between the scene and the worker. Imported on first use, because numpy is not needed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kdnet.errors import KDNetError
from KDNetLib.Geometry import affine_of
from KDNetLib.ModelInfo import ModelInfo
from KDNetLib.SegmentationNode import center_of, labelmap_of, show_labelmap, volumes_in_milliliters
from slicer.i18n import tr as _

from KDNetSegmentationLib.BrainMask import show_brain
from KDNetSegmentationLib.Hierarchy import place_with_results
from KDNetSegmentationLib.Lesions import LesionMap
from KDNetSegmentationLib.Maps import show_maps
from KDNetSegmentationLib.Originals import keep_original
from KDNetSegmentationLib.Replacement import keep_copy
from KDNetSegmentationLib.Settings import Settings
from KDNetSegmentationLib.Transforms import show_transforms
from KDNetSegmentationLib.Volumes import request_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode


def send_volumes(volumes: Sequence[vtkMRMLScalarVolumeNode], folder: Path) -> list[dict[str, Any]]:
    """Write the voxels of volume nodes into ``folder`` and describe them to the worker."""
    return [request_of(node, folder, index) for index, node in enumerate(volumes)]


def send_segmentation(
    node: vtkMRMLSegmentationNode, model: ModelInfo, volumeNode: vtkMRMLScalarVolumeNode, folder: Path
) -> dict[str, Any]:
    """Write a segmentation as labelmap on the grid of ``volumeNode`` and describe it to the worker."""
    return send_labelmap(labelmap_of(node, model.labels, volumeNode), node, volumeNode, folder)


def send_labelmap(
    voxels: NDArray[np.uint8], node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode, folder: Path
) -> dict[str, Any]:
    """Write a labelmap ``[k, j, i]`` of ``volumeNode`` and describe it to the worker."""
    return {**send_array(node.GetID(), voxels, volumeNode, folder), "name": node.GetName()}


def send_array(name: str, voxels: NDArray[np.uint8], volumeNode: vtkMRMLScalarVolumeNode, folder: Path) -> dict[str, Any]:
    """Write voxels ``[k, j, i]`` on the grid of ``volumeNode`` and describe them to the worker; ``name`` names the file."""
    file = folder / f"{name}.npy"
    np.save(file, voxels, allow_pickle=False)
    return {"name": name, "file": str(file), "affine": affine_of(volumeNode).tolist()}


@dataclass(frozen=True)
class ImportedResult:
    """The results of a worker's answer in the scene; see :class:`~KDNetSegmentationLib.Settings.Result`."""

    segmentationNode: vtkMRMLSegmentationNode
    volumes: Mapping[str, float]
    mapNodes: tuple[vtkMRMLScalarVolumeNode, ...]
    center: tuple[float, float, float] | None
    lesions: LesionMap
    brainNode: vtkMRMLSegmentationNode | None
    transformNodes: tuple[vtkMRMLNode, ...]


def import_result(
    answer: Mapping[str, Any],
    volumeNodes: Sequence[vtkMRMLScalarVolumeNode],
    model: ModelInfo,
    output: vtkMRMLSegmentationNode | None,
    settings: Settings,
) -> ImportedResult:
    """Convert the worker's answer to a segmentation node, volumes in mL, probability volumes, and a brain mask.

    Args:
        answer: result of the task ``segment``.
        volumeNodes: the volumes, of which the first was segmented.
        model: model that was used.
        output: segmentation node to replace, None for a new one.
        settings: settings that were used; ``brain`` is ``"mask"`` if the mask is one of the scene.

    Raises:
        KDNetError: if the volume no longer exists. The scene is then unchanged.
    """
    volumeNode = volumeNodes[0]
    if volumeNode.GetScene() is None:
        raise KDNetError(
            _("{name} was removed from the scene during segmentation: load it again.").format(name=volumeNode.GetName())
        )
    kept = output if output is not None and output.GetScene() is not None else None
    voxels = np.load(answer["labelmap"], allow_pickle=False)
    if kept is not None:
        keep_copy(kept)
    node = show_labelmap(voxels, model.labels, volumeNode, kept)
    keep_original(node, voxels)
    if kept is None:
        place_with_results(node, volumeNode)
    maps = show_maps(answer["probabilities"], volumeNode, settings)
    volumes = volumes_in_milliliters(voxels, model.labels, volumeNode)
    brain = None
    if answer["brain_mask"] and settings.brain != "mask":
        brain = show_brain(np.load(answer["brain_mask"], allow_pickle=False), volumeNode)
    transforms = show_transforms(answer.get("transforms", {}), volumeNodes)
    lesions = LesionMap.received(answer, voxels)
    return ImportedResult(node, volumes, maps, center_of(voxels, volumeNode), lesions, brain, transforms)


def write_pair(
    pair: Sequence[vtkMRMLSegmentationNode], model: ModelInfo, volumeNode: vtkMRMLScalarVolumeNode, folder: Path
) -> dict[str, str]:
    """Write a segmentation and its reference as labelmaps on the grid of ``volumeNode``; return their files by name."""
    files = {}
    for name, node in zip(("prediction", "reference"), pair, strict=True):
        files[name] = str(folder / f"{name}.npy")
        np.save(files[name], labelmap_of(node, model.labels, volumeNode), allow_pickle=False)
    return files
