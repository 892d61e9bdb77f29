"""What a segmentation node records about how it was made, so that a report can say it after the scene was saved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLSegmentationNode

MODEL, PREPARATION, WARNINGS = "KDNet.model", "KDNet.preparation", "KDNet.warnings"


def record(node: vtkMRMLSegmentationNode, model: ModelInfo, preparation: str, warnings: Sequence[str]) -> None:
    """Record model, preparation and warnings in attributes of a segmentation."""
    node.SetAttribute(MODEL, model.path.name)
    node.SetAttribute(PREPARATION, preparation)
    node.SetAttribute(WARNINGS, "\n".join(warnings))


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
