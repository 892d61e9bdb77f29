"""Transfer of voxels between the scene and the worker. Imported on first use, because numpy is not needed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from kdnet.errors import KDNetError
from KDNetLib.ModelInfo import ModelInfo
from KDNetLib.SegmentationNode import center_of, labelmap_of, show_labelmap, volumes_in_milliliters
from slicer.i18n import tr as _

from KDNetSegmentationLib.Maps import show_maps
from KDNetSegmentationLib.Settings import Settings
from KDNetSegmentationLib.Volumes import request_of

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode


def send_volumes(volumes: Sequence[vtkMRMLScalarVolumeNode], folder: Path) -> list[dict[str, Any]]:
    """Write the voxels of volume nodes into ``folder`` and describe them to the worker."""
    return [request_of(node, folder, index) for index, node in enumerate(volumes)]


@dataclass(frozen=True)
class ImportedResult:
    """The results of a worker's answer in the scene; see :class:`~KDNetSegmentationLib.Settings.Result`."""

    segmentationNode: vtkMRMLSegmentationNode
    volumes: Mapping[str, float]
    mapNodes: tuple[vtkMRMLScalarVolumeNode, ...]
    center: tuple[float, float, float] | None


def import_result(
    answer: Mapping[str, Any],
    volumeNode: vtkMRMLScalarVolumeNode,
    model: ModelInfo,
    output: vtkMRMLSegmentationNode | None,
    settings: Settings,
) -> ImportedResult:
    """Convert the worker's answer to a segmentation node, volumes in mL, and probability volumes.

    Raises:
        KDNetError: if the volume no longer exists. The scene is then unchanged.
    """
    if volumeNode.GetScene() is None:
        raise KDNetError(
            _("{name} was removed from the scene during segmentation: load it again.").format(name=volumeNode.GetName())
        )
    kept = output if output is not None and output.GetScene() is not None else None
    voxels = np.load(answer["labelmap"], allow_pickle=False)
    node = show_labelmap(voxels, model.labels, volumeNode, kept)
    maps = show_maps(answer["probabilities"], volumeNode, settings)
    volumes = volumes_in_milliliters(voxels, model.labels, volumeNode)
    return ImportedResult(node, volumes, maps, center_of(voxels, volumeNode))


def write_pair(
    pair: Sequence[vtkMRMLSegmentationNode], model: ModelInfo, volumeNode: vtkMRMLScalarVolumeNode, folder: Path
) -> dict[str, str]:
    """Write a segmentation and its reference as labelmaps on the grid of ``volumeNode``; return their files by name."""
    files = {}
    for name, node in zip(("prediction", "reference"), pair, strict=True):
        files[name] = str(folder / f"{name}.npy")
        np.save(files[name], labelmap_of(node, model.labels, volumeNode), allow_pickle=False)
    return files
