"""Which parts of a labelmap are lesions, and how they are measured on oblique, anisotropic and flipped grids."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.measurement.lesions import MOST_LESIONS, acquisition_plane, find_lesions, outermost_regions
from kdnet.schema.labels import brats_labels, exclusive_labels, post_treatment_labels
from kdnet.schema.lesions import LesionTable
from scipy.spatial.transform import Rotation

BRATS = brats_labels()


def volume(voxels: np.ndarray, affine: np.ndarray | None = None) -> Volume:
    shape = tuple(int(size) for size in voxels.shape)
    return Volume(voxels.astype(np.uint8), Grid(shape, np.diag([1.0, 1.0, 4.0, 1.0]) if affine is None else affine))


def tumor() -> np.ndarray:
    """A tumor of edema, core and enhancing parts, and a small one of edema."""
    voxels = np.zeros((40, 36, 12), np.uint8)
    voxels[5:25, 6:20, 3:8] = 2
    voxels[9:19, 8:16, 4:7] = 3
    voxels[12:15, 10:13, 5] = 1
    voxels[32:36, 28:31, 9] = 2
    return voxels


def test_only_the_largest_lesions_are_measured_on_request() -> None:
    found = find_lesions(volume(tumor()), BRATS, most=1)
    assert [lesion.number for lesion in found.table.lesions] == [1]
    assert found.others == pytest.approx((4 * 3 * 4 / 1000,))
    assert set(np.unique(found.numbers)) == {0, 1}
    assert found.table.lesions == find_lesions(volume(tumor()), BRATS).table.lesions[:1]


def test_of_noise_the_largest_parts_are_measured_and_the_others_counted() -> None:
    voxels = np.zeros((40, 40, 40), np.uint8)
    voxels[::2, ::2, ::2] = 3
    voxels[10:20, 10:20, 10:20] = 3
    table = find_lesions(volume(voxels), BRATS).table
    assert len(table.lesions) == MOST_LESIONS
    assert table.lesions[0].whole.milliliters == pytest.approx(11**3 * 4 / 1000, rel=0.5)
    counted = sum(lesion.whole.milliliters for lesion in table.lesions) + table.left_out_ml
    assert counted == pytest.approx(np.count_nonzero(voxels) * 4 / 1000)
    assert f"{table.left_out} smaller ones" in table.not_measured
    assert find_lesions(volume(tumor()), BRATS).table.not_measured == ""


def test_lesions_are_connected_parts_with_the_size_of_each_region() -> None:
    table = find_lesions(volume(tumor()), BRATS).table
    assert [lesion.number for lesion in table.lesions] == [1, 2]
    first, second = table.lesions
    assert [size.name for size in first.sizes] == ["WT", "ET", "TC"]
    assert [size.milliliters for size in first.sizes] == pytest.approx(
        [20 * 14 * 5 * 4 / 1000, (10 * 8 * 3 - 9) * 4 / 1000, 10 * 8 * 3 * 4 / 1000]
    )
    assert first.center == pytest.approx((14.5, 12.5, 20.0))
    assert [size.name for size in second.sizes] == ["WT"]
    assert second.whole.milliliters == pytest.approx(4 * 3 * 4 / 1000)
    assert second.size("ET") is None
    assert second.center == pytest.approx((33.5, 29.0, 36.0))
    assert second.whole.slice == 9


def test_parts_that_touch_at_a_corner_are_one_lesion() -> None:
    voxels = np.zeros((10, 10, 10), np.uint8)
    voxels[2:4, 2:4, 2:4] = voxels[4:6, 4:6, 4:6] = 3
    assert len(find_lesions(volume(voxels), BRATS).table.lesions) == 1
    voxels[4:6, 4:6, 4:6] = 0
    voxels[5:7, 4:6, 4:6] = 3
    assert len(find_lesions(volume(voxels), BRATS).table.lesions) == 2


def test_a_resection_cavity_is_not_part_of_the_tumor_around_it() -> None:
    assert [region.name for region in outermost_regions(post_treatment_labels())] == ["WT", "RC"]
    voxels = tumor()
    voxels[14:18, 14:18, 4:7] = 4
    names = [lesion.whole.name for lesion in find_lesions(volume(voxels), post_treatment_labels()).table.lesions]
    assert sorted(names) == ["RC", "WT", "WT"]


def test_exclusive_labels_have_lesions_of_their_own() -> None:
    labels = exclusive_labels({1: "Lesion", 2: "Core"})
    voxels = np.zeros((9, 9, 9), np.uint8)
    voxels[1:5, 2, 2], voxels[5:8, 2, 2] = 1, 2
    names = [
        (lesion.whole.name, lesion.whole.diameter.length) for lesion in find_lesions(volume(voxels), labels).table.lesions
    ]
    assert names == [("Lesion", 4.0), ("Core", 3.0)]


def test_a_region_by_name_has_lesions_of_its_own() -> None:
    voxels = np.full((30, 10, 6), 2, np.uint8)
    voxels[2:6, 2:6, 2] = voxels[20:28, 2:6, 2] = 3
    whole, enhancing = (find_lesions(volume(voxels), BRATS, region=name).table.lesions for name in ("WT", "ET"))
    assert len(whole) == 1
    assert [lesion.whole.milliliters for lesion in enhancing] == pytest.approx([0.128, 0.064])
    assert len(find_lesions(volume(voxels), BRATS, region="ET", smallest_ml=0.1).table.lesions) == 1


def test_every_orientation_of_a_grid_gives_the_same_measurements() -> None:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", (12, -7, 20), degrees=True).as_matrix() @ np.diag([0.9, 0.7, 5.0])
    affine[:3, 3] = (-40.0, 20.0, 5.0)
    voxels = tumor()
    expected = find_lesions(volume(voxels, affine), BRATS).table
    for order in itertools.permutations(range(3)):
        for flips in itertools.product((1, -1), repeat=3):
            turned = np.transpose(voxels, order)[tuple(slice(None, None, step) for step in flips)]
            to_old = np.zeros((4, 4))
            to_old[3, 3] = 1
            for new, old in enumerate(order):
                to_old[old, new] = flips[new]
                to_old[old, 3] = voxels.shape[old] - 1 if flips[new] < 0 else 0
            found = find_lesions(volume(turned, affine @ to_old), BRATS).table
            assert found.plane == expected.plane == "oblique axial"
            for one, other in zip(found.lesions, expected.lesions, strict=True):
                assert one.center == pytest.approx(other.center)
                for size, known in zip(one.sizes, other.sizes, strict=True):
                    assert size.milliliters == pytest.approx(known.milliliters)
                    assert size.diameter.length == pytest.approx(known.diameter.length)
                    assert size.perpendicular.length == pytest.approx(known.perpendicular.length)


def test_the_acquisition_plane_is_that_of_the_thickest_spacing() -> None:
    def plane(*spacing: float, tilt: float = 0.0) -> tuple[int, str]:
        affine = np.eye(4)
        affine[:3, :3] = Rotation.from_euler("x", tilt, degrees=True).as_matrix() @ np.diag(spacing)
        return acquisition_plane(Grid((9, 9, 9), affine))

    assert plane(0.5, 0.5, 5) == (2, "axial")
    assert plane(5, 0.5, 0.5) == (0, "sagittal")
    assert plane(0.5, 5, 0.5, tilt=4) == (1, "coronal")
    assert plane(0.5, 0.5, 5, tilt=20) == (2, "oblique axial")
    assert plane(1, 1, 1) == (2, "axial")
    assert plane(1.0, 1.005, 1.0) == (2, "axial")  # rounding does not define a plane
    turned = np.eye(4)[:, [2, 0, 1, 3]]  # equal voxels; the first axis runs to the head
    assert acquisition_plane(Grid((9, 9, 9), turned)) == (0, "axial")


def test_confidence_is_the_mean_probability_within_the_region() -> None:
    voxels = np.zeros((10, 10, 5), np.uint8)
    voxels[2:4, 2:4, 2] = 2
    voxels[6:8, 6:8, 2] = 3
    percent = np.full(voxels.shape, 10, np.uint8)
    percent[2:4, 2:4, 2], percent[6:8, 6:8, 2] = 60, [[80, 90], [100, 70]]
    maps = {"WT": volume(percent)}
    found = find_lesions(volume(voxels), BRATS, maps).table.lesions
    assert sorted(lesion.whole.probability or 0 for lesion in found) == pytest.approx([0.6, 0.85])
    enhancing = next(size for lesion in found for size in lesion.sizes if size.name == "ET")
    assert enhancing.probability is None


def test_the_place_to_look_at_is_inside_a_ring() -> None:
    voxels = np.zeros((30, 30, 3), np.uint8)
    i, j = np.meshgrid(np.arange(30), np.arange(30), indexing="ij")
    radius = np.hypot(i - 15, j - 15)
    voxels[:, :, 1][(radius > 8) & (radius < 11)] = 3
    lesion = find_lesions(volume(voxels), BRATS).table.lesions[0]
    assert lesion.center == pytest.approx((15, 15, 4))
    i, j, k = (round(value) for value in (lesion.inside[0], lesion.inside[1], lesion.inside[2] / 4))
    assert voxels[i, j, k] == 3


def test_numbers_select_lesions_to_keep() -> None:
    voxels = tumor()
    found = find_lesions(volume(voxels), BRATS)
    assert set(np.unique(found.numbers[voxels > 0])) == {1, 2}
    kept = found.keep(voxels, frozenset({1}))
    assert (kept[:28] == voxels[:28]).all()
    assert not kept[28:].any()
    assert (found.keep(voxels, frozenset({1, 2})) == voxels).all()


def test_the_table_survives_json() -> None:
    table = find_lesions(volume(tumor()), BRATS, {"WT": volume(np.full((40, 36, 12), 70))}).table
    assert LesionTable.from_json(json.loads(json.dumps(table.to_json()))) == table


def test_an_empty_labelmap_has_no_lesions() -> None:
    assert find_lesions(volume(np.zeros((9, 9, 9))), BRATS).table.lesions == ()
