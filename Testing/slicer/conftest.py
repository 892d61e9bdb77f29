"""A real MRML scene for tests of the Slicer side."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "KDNetSegmentation"))
sys.path.insert(0, str(Path(__file__).resolve().parent))


@pytest.fixture
def scene() -> Iterator[Any]:
    import slicer

    scene = slicer.vtkMRMLScene()
    yield scene
    scene.Clear(True)


def add_volume(scene: Any, voxels: np.ndarray, ijk_to_ras: np.ndarray, name: str = "T1ce") -> Any:
    """A scalar volume node of ``voxels`` ``[k, j, i]``."""
    import slicer
    import vtk

    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    matrix = vtk.vtkMatrix4x4()
    matrix.DeepCopy(ijk_to_ras.ravel())
    node.SetIJKToRASMatrix(matrix)
    slicer.util.updateVolumeFromArray(node, voxels)
    return node
