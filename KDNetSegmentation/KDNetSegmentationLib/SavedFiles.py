"""Segmentations as files that other programs open with names and colors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
import vtk
from kdnet.errors import DataError, KDNetError
from kdnet.files import atomic_write
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

SEGMENTATION, NIFTI = ".seg.nrrd", (".nii.gz", ".nii")
MOST_SEGMENTS = 255  # values of a uint8 labelmap


def save_segmentation(path: Path, node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode) -> Sequence[Path]:
    """Write a segmentation as ``.seg.nrrd``, or as NIfTI labelmap with a label description file of ITK-SNAP.

    Args:
        path: file to write; a name without a known suffix gets ``.seg.nrrd``.
        node: the segmentation.
        volumeNode: volume whose grid a NIfTI labelmap gets.

    Returns:
        The written files.

    Raises:
        KDNetError: if a file cannot be written, or a labelmap cannot hold the segments.
    """
    suffix = next((suffix for suffix in NIFTI if path.name.casefold().endswith(suffix)), "")
    if suffix:
        return _save_nifti(path, path.name[: -len(suffix)], node, volumeNode)
    target = path if path.name.casefold().endswith(SEGMENTATION) else path.with_name(path.name + SEGMENTATION)
    _write_node(slicer.vtkMRMLSegmentationStorageNode(), node, target)
    return (target,)


def label_description(segments: Sequence[tuple[int, str, Sequence[float]]]) -> str:
    """Return a label description file of ITK-SNAP: a line of value, color, opacity, visibilities and name per segment.

    Args:
        segments: value, name and color (0 to 1) of each segment.
    """
    lines = ["# ITK-SnAP Label Description File", '0 0 0 0 0 0 0 "Clear Label"']
    for value, name, color in segments:
        red, green, blue = (round(255 * part) for part in color)
        quoted = name.replace('"', "'")
        lines.append(f'{value} {red} {green} {blue} 1 1 1 "{quoted}"')
    return "\n".join(lines) + "\n"


def _save_nifti(
    path: Path, stem: str, node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode
) -> Sequence[Path]:
    voxels, segments = _labelmap(node, volumeNode)
    labelmap = slicer.vtkMRMLLabelMapVolumeNode()
    matrix = vtk.vtkMatrix4x4()
    volumeNode.GetIJKToRASMatrix(matrix)
    labelmap.SetIJKToRASMatrix(matrix)
    slicer.util.updateVolumeFromArray(labelmap, voxels)
    _write_node(slicer.vtkMRMLVolumeArchetypeStorageNode(), labelmap, path)
    description = path.with_name(f"{stem} labels.txt")
    with atomic_write(description) as temporary:
        temporary.write_text(label_description(segments), encoding="utf-8")
    return path, description


def _labelmap(
    node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode
) -> tuple[NDArray[np.uint8], list[tuple[int, str, Sequence[float]]]]:
    """Return the segments as labelmap ``[k, j, i]``, with value, name and color of each; later ones win."""
    voxels = np.zeros(volumeNode.GetImageData().GetDimensions()[::-1], np.uint8)
    segmentation = node.GetSegmentation()
    count, used, segments = segmentation.GetNumberOfSegments(), set[int](), []
    if count > MOST_SEGMENTS:
        text = _("{name} has {count} segments, but a labelmap holds {most}: save it as .seg.nrrd.")
        raise DataError(text.format(name=node.GetName(), count=count, most=MOST_SEGMENTS))
    for index in range(count):
        segment, identifier = segmentation.GetNthSegment(index), segmentation.GetNthSegmentID(index)
        wanted = segment.GetLabelValue()
        free = (value for value in range(1, MOST_SEGMENTS + 1) if value not in used)
        value = wanted if 0 < wanted <= MOST_SEGMENTS and wanted not in used else next(free)
        used.add(value)
        part = slicer.util.arrayFromSegmentBinaryLabelmap(node, identifier, volumeNode)
        if part is not None:
            voxels[part > 0] = value
        segments.append((value, segment.GetName(), segment.GetColor()))
    return voxels, segments


def _write_node(storage: Any, node: Any, path: Path) -> None:
    """Write a node with Slicer's own writer, through a temporary file."""
    with atomic_write(path) as temporary:
        storage.SetFileName(str(temporary))
        if not storage.WriteData(node):
            raise KDNetError(_("{path} cannot be written: choose another folder.").format(path=path))
