"""The longest line across a region in one slice, and the longest one perpendicular to it in the same slice.

The ends of both lines lie on the outline of one connected part of the region in one slice, as those of a caliper do; in a
region that is not convex, a line may cross what is not part of it, such as necrosis inside an enhancing ring. The outline
runs halfway between voxels inside and outside, so that a block of n voxels is n voxels wide, and a single voxel one.
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
MOST_CROSSINGS = 1 << 20  # of edges with places along a line, that are computed at once
MOST_TIES = 8  # lines of equal length that are compared by their perpendicular


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
    longest = 0.0
    lines: list[tuple[_Part, NDArray[np.float64]]] = []
    for part in _parts(mask, slice_axis, np.linalg.norm(axes, axis=0)):
        if part.bound < longest - SAME_MM:
            break
        corners = _outline(part.pixels) @ to_mm.T
        distances = squareform(pdist(corners))
        if distances.max() > longest + SAME_MM:
            longest, lines = float(distances.max()), []
        pairs = np.argwhere(np.triu(distances > longest - SAME_MM))[:MOST_TIES]
        lines += [(part, corners[pair]) for pair in pairs]
    if not lines:
        raise ValueError("an empty region has no diameter")
    chords = [_chord(part.pixels, to_mm, ends[1] - ends[0]) for part, ends in lines[:MOST_TIES]]
    widest = int(np.argmax([np.linalg.norm(chord[1] - chord[0]) for chord in chords]))
    part, ends = lines[widest]
    origin = affine[:3, 3] + part.slice * affine[:3, slice_axis]
    first, second = (Line(*(_point(origin + basis @ end) for end in line)) for line in (ends, chords[widest]))
    return Diameters(first, second, part.slice)


@dataclass(frozen=True, eq=False)
class _Part:
    """A connected part of a region in one slice.

    Attributes:
        slice: index of the slice.
        pixels: indices of its pixels, ``[n, 2]``.
        bound: length in mm that its diameter cannot exceed.
    """

    slice: int
    pixels: NDArray[np.int64]
    bound: float


def _parts(mask: NDArray[np.bool_], slice_axis: int, spacing: NDArray[np.float64]) -> list[_Part]:
    """Return all parts; the ones that may be longest first."""
    structure = np.expand_dims(IN_PLANE, slice_axis)
    structure = np.concatenate([np.zeros_like(structure), structure, np.zeros_like(structure)], slice_axis)
    numbers, count = ndimage.label(mask, structure)
    found = []
    for number, box in zip(range(1, count + 1), ndimage.find_objects(numbers), strict=True):
        plane = np.take(numbers[box] == number, 0, axis=slice_axis)
        corner = [box[axis].start for axis in range(3) if axis != slice_axis]
        bound = float(np.dot(plane.shape, spacing))
        found.append(_Part(box[slice_axis].start, np.argwhere(plane) + corner, bound))
    return sorted(found, key=lambda part: -part.bound)


def _outline(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the corners ``[n, 2]`` of the convex outline of pixels, in pixels and in order around it."""
    # of each row, only the first and the last pixel can lie on the outline
    order = np.lexsort((pixels[:, 1], pixels[:, 0]))
    rows = pixels[order]
    change = np.flatnonzero(np.diff(rows[:, 0])) + 1
    ends = np.concatenate([rows[np.r_[0, change]], rows[np.r_[change - 1, len(rows) - 1]]])
    points = np.unique((ends[:, None, :] + HALF_STEPS).reshape(-1, 2), axis=0)
    return np.asarray(points[ConvexHull(points).vertices])


def _chord(pixels: NDArray[np.int64], to_mm: NDArray[np.float64], line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ends ``[end, 2]`` in mm of the longest chord of pixels perpendicular to ``line``, from outline to outline.

    Between corners of the outline the extent across ``line`` is a convex function of the place along it, so it is
    largest at a corner.
    """
    direction = line / np.linalg.norm(line)
    normal = np.array([-direction[1], direction[0]])
    edges = _edges(pixels) @ to_mm.T
    along, side = edges @ direction, edges @ normal
    flip = along[:, 0] > along[:, 1]
    along[flip], side[flip] = along[flip][:, ::-1], side[flip][:, ::-1]
    places = np.unique(np.round(along, 9))
    low, high = np.full(len(places), np.inf), np.full(len(places), -np.inf)
    begin = np.searchsorted(places, along[:, 0] - SAME_MM)
    counts = np.searchsorted(places, along[:, 1] + SAME_MM) - begin
    for block in np.array_split(np.arange(len(along)), 1 + int(counts.sum()) // MOST_CROSSINGS):
        crossed = counts[block]
        edge = np.repeat(block, crossed)
        place = begin[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(crossed) - crossed, crossed)
        (start, stop), (first, last) = along[edge].T, side[edge].T
        share = np.clip((places[place] - start) / np.maximum(stop - start, SAME_MM), 0, 1)
        crossing, oblique = first + share * (last - first), stop - start > SAME_MM
        np.minimum.at(low, place, np.where(oblique, crossing, np.minimum(first, last)))
        np.maximum.at(high, place, np.where(oblique, crossing, np.maximum(first, last)))
    widest = int((high - low).argmax())
    return np.stack([places[widest] * direction + edge[widest] * normal for edge in (low, high)])


def _edges(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return edges ``[n, end, 2]`` in pixels that include the outline of pixels: around each, and along each pair."""
    corner = pixels.min(axis=0) - 1
    plane = np.zeros(np.ptp(pixels, axis=0) + 3, bool)
    plane[tuple((pixels - corner).T)] = True
    inner = ndimage.binary_erosion(plane, IN_PLANE)
    border = np.argwhere(plane & ~inner) + corner
    around = np.array([[HALF_STEPS[first], HALF_STEPS[second]] for first in (0, 1) for second in (2, 3)])
    found = [(border[:, None, None, :] + around).reshape(-1, 2, 2)]
    for axis in (0, 1):
        step = np.eye(2, dtype=int)[axis]
        pairs = np.argwhere(plane & np.roll(plane, -1, axis) & ~(inner & np.roll(inner, -1, axis))) + corner
        for side in HALF_STEPS[2 - 2 * axis : 4 - 2 * axis]:
            found.append(np.stack([pairs + side, pairs + step + side], axis=1))
    return np.concatenate(found)


def _point(values: NDArray[np.float64]) -> Point:
    x, y, z = (float(value) for value in values)
    return x, y, z
