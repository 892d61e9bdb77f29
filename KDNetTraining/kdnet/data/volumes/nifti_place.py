"""Voxel geometry of a NIfTI file: qform, sform, and how to resolve disagreement.

The choice between the two follows ITK, so that a volume lies where Slicer shows it. Spacing and handedness must agree,
though: no choice is safe if a header contradicts itself about size or about left and right.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kdnet.data.volumes.geometry import UNPLACED, differs, shear
from kdnet.errors import DataError

SCANNER = 1  # code for scanner coordinates

MM_PER_UNIT = {1: 1000.0, 3: 0.001}  # meters and micrometers; everything else counts as mm

ITK_SHEAR_LIMIT = 5e-4  # above this shear, ITK uses the qform if there is one

LARGEST_TURN_DEGREES = 30.0  # between qform and sform; coregistration rotates a head less, swapping axes more


def nifti_affine(header: Any, shape: tuple[int, ...], path: Path) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """Return the affine of a NIfTI header, voxel indices to RAS mm, and remarks on its ambiguities.

    Args:
        header: nibabel's NIfTI-1 or NIfTI-2 header, as stored.
        shape: size of the first three axes.
        path: path of the file, for messages.

    Raises:
        DataError: if the header gives no geometry, or contradicts itself about spacing, axes or handedness.
    """
    spacing = np.array(header["pixdim"][1:4], dtype=np.float64)
    if not np.isfinite(spacing).all():
        raise DataError(f"{path} has a spacing that is NaN or infinite: correct its header.")
    qform = _qform(header, spacing, path) if header["qform_code"] > 0 else None
    sform = _sform(header, path) if header["sform_code"] > 0 else None
    doubts: tuple[str, ...] = ()
    if qform is not None and sform is not None:
        doubts = _compare(qform, sform, shape, path)
        prefers_sform = header["sform_code"] == SCANNER and shear(sform) < ITK_SHEAR_LIMIT
        affine = sform if prefers_sform else qform
    elif sform is not None:
        # a negative or missing pixdim does not matter here: the signs and lengths of the sform are complete
        if spacing.all() and differs(np.linalg.norm(sform[:3, :3], axis=0), np.abs(spacing)):
            raise _contradiction(path, np.abs(spacing), sform)
        affine = sform
    elif qform is not None:
        affine = qform
    else:
        _require_positive(spacing, path)
        affine = np.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
        doubts = (UNPLACED.format(missing="neither qform nor sform"),)
    affine[:3] *= MM_PER_UNIT.get(int(header["xyzt_units"]) & 7, 1.0)
    return affine, doubts


def _qform(header: Any, spacing: NDArray[np.float64], path: Path) -> NDArray[np.float64]:
    b, c, d = (float(header[f"quatern_{name}"]) for name in "bcd")
    offset = [float(header[f"qoffset_{name}"]) for name in "xyz"]
    sign = float(header["pixdim"][0])
    square = b * b + c * c + d * d
    if not np.isfinite([square, *offset, sign]).all():
        raise DataError(f"{path} has no valid position (its qform contains NaN or infinite values): correct its header.")
    if square > 1.01:
        raise DataError(f"{path} has a qform that is not a rotation: correct its header.")
    _require_positive(spacing, path)
    a = np.sqrt(max(0.0, 1 - square))
    if square > 1:
        b, c, d = (value / np.sqrt(square) for value in (b, c, d))
    affine = np.eye(4)
    affine[:3, :3] = [
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
    ]
    affine[:3, :3] *= spacing
    if sign < 0:
        affine[:3, 2] *= -1
    affine[:3, 3] = offset
    return affine


def _sform(header: Any, path: Path) -> NDArray[np.float64]:
    rows = np.array([header[f"srow_{name}"] for name in "xyz"], dtype=np.float64)
    if not np.isfinite(rows).all():
        raise DataError(f"{path} has no valid position (its sform contains NaN or infinite values): correct its header.")
    if not np.linalg.norm(rows[:, :3], axis=0).all():
        raise DataError(f"{path} has voxels of size zero (an axis of its sform is zero): correct its header.")
    return np.vstack([rows, [0.0, 0.0, 0.0, 1.0]])


def _compare(qform: NDArray[np.float64], sform: NDArray[np.float64], shape: tuple[int, ...], path: Path) -> tuple[str, ...]:
    """Refuse contradictions about size or axes; remark on positions that differ by more than half a voxel."""
    spacing = np.linalg.norm(qform[:3, :3], axis=0)
    lengths = np.linalg.norm(sform[:3, :3], axis=0)
    if differs(spacing, lengths):
        raise _contradiction(path, spacing, sform)
    cosines = ((qform[:3, :3] / spacing) * (sform[:3, :3] / lengths)).sum(axis=0)
    if cosines.min() < np.cos(np.radians(LARGEST_TURN_DEGREES)):
        raise DataError(
            f"{path} specifies contradictory axes (qform and sform disagree, so left and right are uncertain): "
            "correct its header."
        )
    corners = np.array([(*corner, 1) for corner in product(*((0, length - 1) for length in shape))])
    distance = float(np.linalg.norm(((qform - sform) @ corners.T)[:3], axis=0).max())
    if distance <= spacing.min() / 2:
        return ()
    return (f"has a qform and an sform that differ by up to {distance:.1f} mm: check its position.",)


def _require_positive(spacing: NDArray[np.float64], path: Path) -> None:
    if spacing.min() <= 0:
        raise DataError(f"{path} has a spacing of zero or less: correct its header.")


def _contradiction(path: Path, spacing: NDArray[np.float64], sform: NDArray[np.float64]) -> DataError:
    first, second = (
        " x ".join(f"{step:.4g}" for step in steps) for steps in (spacing, np.linalg.norm(sform[:3, :3], axis=0))
    )
    return DataError(f"{path} specifies contradictory spacings ({first} in pixdim, {second} in its sform): correct it.")
