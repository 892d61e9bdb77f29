"""A scalar volume and its place in the patient: the single convention of the whole backend.

Arrays are indexed ``[i, j, k]`` and the affine maps voxel indices ``(i, j, k, 1)`` to RAS millimeters, as in NIfTI and in
Slicer's IJKToRAS matrix. (ITK's LPS and Slicer's ``arrayFromVolume`` order ``[k, j, i]`` are converted at the boundary.)
"""

from __future__ import annotations

from dataclasses import dataclass

import nibabel
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Grid:
    """The sampling grid of a volume.

    Attributes:
        shape: number of voxels along i, j, k.
        affine: 4 x 4, voxel indices to RAS millimeters.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between neighboring voxels along i, j, k in mm."""
        i, j, k = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(i), float(j), float(k)

    @property
    def voxel_mm3(self) -> float:
        """The volume of a voxel in mm³."""
        return abs(float(np.linalg.det(self.affine[:3, :3])))

    @property
    def voxel_ml(self) -> float:
        """The volume of a voxel in mL."""
        return self.voxel_mm3 / 1000

    @property
    def orientation(self) -> str:
        """The anatomical directions in which i, j and k increase, for example ``"LPS"``."""
        return "".join(nibabel.orientations.aff2axcodes(self.affine))

    @property
    def description(self) -> str:
        """Shape, spacing, orientation and origin as text."""
        shape = " x ".join(str(size) for size in self.shape)
        spacing = " x ".join(f"{size:.3g}" for size in self.spacing)
        origin = ", ".join(f"{value:.1f}" for value in self.affine[:3, 3])
        return f"{shape} voxels of {spacing} mm, {self.orientation}, origin {origin}"

    def matches(self, other: Grid, tolerance_mm: float = 1e-3) -> bool:
        """Check whether both grids have the same shape and their corners coincide within ``tolerance_mm``."""
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*((0, size - 1) for size in self.shape))).reshape(3, -1)
        homogeneous = np.vstack([corners, np.ones(corners.shape[1])])
        distance = np.linalg.norm(((self.affine - other.affine) @ homogeneous)[:3], axis=0)
        return bool(distance.max() <= tolerance_mm)


@dataclass(frozen=True, eq=False)
class Volume:
    """Voxels on a grid.

    Attributes:
        voxels: array of shape ``grid.shape``, any scalar type, indexed ``[i, j, k]``.
        grid: location of the voxels.
        warnings: ambiguities in the file, such as which side is left, as the rest of a sentence that begins with its name.
    """

    voxels: NDArray[np.generic]
    grid: Grid
    warnings: tuple[str, ...] = ()
