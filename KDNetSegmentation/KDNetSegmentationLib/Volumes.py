"""What the worker needs to know of a volume node, and what is probably wrong with choosing it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import slicer
import vtk
from kdnet.data.foreground import Foreground
from kdnet.data.series_header import SeriesHeader, guess_series
from kdnet.errors import DataError
from slicer.i18n import tr as _

from KDNetSegmentationLib.Models import ModelInfo

BRAIN_LITRES = 2.3  # larger than any brain, smaller than any head
SPACING_FACTOR = 2.5  # a volume this much coarser than the model's grid lacks the detail that the model was trained on


def request_of(node: Any, folder: Path, index: int = 0) -> dict[str, Any]:
    """Write the voxels of ``node`` into ``folder`` and describe them to the worker.

    A linear parent transform counts for orientation and spacing as long as it keeps the axes perpendicular; other
    transforms do not change how the volume is sampled, and are left out.
    """
    if node.GetImageData() is None:
        raise DataError(f"{node.GetName()} has no voxels: choose another volume.")
    path = folder / f"input{index}.npy"
    np.save(path, np.ascontiguousarray(slicer.util.arrayFromVolume(node)), allow_pickle=False)
    return {"name": node.GetName(), "file": str(path), "affine": _affine(node).tolist()}


def warnings_for(node: Any, modality: str, model: ModelInfo) -> tuple[str, ...]:
    """Why ``node`` is probably not the ``modality`` that ``model`` needs; each with a remedy, none that blocks."""
    if node.GetImageData() is None:
        return (_("{name} has no voxels: choose another volume.").format(name=node.GetName()),)
    if not _is_finite(node):
        return (
            _("{name} holds NaN or infinite values: replace them, for example by 0, or export it again.").format(
                name=node.GetName()
            ),
        )
    found = [_modality_warning(node, modality), _skull_warning(node, model), _spacing_warning(node, model)]
    return tuple(text for text in found if text)


def guess_modality(node: Any) -> str:
    """``"t1"``, ``"t1ce"``, ``"t2"``, ``"flair"``, or empty: from what DICOM and the node's name say together."""
    return guess_series(SeriesHeader.read(lambda tag: _dicom(node, tag)), node.GetName() or "")


def _modality_warning(node: Any, modality: str) -> str:
    scanner = _dicom(node, "0008,0060")
    if scanner and scanner != "MR":
        return _("{name} is a {scanner} image, but the model was trained on MR: choose an MR volume.").format(
            name=node.GetName(), scanner=scanner
        )
    guess = guess_modality(node)
    if guess and guess != modality:
        return _("{name} looks like {guess}, but the model needs {modality}: choose another volume or model.").format(
            name=node.GetName(), guess=guess.upper(), modality=modality.upper()
        )
    return ""


def _skull_warning(node: Any, model: ModelInfo) -> str:
    if model.trainingData.get("format") not in ("BraTS", "phantom"):
        return ""  # only of these is it known that skulls were removed
    litres = _foreground_litres(node)
    if litres <= BRAIN_LITRES:
        return ""
    return _(
        "{name} shows {litres:.1f} L of tissue, so probably the whole head, but the model was trained on brains without"
        " skull: remove the skull first, for example with the HDBrainExtraction extension."
    ).format(name=node.GetName(), litres=litres)


def _spacing_warning(node: Any, model: ModelInfo) -> str:
    coarsest, grid = max(_spacing(node)), max(model.spacing)
    if coarsest <= max(SPACING_FACTOR * grid, 2.5):
        return ""
    return _(
        "{name} has slices {coarsest:.1f} mm apart, but the model works at {grid:g} mm: expect rough results, or choose a"
        " volume with thinner slices."
    ).format(name=node.GetName(), coarsest=coarsest, grid=grid)


def _is_finite(node: Any) -> bool:
    voxels = slicer.util.arrayFromVolume(node)
    return voxels.dtype.kind != "f" or bool(np.isfinite(voxels).all())


def _foreground_litres(node: Any) -> float:
    """Tissue in litres, counted on every third voxel along each axis."""
    voxels = slicer.util.arrayFromVolume(node)
    if voxels.ndim != 3:
        return 0.0
    coarse = voxels[::3, ::3, ::3]
    inside = Foreground.of(voxels).mask(coarse)
    return float(inside.mean()) * coarse.size * 27 * float(np.prod(_spacing(node))) / 1e6


def _affine(node: Any) -> np.ndarray:
    local = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(local)
    affine = slicer.util.arrayFromVTKMatrix(local)
    transform = node.GetParentTransformNode()
    if transform is not None and transform.IsTransformToWorldLinear():
        toWorld = vtk.vtkMatrix4x4()
        transform.GetMatrixTransformToWorld(toWorld)
        world = slicer.util.arrayFromVTKMatrix(toWorld) @ affine
        axes = world[:3, :3] / np.linalg.norm(world[:3, :3], axis=0)
        if np.abs(axes.T @ axes - np.eye(3)).max() < 0.01:
            return np.asarray(world)
    return np.asarray(affine)


def _spacing(node: Any) -> Sequence[float]:
    return [float(step) for step in np.linalg.norm(_affine(node)[:3, :3], axis=0)]


def _dicom(node: Any, tag: str) -> str:
    """A DICOM value of the first file that the volume was loaded from, empty where there is none."""
    identifiers = (node.GetAttribute("DICOM.instanceUIDs") or "").split()
    database = getattr(slicer, "dicomDatabase", None)
    return str(database.instanceValue(identifiers[0], tag)) if identifiers and database is not None else ""
