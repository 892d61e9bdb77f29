"""Load a case into the scene: its volumes, with segmentations over them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import slicer
from kdnet.errors import KDNetError
from kdnet.foreign import reading
from kdnet.schema.modalities import display_name
from KDNetLib.Command import Command, json_answer
from KDNetLib.PollTimer import PollTimer
from KDNetLib.Worker import Failure

MODULE = ("-m", "kdnet.cli.case_files")
ATTRIBUTE = "KDNet.case"  # on nodes loaded here, so that loading the case again replaces them


@dataclass(frozen=True)
class CaseRequest:
    """A case to load.

    Attributes:
        data: data folder.
        case: case name.
        labels: label table as JSON values; the format's default when empty.
        labelmaps: files to overlay, by name.
        modalities: modalities to load; all when empty.
        background: modality that the slice views show; the first one when empty or missing.
    """

    data: Path
    case: str
    labels: Mapping[str, Any] = field(default_factory=dict)
    labelmaps: Mapping[str, Path] = field(default_factory=dict)
    modalities: tuple[str, ...] = ()
    background: str = ""


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """The loaded nodes.

    Attributes:
        case: case name.
        volumes: volume nodes by modality.
        segmentations: segmentation nodes by name; ``"reference"`` is the expert's.
    """

    case: str
    volumes: Mapping[str, Any]
    segmentations: Mapping[str, Any]


class CaseLoader:
    """Loads one case at a time: a process reads the files, then the nodes are added to the scene one by one.

    Args:
        onLoaded: called when everything is loaded.
        onFailed: called with the reason on failure.
    """

    def __init__(self, onLoaded: Callable[[LoadedCase], None], onFailed: Callable[[Failure], None]) -> None:
        self._onLoaded, self._onFailed = onLoaded, onFailed
        self._command: Command | None = None
        self._folder: Path | None = None
        self._steps: Iterator[LoadedCase | None] = iter(())
        self._timer = PollTimer(self._step)

    @property
    def busy(self) -> bool:
        """Whether a case is being loaded."""
        return self._folder is not None

    def load(self, request: CaseRequest) -> None:
        """Start loading; a load in progress is canceled."""
        self.cancel()
        self._folder = Path(tempfile.mkdtemp(prefix="kdnet-"))
        arguments = [str(request.data), request.case, "-o", str(self._folder)]
        if request.labels:
            arguments += ["--labels", json.dumps(request.labels)]
        if request.modalities:
            arguments += ["--modalities", ",".join(request.modalities)]
        for name, path in request.labelmaps.items():
            arguments += ["--labelmap", f"{name}={path}"]

        def read(answer: Mapping[str, Any]) -> None:
            self._read(answer, request.background)

        self._command = Command(arguments, read=json_answer, onFinished=read, onFailed=self._failed, module=MODULE).start()

    def cancel(self) -> None:
        """Cancel loading; what is already in the scene stays."""
        self._timer.stop()
        if self._command is not None:
            self._command.cancel()
            self._command = None
        self._clean()

    def _read(self, answer: Mapping[str, Any], background: str) -> None:
        self._command = None
        self._steps = add_case(answer, background)
        self._timer.start()

    def _step(self) -> None:
        outcome: LoadedCase | Failure | None
        try:
            with reading("The case", "try again", KDNetError):
                outcome = next(self._steps)
        except KDNetError as error:
            outcome = Failure(str(error))
        if outcome is not None:
            self._timer.stop()
            self._clean()
            if isinstance(outcome, Failure):
                self._onFailed(outcome)
            else:
                self._onLoaded(outcome)

    def _failed(self, failure: Failure) -> None:
        self._command = None
        self._clean()
        self._onFailed(failure)

    def _clean(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def add_case(answer: Mapping[str, Any], background: str = "") -> Iterator[LoadedCase | None]:
    """Add what ``kdnet.cli.case_files`` wrote to the scene, one node per step; the last step yields all of them.

    The slice views jump to where the reference, or else the last non-empty labelmap, has the largest area.
    """
    import numpy as np  # noqa: PLC0415
    from kdnet.schema.labels import LabelTable  # noqa: PLC0415 - needs numpy
    from KDNetLib.SegmentationNode import center_of  # noqa: PLC0415 - needs numpy

    case, labels = str(answer["case"]), LabelTable.from_json(answer["labels"])
    _remove(case)
    volumes: dict[str, Any] = {}
    for item in answer["volumes"]:
        voxels = np.load(item["file"], mmap_mode="r", allow_pickle=False)
        node = slicer.util.addVolumeFromArray(voxels, np.array(item["affine"]), f"{case} {display_name(item['name'])}")
        node.SetAttribute(ATTRIBUTE, case)
        volumes[str(item["name"])] = node
        yield None
    if not volumes:
        raise KDNetError(f"Case {case} has no readable image: check its files.")
    first = volumes.get(background, next(iter(volumes.values())))
    segmentations, center = {}, None
    for item in answer["labelmaps"]:  # the reference comes last
        voxels = np.load(item["file"], allow_pickle=False)
        segmentations[str(item["name"])] = _segmentation(voxels, item, labels, first, case)
        center = center_of(voxels, first) or center
        yield None
    slicer.util.setSliceViewerLayers(background=first, fit=True)
    if center is not None:
        slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *center)
    yield LoadedCase(case, volumes, segmentations)


def _segmentation(voxels: Any, item: Mapping[str, Any], labels: Any, volume: Any, case: str) -> Any:
    from KDNetLib.SegmentationNode import show_labelmap  # noqa: PLC0415 - needs numpy

    if voxels.shape != volume.GetImageData().GetDimensions()[::-1]:
        raise KDNetError(f"{item['name']} of {case} is not on the grid of its images: resample it.")
    node = show_labelmap(voxels, labels, volume, name=f"{case} {item['name']}")
    node.SetAttribute(ATTRIBUTE, case)
    return node


def _remove(case: str) -> None:
    nodes = (slicer.mrmlScene.GetNthNode(index) for index in range(slicer.mrmlScene.GetNumberOfNodes()))
    for node in [node for node in nodes if node.GetAttribute(ATTRIBUTE) == case]:
        slicer.mrmlScene.RemoveNode(node)


def outline(node: Any, *, filled: bool) -> None:
    """Show a segmentation in slice views as an outline only, or filled."""
    display = node.GetDisplayNode()
    if display is not None:
        display.SetOpacity2DFill(0.4 if filled else 0.0)
        display.SetOpacity2DOutline(1.0)


def show_only(nodes: Mapping[str, Any], shown: Sequence[str]) -> None:
    """Make the named segmentations visible and hide the others; nodes no longer in the scene are skipped."""
    for name, node in nodes.items():
        if node.GetScene() is not None and node.GetDisplayNode() is not None:
            node.GetDisplayNode().SetVisibility(name in shown)
