"""What a segmentation node records about how it was made, so that a report can say it after the scene was saved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLSegmentationNode

MODEL, PREPARATION, WARNINGS, TIME = "KDNet.model", "KDNet.preparation", "KDNet.warnings", "KDNet.time"


def record(node: vtkMRMLSegmentationNode, model: ModelInfo, preparation: str, warnings: Sequence[str]) -> None:
    """Record model, preparation, warnings and local time in attributes of a segmentation."""
    node.SetAttribute(MODEL, model.path.name)
    node.SetAttribute(PREPARATION, preparation)
    node.SetAttribute(WARNINGS, "\n".join(warnings))
    node.SetAttribute(TIME, datetime.now().astimezone().isoformat(timespec="microseconds"))


def is_result(node: vtkMRMLSegmentationNode) -> bool:
    """Return whether a segmentation was made by a model."""
    return bool(node.GetAttribute(MODEL))


def time_of(node: vtkMRMLSegmentationNode) -> str:
    """Return when a segmentation was made, in ISO format; empty if that is not known."""
    return node.GetAttribute(TIME) or ""


def model_file_of(node: vtkMRMLSegmentationNode) -> str:
    """Return the file name of the model that made a segmentation; empty if that is not known."""
    return node.GetAttribute(MODEL) or ""


def made_by(node: vtkMRMLSegmentationNode, models: Sequence[ModelInfo]) -> ModelInfo | None:
    """Return the model that made a segmentation; None if it is not known here."""
    return next((model for model in models if model.path.name == node.GetAttribute(MODEL)), None)


def preparation_of(node: vtkMRMLSegmentationNode) -> tuple[str, ...]:
    """Return what was done to the volumes before, in sentences."""
    text = node.GetAttribute(PREPARATION)
    return (text,) if text else ()


def warnings_of(node: vtkMRMLSegmentationNode) -> tuple[str, ...]:
    """Return why the segmentation may be wrong, one sentence each."""
    return tuple((node.GetAttribute(WARNINGS) or "").splitlines())
