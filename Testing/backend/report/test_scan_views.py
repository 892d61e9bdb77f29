"""Pictures of a scan: the right side on the left, nothing stretched, lines where they were measured."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.measurement.lesions import find_lesions
from kdnet.report.scan_views import PIXELS, View, lesion_views
from kdnet.schema.labels import brats_labels
from scipy.spatial.transform import Rotation

BRATS = brats_labels()
ENHANCING = np.array(BRATS.labels[2].color) / 255
SHAPE = (60, 70, 20)


def ras_affine(spacing: tuple[float, float, float] = (2.0, 2.0, 6.0), tilt: float = 0.0) -> np.ndarray:
    """A grid whose axes run to the right, front and top."""
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("x", tilt, degrees=True).as_matrix() @ np.diag(spacing)
    return affine


def head() -> tuple[np.ndarray, np.ndarray]:
    """A head, bright in its right, front, upper part, with a tumor there; axes to the right, front and top."""
    image, labels = np.zeros(SHAPE), np.zeros(SHAPE, np.uint8)
    image[5:55, 5:65, 1:19] = 60
    labels[40:50, 48:58, 12:16] = 3
    return image, labels


def turned(order: tuple[int, ...], flips: tuple[int, ...], affine: np.ndarray) -> tuple[Volume, Volume]:
    """The head stored with other axes, at the same place."""
    to_old = np.zeros((4, 4))
    to_old[3, 3] = 1
    for new, old in enumerate(order):
        to_old[old, new] = flips[new]
        to_old[old, 3] = SHAPE[old] - 1 if flips[new] < 0 else 0
    stored = [np.transpose(part, order)[tuple(slice(None, None, step) for step in flips)] for part in head()]
    i, j, k = stored[0].shape
    grid = Grid((i, j, k), affine @ to_old)
    return Volume(stored[0], grid), Volume(stored[1], grid)


def views_of(scan: Volume, labelmap: Volume) -> tuple[View, ...]:
    return lesion_views(scan, labelmap, BRATS, find_lesions(labelmap, BRATS).table)


def center_of_color(view: View) -> tuple[float, float]:
    """Return the place of the labels in a picture, from 0 (left, top) to 1 (right, bottom)."""
    rows, columns = np.nonzero(np.ptp(view.pixels, axis=2) > 0.1)
    return float(columns.mean()) / view.pixels.shape[1], float(rows.mean()) / view.pixels.shape[0]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_every_storage_order_gives_the_radiological_view(order: tuple[int, ...]) -> None:
    for flips in itertools.product((1, -1), repeat=3):
        axial, coronal, sagittal = views_of(*turned(order, flips, ras_affine(tilt=8.0)))
        assert [view.title.split(",")[0] for view in (axial, coronal, sagittal)] == ["Axial", "Coronal", "Sagittal"]
        for view, (left, upper) in zip((axial, coronal, sagittal), ((True, True), (True, True), (True, True)), strict=True):
            across, down = center_of_color(view)
            assert (across < 0.5) is left  # the right side, or in the sagittal view the front
            assert (down < 0.5) is upper  # the front, or the top
        assert axial.sides == ("R", "L", "A", "P")
        assert coronal.sides == ("R", "L", "S", "I")
        assert sagittal.sides == ("A", "P", "S", "I")


def test_pictures_keep_the_proportions_of_the_patient() -> None:
    axial, coronal, sagittal = views_of(*turned((0, 1, 2), (1, 1, 1), ras_affine()))
    for view, (width, height) in ((axial, (100, 120)), (coronal, (100, 108)), (sagittal, (120, 108))):
        rows, columns = view.pixels.shape[:2]
        assert max(rows, columns) == pytest.approx(PIXELS, abs=2)
        assert columns / rows == pytest.approx((width + 12) / (height + 12), rel=0.06)


def test_lines_lie_on_the_lesion_in_the_acquisition_plane_alone() -> None:
    axial, coronal, sagittal = views_of(*turned((2, 0, 1), (-1, 1, -1), ras_affine()))
    assert coronal.lines == sagittal.lines == ()
    assert len(axial.lines) == 2
    scale = axial.pixels.shape[1] / 112
    (start, end), _ = axial.lines
    assert np.hypot(end[0] - start[0], end[1] - start[1]) / scale == pytest.approx(np.hypot(18, 20), abs=0.5)
    rows, columns = np.nonzero(np.ptp(axial.pixels, axis=2) > 0.1)
    for x, y in itertools.chain(*axial.lines):
        assert columns.min() - 1 <= x <= columns.max() + 2
        assert rows.min() - 1 <= y <= rows.max() + 2


def test_slices_are_counted_as_they_are_stored() -> None:
    upright, (_, flipped) = turned((0, 1, 2), (1, 1, 1), ras_affine()), turned((0, 1, 2), (1, 1, -1), ras_affine())
    assert views_of(*upright)[0].title == "Axial, slice 13 of 20"
    first = find_lesions(flipped, BRATS).table.lesions[0].whole.slice
    assert views_of(*turned((0, 1, 2), (1, 1, -1), ras_affine()))[0].title == f"Axial, slice {first + 1} of 20"


def test_labels_have_the_color_of_the_table_and_the_slice_is_gray() -> None:
    axial = views_of(*turned((0, 1, 2), (1, 1, 1), ras_affine()))[0]
    assert np.isclose(axial.pixels, ENHANCING).all(axis=2).any()
    assert np.median(np.ptp(axial.pixels, axis=2)) == 0


def test_a_scan_without_lesion_shows_its_middle() -> None:
    scan, labelmap = turned((0, 1, 2), (1, 1, 1), ras_affine())
    views = views_of(scan, Volume(np.zeros_like(labelmap.voxels), labelmap.grid))
    assert views[0].title == "Axial, slice 11 of 20"
    assert all(view.lines == () for view in views)
