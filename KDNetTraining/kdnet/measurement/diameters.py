"""The longest line across a region in one slice, and the longest one perpendicular to it in the same slice.

The two lines are those of a caliper: their ends lie on the convex outline of one connected part of the region in one
slice, so in a region that is not convex a line may cross what is not part of it. The outline runs halfway between voxels
inside and outside, so that a block of n voxels is n voxels wide, and a single voxel one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist, squareform

from kdnet.schema.lesions import Line, Point

IN_PLANE = ndimage.generate_binary_structure(2, 2)
HALF_STEPS = np.array([(-0.5, 0.0), (0.5, 0.0), (0.0, -0.5), (0.0, 0.5)])
SAME_MM = 1e-6


@dataclass(frozen=True)
class Diameters:
    """The two diameters of a region.

    Attributes:
        longest: longest line.
        perpendicular: longest line at a right angle to it.
        slice: index of their slice along the slice axis.
    """

    longest: Line
    perpendicular: Line
    slice: int


def measure_diameters(mask: NDArray[np.bool_], affine: NDArray[np.float64], slice_axis: int) -> Diameters:
    """Measure a region slice by slice.

    Args:
        mask: bool ``[i, j, k]``, not empty.
        affine: 4 x 4, voxel indices to RAS mm; axes need not be perpendicular.
        slice_axis: axis across the slices.

    Raises:
        ValueError: if the mask is empty.

    Example:
        >>> mask = np.zeros((20, 20, 3), bool)
        >>> mask[2:14, 5:6, 1] = True
        >>> found = measure_diameters(mask, np.diag([0.5, 2.0, 6.0, 1.0]), 2)
        >>> found.longest.length, found.perpendicular.length, found.slice
        (6.0, 2.0, 1)
    """
    across = [axis for axis in range(3) if axis != slice_axis]
    axes = affine[:3, across]
    basis, to_mm = np.linalg.qr(axes)  # basis: two perpendicular unit vectors in the plane
    best: tuple[float, float] = (-1.0, -1.0)
    found: tuple[int, NDArray[np.float64]] | None = None
    for index, part in _parts(mask, slice_axis, np.linalg.norm(axes, axis=0)):
        if part.bound + SAME_MM < best[0]:
            continue
        ends = _caliper(_outline(part.pixels) @ to_mm.T)
        lengths = tuple(float(np.linalg.norm(line[1] - line[0])) for line in ends)
        if lengths[0] > best[0] + SAME_MM or (lengths[0] > best[0] - SAME_MM and lengths[1] > best[1] + SAME_MM):
            best, found = (lengths[0], lengths[1]), (index, ends)
    if found is None:
        raise ValueError("an empty region has no diameter")
    index, ends = found
    origin = affine[:3, 3] + index * affine[:3, slice_axis]
    first, second = (Line(*(_point(origin + basis @ end) for end in line)) for line in ends)
    return Diameters(first, second, index)


@dataclass(frozen=True, eq=False)
class _Part:
    """A connected part of a region in one slice: pixel indices ``[n, 2]``, and a length that it cannot exceed in mm."""

    pixels: NDArray[np.int64]
    bound: float


def _parts(mask: NDArray[np.bool_], slice_axis: int, spacing: NDArray[np.float64]) -> list[tuple[int, _Part]]:
    """Return all parts with their slice index; the ones that may be longest first."""
    structure = np.expand_dims(IN_PLANE, slice_axis)
    structure = np.concatenate([np.zeros_like(structure), structure, np.zeros_like(structure)], slice_axis)
    numbers, count = ndimage.label(mask, structure)
    found = []
    for number, box in zip(range(1, count + 1), ndimage.find_objects(numbers), strict=True):
        plane = np.take(numbers[box] == number, 0, axis=slice_axis)
        corner = [box[axis].start for axis in range(3) if axis != slice_axis]
        bound = float(np.dot(plane.shape, spacing))
        found.append((box[slice_axis].start, _Part(np.argwhere(plane) + corner, bound)))
    return sorted(found, key=lambda item: -item[1].bound)


def _outline(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the corners ``[n, 2]`` of the convex outline of pixels, in pixels and in order around it."""
    # of each row, only the first and the last pixel can lie on the outline
    order = np.lexsort((pixels[:, 1], pixels[:, 0]))
    rows = pixels[order]
    change = np.flatnonzero(np.diff(rows[:, 0])) + 1
    ends = np.concatenate([rows[np.r_[0, change]], rows[np.r_[change - 1, len(rows) - 1]]])
    points = np.unique((ends[:, None, :] + HALF_STEPS).reshape(-1, 2), axis=0)
    return np.asarray(points[ConvexHull(points).vertices])


def _caliper(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return both lines of a convex polygon ``[corner, 2]`` in mm, ``[line, end, 2]``."""
    distances = squareform(pdist(corners))
    longest = float(distances.max())
    firsts, seconds = np.nonzero(np.triu(distances > longest - SAME_MM))
    candidates = []
    for first, second in zip(firsts[:8], seconds[:8], strict=True):  # a square has two, a circle many of one length
        direction = (corners[second] - corners[first]) / distances[first, second]
        candidates.append(np.stack([corners[[first, second]], _chord(corners, direction)]))
    return max(candidates, key=lambda lines: float(np.linalg.norm(lines[1, 1] - lines[1, 0])))


def _chord(corners: NDArray[np.float64], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ends ``[end, 2]`` of the longest chord of a convex polygon perpendicular to ``direction``.

    The length of such a chord is a concave function of its place, linear between corners, so it is longest at a corner.
    """
    normal = np.array([-direction[1], direction[0]])
    along, side = corners @ direction, corners @ normal
    start, stop = int(along.argmin()), int(along.argmax())
    places = np.unique(along)
    low, high = (_side(along, side, start, stop, places), _side(along, side, stop, start, places))
    widest = int(np.abs(high - low).argmax())
    return np.stack([places[widest] * direction + edge[widest] * normal for edge in (low, high)])


def _side(
    along: NDArray[np.float64], side: NDArray[np.float64], start: int, stop: int, places: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return where one half of the outline, from corner ``start`` around to ``stop``, lies at ``places``."""
    count = (stop - start) % len(along)
    chain = (start + np.arange(count + 1)) % len(along)
    order = np.argsort(along[chain], kind="stable")
    return np.interp(places, along[chain][order], side[chain][order])


def _point(values: NDArray[np.float64]) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z
