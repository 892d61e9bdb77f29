"""Diameters of analytic shapes on every kind of grid, and of random masks against an exhaustive search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from kdnet.measurement.diameters import measure_diameters
from scipy import ndimage
from scipy.spatial.transform import Rotation

HALF_STEPS = ((-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5))
spacings = st.tuples(*[st.floats(0.4, 7.0)] * 3)


def affine(spacing: tuple[float, float, float], seed: int = 0, shear: float = 0.0) -> np.ndarray:
    """An oblique grid; ``shear`` is the cosine between its first two axes."""
    axes = np.diag([1.0, 1.0, 1.0])
    axes[:, 1] = (shear, np.sqrt(1 - shear**2), 0)
    result = np.eye(4)
    result[:3, :3] = Rotation.random(random_state=seed).as_matrix() @ axes @ np.diag(spacing)
    result[:3, 3] = (12.0, -30.0, 45.0)
    return result


def outline_points(plane: np.ndarray) -> np.ndarray:
    return np.array([(i + di, j + dj) for i, j in np.argwhere(plane) for di, dj in HALF_STEPS])


def widest(plane: np.ndarray, axes: np.ndarray, first: np.ndarray, second: np.ndarray, step: float = 0.05) -> float:
    """Return the largest extent across a line, from a dense sampling of the area within the outline."""
    around = np.arange(-0.5, 0.5 + step / 2, step)
    diamond = np.array([(x, y) for x in around for y in around if abs(x) + abs(y) <= 0.5 + 1e-9])
    samples = [pixel + diamond for pixel in np.argwhere(plane)]
    for pixel in np.argwhere(plane):
        for axis in (0, 1):
            other = pixel + np.eye(2, dtype=int)[axis]
            if (other < plane.shape).all() and plane[tuple(other)]:
                band = np.array([(x, y) for x in np.arange(0, 1 + step / 2, step) for y in around])
                samples.append(pixel + (band if axis == 0 else band[:, ::-1]))
    places = np.concatenate(samples) @ axes.T
    direction = (second - first) / np.linalg.norm(second - first)
    along, side = places @ direction, places @ np.array([-direction[1], direction[0]])
    bins = np.round(along / (step * np.linalg.norm(axes, axis=0).max())).astype(int)
    return max(float(np.ptp(side[bins == number])) for number in np.unique(bins))


@given(
    plane=arrays(bool, (5, 6)).filter(np.any),
    spacing=st.tuples(*[st.floats(0.8, 1.5)] * 3),
    seed=st.integers(0, 1000),
    shear=st.floats(-0.6, 0.6),
)
@settings(max_examples=25, deadline=None)
def test_random_masks_agree_with_an_exhaustive_search(
    plane: np.ndarray, spacing: tuple[float, float, float], seed: int, shear: float
) -> None:
    numbers, _ = ndimage.label(plane, np.ones((3, 3)))
    plane = numbers == np.bincount(numbers[numbers > 0]).argmax()  # one connected part
    grid = affine(spacing, seed, shear)
    found = measure_diameters(plane[:, :, None], grid, 2)
    _basis, to_mm = np.linalg.qr(grid[:3, :2])
    places = outline_points(plane) @ to_mm.T
    distances = np.linalg.norm(places[:, None] - places[None], axis=2)
    assert found.longest.length == pytest.approx(distances.max(), abs=1e-5)
    widths = [
        widest(plane, to_mm, places[first], places[second])
        for first, second in np.argwhere(np.triu(distances > distances.max() - 1e-6))
    ]
    assert found.perpendicular.length == pytest.approx(max(widths), abs=0.3)


@given(spacing=spacings, seed=st.integers(0, 1000), shear=st.floats(-0.6, 0.6), axis=st.integers(0, 2))
@settings(max_examples=50, deadline=None)
def test_both_lines_lie_in_the_slice_and_are_perpendicular(
    spacing: tuple[float, float, float], seed: int, shear: float, axis: int
) -> None:
    mask = np.random.default_rng(seed).random((6, 7, 5)) > 0.6
    grid = affine(spacing, seed, shear)
    found = measure_diameters(mask, grid, axis)
    ends = np.array([found.longest.start, found.longest.end, found.perpendicular.start, found.perpendicular.end])
    indices = (ends - grid[:3, 3]) @ np.linalg.inv(grid[:3, :3]).T
    assert indices[:, axis] == pytest.approx(np.full(4, found.slice), abs=1e-6)
    first, second = ends[1] - ends[0], ends[3] - ends[2]
    assert abs(first @ second) <= 1e-6 * np.linalg.norm(first) * np.linalg.norm(second) + 1e-9
    assert found.perpendicular.length <= found.longest.length + 1e-6


def ellipsoid(
    shape: tuple[int, int, int], grid: np.ndarray, half_axes: tuple[float, float, float], seed: int
) -> np.ndarray:
    """An ellipsoid in the middle of a grid; its axes are turned within the slices (of axis 2) by an angle of ``seed``."""
    spacing = np.linalg.norm(grid[:3, :3], axis=0)
    places = [(np.arange(size) - (size - 1) / 2) * step for size, step in zip(shape, spacing, strict=True)]
    x, y, z = np.meshgrid(*places, indexing="ij")
    angle = seed * 0.7
    a, b, c = half_axes
    u, v = np.cos(angle) * x + np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y
    return np.asarray((u / a) ** 2 + (v / b) ** 2 + (z / c) ** 2 <= 1)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.5, 6.5), (0.9, 0.6, 3.0)])
def test_an_ellipsoid_has_the_diameters_of_its_half_axes(spacing: tuple[float, float, float], seed: int) -> None:
    half_axes = (21.0, 13.0, 17.0)
    shape = tuple(2 * int(22 / step) + 3 for step in spacing)
    grid = affine(spacing, seed)
    found = measure_diameters(ellipsoid(shape, grid, half_axes, seed), grid, 2)
    pixel = max(spacing[:2])
    assert found.longest.length == pytest.approx(42.0, abs=pixel)
    assert found.perpendicular.length == pytest.approx(26.0, abs=2 * pixel)
    assert abs(found.slice - shape[2] // 2) <= 1  # neighboring slices may be equally long


def test_a_rotated_box_has_its_diagonal() -> None:
    x, y = np.meshgrid(np.arange(200) - 99.5, np.arange(200) - 99.5, indexing="ij")
    x, y = x * 0.25, y * 0.25
    for angle in np.linspace(0, np.pi, 7):
        u, v = np.cos(angle) * x + np.sin(angle) * y, -np.sin(angle) * x + np.cos(angle) * y
        mask = (np.abs(u) <= 15) & (np.abs(v) <= 5)
        found = measure_diameters(mask[:, :, None], np.diag([0.25, 0.25, 4.0, 1.0]), 2)
        assert found.longest.length == pytest.approx(np.hypot(30, 10), abs=0.5)
        # across the diagonal of a box a x b, the longest chord is b / cos of the diagonal's angle
        assert found.perpendicular.length == pytest.approx(10 / np.cos(np.arctan2(10, 30)), abs=0.5)


@pytest.mark.parametrize("shear", [0.0, 0.3, -0.5])
def test_a_row_of_pixels_is_as_long_as_its_pixels(shear: float) -> None:
    mask = np.zeros((20, 20, 4), bool)
    mask[3:15, 7, 2] = True
    found = measure_diameters(mask, affine((0.8, 0.8, 5.0), 3, shear), 2)
    expected = max(
        float(np.linalg.norm(affine((0.8, 0.8, 5.0), 3, shear)[:3, :2] @ (first - second)))
        for first in np.array([(-0.5, 0), (11.5, 0), (0, 0.5), (11, -0.5), (11, 0.5), (0, -0.5)])
        for second in np.array([(-0.5, 0), (11.5, 0), (0, 0.5), (11, -0.5), (11, 0.5), (0, -0.5)])
    )
    assert found.longest.length == pytest.approx(expected)
    assert found.longest.length == pytest.approx(12 * 0.8, abs=0.5)


def test_both_lines_end_on_the_outline_of_a_crescent() -> None:
    i, j = np.meshgrid(np.arange(60), np.arange(60), indexing="ij")
    crescent = (np.hypot(i - 30, j - 30) < 25) & (np.hypot(i - 30, j - 45) > 25)
    found = measure_diameters(crescent[:, :, None], np.eye(4), 2)
    inside = np.argwhere(crescent)
    for line in (found.longest, found.perpendicular):
        for end in (line.start, line.end):
            assert np.abs(inside - end[:2]).sum(axis=1).min() <= 0.5 + 1e-6


def test_two_parts_in_a_slice_are_not_one_line() -> None:
    mask = np.zeros((40, 10, 3), bool)
    mask[2:6, 4, 1] = mask[30:35, 4, 1] = True
    mask[2:35, 4, 2] = True  # joins them one slice further
    assert measure_diameters(mask[:, :, :2], np.eye(4), 2).longest.length == pytest.approx(5.0)
    found = measure_diameters(mask, np.eye(4), 2)
    assert (found.longest.length, found.slice) == (33.0, 2)


def test_of_equal_lines_the_one_with_the_wider_perpendicular_counts() -> None:
    mask = np.zeros((12, 12, 2), bool)
    mask[1:11, 5, 0] = True
    mask[1:11, 5, 1] = mask[4:8, 3:8, 1] = True
    found = measure_diameters(mask, np.eye(4), 2)
    assert (found.slice, found.longest.length, found.perpendicular.length) == (1, 10.0, 5.0)


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        measure_diameters(np.zeros((3, 3, 3), bool), np.eye(4), 2)
