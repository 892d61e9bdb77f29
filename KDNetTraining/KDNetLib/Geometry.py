"""Geometry of volume nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import slicer
import vtk

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from slicer import vtkMRMLScalarVolumeNode


def affine_of(node: vtkMRMLScalarVolumeNode) -> NDArray[np.float64]:
    """Return the 4 x 4 matrix from voxel indices (i, j, k) to RAS in mm, as passed to the worker.

    A linear parent transform is applied if it keeps the axes perpendicular; other transforms do not change how the
    volume is sampled and are ignored.
    """
    affine = local_affine_of(node)
    transform = node.GetParentTransformNode()
    if transform is not None and transform.IsTransformToWorldLinear():
        toWorld = vtk.vtkMatrix4x4()
        transform.GetMatrixTransformToWorld(toWorld)
        world = slicer.util.arrayFromVTKMatrix(toWorld) @ affine
        axes = world[:3, :3] / np.linalg.norm(world[:3, :3], axis=0)
        if np.abs(axes.T @ axes - np.eye(3)).max() < 0.01:
            return np.asarray(world)
    return affine


def local_affine_of(node: vtkMRMLScalarVolumeNode) -> NDArray[np.float64]:
    """Return the 4 x 4 matrix from voxel indices (i, j, k) to RAS in mm, without parent transforms."""
    local = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(local)
    return np.asarray(slicer.util.arrayFromVTKMatrix(local))


def voxel_milliliters(node: vtkMRMLScalarVolumeNode) -> float:
    """Return the volume of a voxel in mL where the volume lies in the scene, whatever linear parent transforms do to it."""
    matrix = local_affine_of(node)
    transform = node.GetParentTransformNode()
    if transform is not None and transform.IsTransformToWorldLinear():
        toWorld = vtk.vtkMatrix4x4()
        transform.GetMatrixTransformToWorld(toWorld)
        matrix = slicer.util.arrayFromVTKMatrix(toWorld) @ matrix
    return abs(float(np.linalg.det(matrix[:3, :3]))) / 1000
