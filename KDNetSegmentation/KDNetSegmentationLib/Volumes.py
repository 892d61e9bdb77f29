"""Description of volume nodes for the worker, and warnings about unsuitable ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import slicer
from kdnet.data.volumes.series_header import SeriesHeader, guess_series, is_other_kind
from kdnet.errors import DataError
from kdnet.preparation.skull import HeadMeasurements, Skull
from kdnet.segmentation.input_care import Needs, Scan
from kdnet.segmentation.input_care import warnings_for as care_warnings
from KDNetLib.Geometry import affine_of
from KDNetLib.ModelInfo import ModelInfo
from slicer.i18n import tr as _

from KDNetSegmentationLib.Candidates import scan_problem
from KDNetSegmentationLib.DicomSource import dicom_value
from KDNetSegmentationLib.ModelTexts import kind_warning

if TYPE_CHECKING:
    from slicer import vtkMRMLScalarVolumeNode

PHANTOM = "phantom"  # start of the names of synthetic scans


def request_of(node: vtkMRMLScalarVolumeNode, folder: Path, index: int = 0) -> dict[str, Any]:
    """Write the voxels of ``node`` into ``folder`` and describe them to the worker.

    A linear parent transform affects orientation and spacing if it keeps the axes perpendicular; other
    transforms do not change how the volume is sampled and are ignored.
    """
    problem = scan_problem(node)
    if problem:
        raise DataError(problem)
    path = folder / f"input{index}.npy"
    np.save(path, np.ascontiguousarray(slicer.util.arrayFromVolume(node)), allow_pickle=False)
    return {"name": node.GetName(), "file": str(path), "affine": affine_of(node).tolist()}


def warnings_for(
    node: vtkMRMLScalarVolumeNode, modality: str, model: ModelInfo, *, extracts: bool = True
) -> tuple[str, ...]:
    """Return non-blocking warnings, with remedies, if ``node`` is probably not the ``modality`` that ``model`` needs.

    Args:
        node: the volume.
        modality: its role.
        model: the model.
        extracts: whether brains are extracted from whole heads.
    """
    problem = scan_problem(node)
    if problem:
        return (problem,)
    if not _is_finite(node):
        return (
            _("{name} contains NaN or infinite values: replace them, for example with 0, or export it again.").format(
                name=node.GetName()
            ),
        )
    header = _header(node)
    name, voxels = node.GetName() or "", slicer.util.arrayFromVolume(node)
    spacing = tuple(reversed(_spacing(node)))  # Slicer arrays have k first
    scan = Scan(name, voxels, spacing, guess_modality(node), header.modality, other=is_other_kind(header, name))
    needs = replace(Needs.of(modality, model.spacing, model.trainingData), extracts=extracts)
    kind = kind_warning(model, name, synthetic=is_synthetic(node))
    return (*([kind] if kind else []), *care_warnings(scan, needs))


def guess_modality(node: vtkMRMLScalarVolumeNode) -> str:
    """Return ``"t1"``, ``"t1ce"``, ``"t2"``, ``"flair"``, or empty, based on DICOM and the node's name together."""
    return guess_series(_header(node), node.GetName() or "")


def is_synthetic(node: vtkMRMLScalarVolumeNode) -> bool:
    """Return whether a volume is a phantom, judging by its name and that of its file."""
    storage = node.GetStorageNode()
    file = Path(storage.GetFileName() or "").name if storage is not None else ""
    return any(name.casefold().startswith(PHANTOM) for name in (node.GetName() or "", file))


def skull_of(node: vtkMRMLScalarVolumeNode) -> Skull:
    """Return whether a volume shows a whole head, by a check that takes milliseconds."""
    voxels = slicer.util.arrayFromVolume(node)
    return HeadMeasurements.of(voxels, abs(float(np.linalg.det(affine_of(node)[:3, :3])))).skull


def _header(node: vtkMRMLScalarVolumeNode) -> SeriesHeader:
    return SeriesHeader.read(lambda tag: dicom_value(node, tag))


def _is_finite(node: vtkMRMLScalarVolumeNode) -> bool:
    voxels = slicer.util.arrayFromVolume(node)
    return voxels.dtype.kind != "f" or bool(np.isfinite(voxels).all())


def _spacing(node: vtkMRMLScalarVolumeNode) -> Sequence[float]:
    return [float(step) for step in np.linalg.norm(affine_of(node)[:3, :3], axis=0)]
