"""The plane of symmetry of a head, and what has a mirror image."""

from __future__ import annotations

import numpy as np
import pytest
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.measurement.symmetry import Mirror
from made_heads import CENTER, SHAPE, detailed_head, head, stripped
from scipy.spatial.transform import Rotation


@pytest.mark.parametrize("angles", [(0, 0, 0), (0, 12, -8), (10, -20, 22)])
@pytest.mark.parametrize("spacing", [(3.0, 3.0, 3.0), (2.0, 1.5, 6.0)])
def test_the_plane_of_a_turned_head_is_found(angles: tuple[int, int, int], spacing: tuple[float, float, float]) -> None:
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    turn[:3, 3] = CENTER - turn[:3, :3] @ CENTER + (8, -5, 4)
    shape = (round(180 / spacing[0]), round(216 / spacing[1]), round(180 / spacing[2]))
    mirror = Mirror.of(detailed_head(turn, shape, spacing, dark=False))
    assert mirror is not None
    expected = turn[:3, :3] @ (1, 0, 0)
    assert np.degrees(np.arccos(abs(mirror.normal @ expected))) < 4
    assert abs((turn[:3, :3] @ CENTER + turn[:3, 3] - mirror.point) @ expected) < 4


@pytest.mark.parametrize("axes", ["RAS", "LPS", "SAR"])
def test_storage_orientation_does_not_matter(axes: str) -> None:
    scan = detailed_head(np.eye(4), SHAPE, (3.0, 3.0, 3.0), dark=False)
    order = {"RAS": (0, 1, 2), "LPS": (0, 1, 2), "SAR": (2, 1, 0)}[axes]
    voxels, affine = np.transpose(scan.voxels, order), scan.grid.affine.copy()
    affine[:3, :3] = affine[:3, :3][:, order]
    if axes == "LPS":
        voxels, affine = voxels[::-1, ::-1], affine @ np.diag([-1.0, -1.0, 1.0, 1.0])
        affine[:3, 3] = [(SHAPE[0] - 1) * 3.0, (SHAPE[1] - 1) * 3.0, 0]
    turned = Volume(np.ascontiguousarray(voxels), Grid(voxels.shape, affine))
    first, second = Mirror.of(scan), Mirror.of(turned)
    assert first is not None
    assert second is not None
    assert abs(first.normal @ second.normal) > 0.999
    assert abs((first.point - second.point) @ first.normal) < 1


def test_the_share_with_a_mirror_image() -> None:
    scan, brain = head(noise=0)
    mirror = Mirror.of(stripped(scan, brain))
    assert mirror is not None
    marked = np.zeros(SHAPE, bool)
    marked[10:20, 30:40, 30:40] = True
    box = (slice(10, 20), slice(30, 40), slice(30, 40))
    assert mirror.share(box, marked[box], marked, scan.grid) == 0
    marked[40:50, 30:35, 30:40] = True
    assert mirror.share(box, marked[box], marked, scan.grid) == pytest.approx(0.5, abs=0.1)


def test_a_scan_without_a_patient_has_no_plane() -> None:
    grid = Grid((20, 20, 20), np.diag([1.0, 1.0, 1.0, 1.0]))
    assert Mirror.of(Volume(np.zeros((20, 20, 20)), grid)) is None
    assert Mirror.of(Volume(np.zeros((2, 2, 2)), Grid((2, 2, 2), np.diag([9.0, 9.0, 9.0, 1.0])))) is None
