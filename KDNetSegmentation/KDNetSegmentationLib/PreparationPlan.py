"""What is known about the selected volumes before they are prepared; without widgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLScalarVolumeNode


@dataclass(frozen=True)
class Plan:
    """What decides how volumes are prepared.

    Attributes:
        key: identifies the volumes with their voxels, the model, and the brain mask.
        expected: whether the model was trained on skull-stripped brains.
        skull: ``"present"`` if a volume shows a whole head, ``"removed"`` if none does, ``"unclear"`` otherwise.
        corrected: whether the user has corrected the brain mask of the first volume.
    """

    key: tuple[object, ...] = ()
    expected: bool = False
    skull: str = "unclear"
    corrected: bool = False


def preparation_plan(volumes: Sequence[vtkMRMLScalarVolumeNode], model: ModelInfo, known: Plan) -> Plan:
    """Look at volumes, unless they are those that ``known`` describes; takes milliseconds per volume.

    Args:
        volumes: volumes with voxels.
        model: model that segments them.
        known: what was found before.
    """
    from kdnet.segmentation.input_care import expects_brain  # noqa: PLC0415 - numpy

    from KDNetSegmentationLib.BrainMask import brain_node, is_corrected, mask_state  # noqa: PLC0415 - numpy
    from KDNetSegmentationLib.Volumes import skull_of  # noqa: PLC0415 - numpy

    mask = brain_node(volumes[0])
    state = None if mask is None else mask_state(mask)
    key = (*((volume.GetID(), volume.GetImageData().GetMTime()) for volume in volumes), model, state)
    if key == known.key:
        return known
    skulls = {skull_of(volume).value for volume in volumes}
    skull = "present" if "present" in skulls else "removed" if skulls == {"removed"} else "unclear"
    corrected = mask is not None and is_corrected(mask)
    return Plan(key, expects_brain(model.trainingData), skull, corrected)
