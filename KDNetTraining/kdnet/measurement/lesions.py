"""Find and measure the lesions of a labelmap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians

import numpy as np
from numpy.typing import NDArray

from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.masks import label_mask
from kdnet.measurement.confidence import judged_parts
from kdnet.measurement.diameters import measure_diameters
from kdnet.measurement.parts import Part, connected_parts
from kdnet.schema.labels import LabelTable, Region
from kdnet.schema.lesion_confidence import LesionConfidence
from kdnet.schema.lesions import Lesion, LesionTable, Point, RegionSize

PLANES = ("sagittal", "coronal", "axial")  # by the patient axis across them
AXIAL = 2
THICKEST = 1.01  # slices thicker than pixels are wide by less than this do not define a plane
OBLIQUE_DEGREES = 5.0
MOST_LESIONS = 50  # to measure: a noisy labelmap has thousands, and measuring them would take minutes


@dataclass(frozen=True, eq=False)
class Lesions:
    """The lesions of a labelmap.

    Attributes:
        table: their measurements.
        numbers: int32 ``[i, j, k]``, the number of each voxel's lesion, 0 elsewhere.
        others: volumes in mL of the smaller lesions that were not measured.
    """

    table: LesionTable
    numbers: NDArray[np.int32]
    others: tuple[float, ...] = ()

    def keep(self, labelmap: NDArray[np.uint8], kept: frozenset[int]) -> NDArray[np.uint8]:
        """Return a copy of ``labelmap`` without the lesions whose number is not in ``kept``."""
        dropped = (self.numbers > 0) & ~np.isin(self.numbers, sorted(kept))
        return np.where(dropped, 0, labelmap).astype(np.uint8)


def find_lesions(
    labelmap: Volume,
    labels: LabelTable,
    probabilities: Mapping[str, Volume] | None = None,
    *,
    region: str = "",
    smallest_ml: float = 0.0,
    most: int = MOST_LESIONS,
    confidence: LesionConfidence | None = None,
    scan: Volume | None = None,
    parts: Mapping[str, Sequence[Part]] | None = None,
) -> Lesions:
    """Find the lesions of a labelmap and measure each region in them.

    A lesion is a connected part (faces, edges and corners) of an outermost region, one that no other region contains:
    of WT in the tables of BraTS, of each label where labels exclude each other. Diameters are measured in the
    acquisition plane.

    Args:
        labelmap: label values ``[i, j, k]``.
        labels: their meaning.
        probabilities: region name to its map in percent, on the same grid, as written by ``kdnet segment``.
        region: take the connected parts of this region instead.
        smallest_ml: lesions below this volume are ignored.
        most: number of lesions to measure, the largest first.
        confidence: of the model that made the labelmap; it needs the maps of its regions and the scan.
        scan: the scan, on the same grid.
        parts: the connected parts of a region by its name, where they are known already.
    """
    slice_axis, plane = acquisition_plane(labelmap.grid)
    numbers = np.zeros(labelmap.grid.shape, np.int32)
    found: list[tuple[Part, list[Region]]] = []
    maps = {name: volume.voxels for name, volume in (probabilities or {}).items()}
    case = _Case(np.asarray(labelmap.voxels), labelmap.grid, slice_axis, maps, confidence)
    for outer in [found for found in labels.regions if found.name == region] or outermost_regions(labels):
        inner = [region for region in labels.regions if region != outer and set(region.values) < set(outer.values)]
        known = (parts or {}).get(outer.name)
        if known is None and confidence is not None and outer.name == confidence.region:
            known = judged_parts(labelmap, outer, probabilities or {}, confidence, scan)
        elif known is None:
            known = connected_parts(case.voxels, outer, case.voxel_ml)
        found += [(part, [outer, *inner]) for part in known if part.milliliters >= smallest_ml]
    found.sort(key=lambda item: -item[0].milliliters)
    lesions = []
    for number, (part, regions) in enumerate(found[:most], start=1):
        numbers[part.box][part.mask & (numbers[part.box] == 0)] = number
        lesions.append(case.lesion(number, part, regions))
    others = tuple(part.milliliters for part, _ in found[most:])
    spacing = labelmap.grid.spacing[slice_axis]
    table = LesionTable(plane, slice_axis, spacing, tuple(lesions), len(others), sum(others))
    return Lesions(table, numbers, others)


def acquisition_plane(grid: Grid) -> tuple[int, str]:
    """Return the slice axis of a grid, which is the one of the largest spacing, and the name of the plane across it.

    Where no axis has the largest spacing (equal voxels), the plane is the most nearly axial one.
    """
    spacing = np.array(grid.spacing)
    normals = np.linalg.inv(grid.affine[:3, :3])  # row: normal of the plane of the other two axes
    normals = np.abs(normals / np.linalg.norm(normals, axis=1, keepdims=True))
    widest = np.sort(spacing)
    if widest[2] > THICKEST * widest[1]:
        axis = int(spacing.argmax())
    else:
        candidates = np.flatnonzero(spacing * THICKEST >= widest[2])
        axis = int(candidates[normals[candidates, AXIAL].argmax()])
    across = int(normals[axis].argmax())
    tilted = normals[axis, across] < cos(radians(OBLIQUE_DEGREES))
    return axis, f"{'oblique ' if tilted else ''}{PLANES[across]}"


def outermost_regions(labels: LabelTable) -> tuple[Region, ...]:
    """Return the regions that no larger region contains, and one of each set of regions that are equal."""
    found: list[Region] = []
    for region in labels.regions:
        values = set(region.values)
        inside = any(values < set(other.values) for other in labels.regions)
        if not inside and not any(values == set(other.values) for other in found):
            found.append(region)
    return tuple(found)


@dataclass(frozen=True, eq=False)
class _Case:
    """A labelmap, and what is needed to measure parts of it."""

    voxels: NDArray[np.generic]
    grid: Grid
    slice_axis: int
    maps: Mapping[str, NDArray[np.generic]]
    confidence: LesionConfidence | None = None

    @property
    def voxel_ml(self) -> float:
        return self.grid.voxel_ml

    def lesion(self, number: int, part: Part, regions: Sequence[Region]) -> Lesion:
        """Measure each of ``regions`` in a lesion, which is a part of the first."""
        box, mask = part.box, part.mask
        corner = np.array([side.start for side in box])
        indices = np.argwhere(mask)
        middle = indices.mean(axis=0)
        nearest = indices[np.linalg.norm((indices - middle) @ self.grid.affine[:3, :3].T, axis=1).argmin()]
        sizes = [self._size(box, mask & label_mask(self.voxels[box], region.values), region.name) for region in regions]
        found = tuple(size for size in sizes if size is not None)
        certainty = part.confidence
        doubtful = self.confidence is not None and certainty is not None and certainty < self.confidence.limit
        return Lesion(number, self._place(corner + middle), self._place(corner + nearest), found, certainty, doubtful)

    def _size(self, box: tuple[slice, ...], mask: NDArray[np.bool_], name: str) -> RegionSize | None:
        if not mask.any():
            return None
        affine = self.grid.affine.copy()
        corner = [part.start for part in box]
        affine[:3, 3] += affine[:3, :3] @ corner
        diameters = measure_diameters(mask, affine, self.slice_axis)
        scores = self.maps.get(name)
        return RegionSize(
            name,
            float(np.count_nonzero(mask)) * self.voxel_ml,
            diameters.longest,
            diameters.perpendicular,
            diameters.slice + corner[self.slice_axis],
            int(mask.any(axis=tuple(axis for axis in range(3) if axis != self.slice_axis)).sum()),
            None if scores is None else float(scores[box][mask].mean()) / 100,
        )

    def _place(self, index: NDArray[np.float64]) -> Point:
        x, y, z = (float(value) for value in self.grid.affine[:3, :3] @ index + self.grid.affine[:3, 3])
        return x, y, z
