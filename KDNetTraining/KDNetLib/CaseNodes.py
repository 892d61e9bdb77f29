"""The nodes of a case in the scene: its volumes, with segmentations over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import slicer
from kdnet.errors import KDNetError
from kdnet.schema.modalities import display_name

from KDNetLib.Translation import _

if TYPE_CHECKING:
    from kdnet.schema.labels import LabelTable
    from numpy.typing import NDArray

ATTRIBUTE = "KDNet.case"  # on nodes loaded here, so that opening another case replaces them
STAMP = "KDNet.loaded"  # on the same nodes: what was loaded, to notice whether it was edited since


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """The loaded nodes.

    Attributes:
        case: case name.
        volumes: volume nodes by modality.
        segmentations: segmentation nodes by name; ``"reference"`` is the expert's.
        kept: names of nodes of the case before that stay in the scene, because they were edited.
    """

    case: str
    volumes: Mapping[str, slicer.vtkMRMLScalarVolumeNode]
    segmentations: Mapping[str, slicer.vtkMRMLSegmentationNode]
    kept: tuple[str, ...] = ()

    @property
    def present(self) -> bool:
        """Whether any of the nodes is still in the scene."""
        return any(node.GetScene() is not None for node in (*self.volumes.values(), *self.segmentations.values()))


def add_case(answer: Mapping[str, Any], background: str = "") -> Iterator[LoadedCase | None]:
    """Add what ``kdnet case-files`` wrote to the scene, one node per step; the last step yields all of them.

    Nodes of the case that was loaded before are removed first, unless they were edited. The slice views jump to where the
    reference, or else the last non-empty labelmap, has the largest area.

    Raises:
        KDNetError: when the case has no image, or a labelmap is on another grid.
    """
    import numpy as np  # noqa: PLC0415
    from kdnet.schema.labels import LabelTable  # noqa: PLC0415 - needs numpy

    from KDNetLib.SegmentationNode import center_of  # noqa: PLC0415 - needs numpy

    case, labels = str(answer["case"]), LabelTable.from_json(answer["labels"])
    kept = remove_cases()
    volumes: dict[str, slicer.vtkMRMLScalarVolumeNode] = {}
    for item in answer["volumes"]:
        volumes[str(item["name"])] = _add_volume(case, item)
        yield None
    if not volumes:
        raise KDNetError(_("Case {case} has no readable image: check its files.").format(case=case))
    shown = volumes.get(background, next(iter(volumes.values())))
    segmentations: dict[str, slicer.vtkMRMLSegmentationNode] = {}
    center = None
    for item in answer["labelmaps"]:  # the reference comes last
        voxels = np.load(item["file"], allow_pickle=False)
        segmentations[str(item["name"])] = _add_segmentation(case, str(item["name"]), voxels, labels, shown)
        center = center_of(voxels, shown) or center
        yield None
    slicer.util.setSliceViewerLayers(background=shown, fit=True)
    if center is not None:
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *center)
    for node in (*volumes.values(), *segmentations.values()):
        node.SetAttribute(STAMP, _stamp(node))
    yield LoadedCase(case, volumes, segmentations, kept)


def _add_volume(case: str, item: Mapping[str, Any]) -> slicer.vtkMRMLScalarVolumeNode:
    import numpy as np  # noqa: PLC0415

    voxels = np.load(item["file"], mmap_mode="r", allow_pickle=False)
    name = f"{case} {display_name(item['name'])}"
    node: slicer.vtkMRMLScalarVolumeNode = slicer.util.addVolumeFromArray(voxels, np.array(item["affine"]), name)
    node.SetAttribute(ATTRIBUTE, case)
    return node


def _add_segmentation(
    case: str, name: str, voxels: NDArray[Any], labels: LabelTable, volume: slicer.vtkMRMLScalarVolumeNode
) -> slicer.vtkMRMLSegmentationNode:
    from KDNetLib.SegmentationNode import show_labelmap  # noqa: PLC0415 - needs numpy

    if voxels.shape != volume.GetImageData().GetDimensions()[::-1]:
        problem = _("{name} of {case} is not on the grid of its images: resample it.")
        raise KDNetError(problem.format(name=name, case=case))
    node: slicer.vtkMRMLSegmentationNode = show_labelmap(voxels, labels, volume, name=f"{case} {name}")
    node.SetAttribute(ATTRIBUTE, case)
    return node


def loaded_nodes() -> list[Any]:
    """Return the nodes in the scene that were loaded here."""
    nodes = (slicer.mrmlScene.GetNthNode(index) for index in range(slicer.mrmlScene.GetNumberOfNodes()))
    return [node for node in nodes if node.GetAttribute(ATTRIBUTE)]


def remove_cases() -> tuple[str, ...]:
    """Remove the nodes that were loaded here; return the names of those that stay, because they were edited."""
    kept = []
    for node in loaded_nodes():
        if node.GetAttribute(STAMP) in (None, _stamp(node)):  # without a stamp it was not loaded to the end
            slicer.mrmlScene.RemoveNode(node)
        else:
            kept.append(node.GetName())
            node.RemoveAttribute(ATTRIBUTE)  # from now on it is the user's
    return tuple(kept)


def kept_sentence(names: Sequence[str]) -> str:
    """Return which nodes stay in the scene although their case was removed; empty if none does."""
    return _("Kept, because it was edited: {names}.").format(names=", ".join(names)) if names else ""


def _stamp(node: Any) -> str:
    """Return the modification times of the voxels of a volume, or of those of each segment, as text."""
    if node.IsA("vtkMRMLSegmentationNode"):
        segmentation = node.GetSegmentation()
        name = segmentation.GetSourceRepresentationName()
        segments = {each: segmentation.GetSegment(each) for each in segmentation.GetSegmentIDs()}
        images = {each: segment.GetRepresentation(name) for each, segment in segments.items()}
    else:
        images = {"": node.GetImageData()}
    return " ".join(f"{each} {image.GetMTime() if image is not None else 0}" for each, image in images.items())


def keep_case(loaded: LoadedCase) -> None:
    """Keep the nodes of a case, which the user may change, when a case of the same name is loaded later."""
    for node in (*loaded.volumes.values(), *loaded.segmentations.values()):
        node.SetAttribute(ATTRIBUTE, None)


def outline(node: slicer.vtkMRMLSegmentationNode, *, filled: bool) -> None:
    """Show a segmentation in slice views as an outline only, or filled."""
    display = node.GetDisplayNode()
    if display is not None:
        display.SetOpacity2DFill(0.4 if filled else 0.0)
        display.SetOpacity2DOutline(1.0)


def show_only(nodes: Mapping[str, slicer.vtkMRMLSegmentationNode], shown: Sequence[str]) -> None:
    """Make the named segmentations visible and hide the others; nodes no longer in the scene are skipped."""
    for name, node in nodes.items():
        if node.GetScene() is not None and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility(name in shown)
