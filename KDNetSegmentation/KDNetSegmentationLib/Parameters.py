"""The panel's settings, stored in the scene, so that they are saved and restored with it."""

import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated

import slicer
from slicer.i18n import tr as _
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper

from KDNetSegmentationLib.Settings import Settings

if TYPE_CHECKING:
    from slicer.parameterNodeWrapper import WrappedNode  # what the decorator adds
else:
    WrappedNode = object


class Device(enum.Enum):
    """Compute devices."""

    AUTO = "auto"
    CUDA = "cuda"
    MPS = "mps"
    CPU = "cpu"

    def label(self) -> str:
        """Return the text in the list of devices."""
        return {
            Device.AUTO: _("Automatic"),
            Device.CUDA: _("NVIDIA GPU (CUDA)"),
            Device.MPS: _("Apple GPU (MPS)"),
            Device.CPU: _("CPU"),
        }[self]


class Brain(enum.Enum):
    """Methods of brain extraction."""

    AUTOMATIC = "automatic"
    STUDENT = "student"
    HD_BET = "hd-bet"
    MASK = "mask"
    NONE = "none"

    def label(self) -> str:
        """Return the text in the list of methods."""
        return {
            Brain.AUTOMATIC: _("Automatic"),
            Brain.STUDENT: _("Brain student"),
            Brain.HD_BET: _("HD-BET"),
            Brain.MASK: _("Mask from the scene"),
            Brain.NONE: _("None"),
        }[self]


class Shading(enum.Enum):
    """When shading is corrected."""

    AUTOMATIC = "automatic"
    OFF = "off"
    ON = "on"

    def label(self) -> str:
        """Return the text in the list of choices."""
        return {Shading.AUTOMATIC: _("Automatic"), Shading.OFF: _("Off"), Shading.ON: _("On")}[self]


@parameterNodeWrapper
class Parameters(WrappedNode):
    """All settings of the panel.

    ``model`` is the name of a model file. ``result`` and ``resultVolume`` are shown in the results section; ``corrected``
    becomes a training case instead of ``result``. The brain mask of the scene is ``brainSegment`` (an ID) of
    ``brainSegmentation``, or ``brainLabelmap``.
    """

    model: str
    inputVolume: slicer.vtkMRMLScalarVolumeNode
    inputVolume2: slicer.vtkMRMLScalarVolumeNode
    inputVolume3: slicer.vtkMRMLScalarVolumeNode
    inputVolume4: slicer.vtkMRMLScalarVolumeNode
    outputSegmentation: slicer.vtkMRMLSegmentationNode
    brain: Brain = Brain.AUTOMATIC
    brainSegmentation: slicer.vtkMRMLSegmentationNode
    brainLabelmap: slicer.vtkMRMLLabelMapVolumeNode
    brainSegment: str
    shading: Shading = Shading.AUTOMATIC
    force: bool = False
    device: Device = Device.AUTO
    minComponent: Annotated[float, WithinRange(0, 100000)] = 0.0
    tta: bool = False
    probabilities: bool = False
    uncertainty: bool = False
    batchInput: Path
    batchOutput: Path
    earlier: slicer.vtkMRMLSegmentationNode
    registerVisits: bool = True
    reference: slicer.vtkMRMLSegmentationNode
    corrected: slicer.vtkMRMLSegmentationNode
    rankFolder: Path
    result: slicer.vtkMRMLSegmentationNode
    resultVolume: slicer.vtkMRMLScalarVolumeNode


KEPT_NAMES = frozenset(
    {"device", "minComponent", "tta", "probabilities", "uncertainty", "batchInput", "batchOutput", "rankFolder"}
)
"""Settings that are not about one scan, so that a new scene starts with the last ones."""

FORMER_NAMES: Mapping[str, str] = MappingProxyType({"smallestIsland": "minComponent", "flips": "tta"})
"""Names in scenes that version 0.1 saved."""


def parameters_of(node: slicer.vtkMRMLScriptedModuleNode) -> Parameters:
    """Return the settings in a node of the scene, also those of a scene that an older version saved."""
    for former, name in FORMER_NAMES.items():
        if former in node.GetParameterNames():
            node.SetParameter(name, node.GetParameter(former))
            node.UnsetParameter(former)
    return Parameters(node)


def inputs_of(parameters: Parameters) -> list[slicer.vtkMRMLScalarVolumeNode | None]:
    """Return the selected volumes, None where none is selected."""
    return [parameters.inputVolume, parameters.inputVolume2, parameters.inputVolume3, parameters.inputVolume4]


def set_inputs(parameters: Parameters, volumes: Sequence[slicer.vtkMRMLScalarVolumeNode | None]) -> None:
    """Set the selected volumes, the first for the first modality."""
    for name, volume in zip(("inputVolume", "inputVolume2", "inputVolume3", "inputVolume4"), volumes, strict=False):
        setattr(parameters, name, volume)


def set_result(
    parameters: Parameters, node: slicer.vtkMRMLSegmentationNode | None, volume: slicer.vtkMRMLScalarVolumeNode | None
) -> None:
    """Set the segmentation in the results section, and its scan."""
    with slicer.util.NodeModify(parameters.parameterNode):
        for name, each in (("result", node), ("resultVolume", volume)):
            setattr(parameters, name, each)


def brain_mask_of(parameters: Parameters) -> slicer.vtkMRMLNode | None:
    """Return the selected segmentation or labelmap of the brain."""
    return parameters.brainSegmentation or parameters.brainLabelmap


def set_brain_mask(parameters: Parameters, node: slicer.vtkMRMLNode | None) -> None:
    """Select a segmentation or labelmap of the brain, or none; a segmentation's segment is then the default one."""
    isSegmentation = node is not None and node.IsA("vtkMRMLSegmentationNode")
    for name, selected in (("brainSegmentation", isSegmentation), ("brainLabelmap", not isSegmentation)):
        setattr(parameters, name, node if selected else None)
    parameters.brainSegment = ""


def settings_of(parameters: Parameters) -> Settings:
    """Return the selected segmentation settings."""
    return Settings(
        device=parameters.device.value,
        tta=parameters.tta,
        min_component=parameters.minComponent,
        probabilities=parameters.probabilities,
        uncertainty=parameters.uncertainty,
        brain=parameters.brain.value,
        brainMask=brain_mask_of(parameters),
        brainSegment=parameters.brainSegment,
        shading=parameters.shading.value,
        force=parameters.force,
    )
