"""Compare two segmentations of one patient: volumes, diameters, and which lesion became which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from kdnet.data.volumes.grid import Volume
from kdnet.errors import DataError
from kdnet.measurement.lesions import Lesions, find_lesions
from kdnet.measurement.rano import PRODUCTS, VOLUMES, category, is_measurable, target_lesions
from kdnet.schema.labels import LabelTable
from kdnet.schema.lesions import Lesion
from kdnet.schema.visits import Change, LesionChange, RegionComparison, VisitComparison

SMALLEST_ML = 0.05  # as in the lesion-wise metrics of BraTS; smaller parts count in volumes only
NEAR_MM = 5.0  # lesions closer than this are one lesion at two visits
SAME_PLACE = "The visits were compared in the coordinates of their files, without registration."


def compare_visits(
    earlier: Volume,
    later: Volume,
    labels: LabelTable,
    *,
    names: tuple[str, str] = ("earlier", "later"),
    later_to_earlier: NDArray[np.float64] | None = None,
    registered: str = SAME_PLACE,
    warnings: Sequence[str] = (),
) -> VisitComparison:
    """Compare two labelmaps of one patient.

    Volumes and diameters are measured on each labelmap's own grid. The alignment only decides which lesions belong
    together.

    Args:
        earlier: label values ``[i, j, k]`` of the earlier visit.
        later: those of the later visit, on any grid.
        labels: meaning of the values of both.
        names: of the labelmaps, for messages.
        later_to_earlier: 4 x 4, RAS mm of the later visit to those of the earlier one; by default they are the same.
        registered: how that was found, in one sentence.
        warnings: remarks to keep with the result.

    Raises:
        DataError: if a labelmap holds values that the table does not have.
    """
    transform = np.eye(4) if later_to_earlier is None else later_to_earlier
    for volume, name in ((earlier, names[0]), (later, names[1])):
        _check_values(volume, labels, name)
    doubts = list(warnings)
    regions = []
    apart = True
    for region in labels.regions:
        visits = [find_lesions(volume, labels, region=region.name, smallest_ml=SMALLEST_ML) for volume in (earlier, later)]
        doubts += _left_out(region.name, visits, names)
        groups = _matched(visits[0], earlier, visits[1], later, transform)
        apart &= not any(first and second for first, second in groups)
        volumes = Change(*(_milliliters(volume, region.values) for volume in (earlier, later)))
        regions.append(_compared(region.name, volumes, visits, groups))
    if apart and all(volume.voxels.any() for volume in (earlier, later)):
        doubts.append(
            "No lesion of the later visit is near one of the earlier: check that both show one patient and are aligned."
        )
    return VisitComparison(*names, registered, tuple(regions), tuple(doubts))


def _left_out(region: str, visits: Sequence[Lesions], names: Sequence[str]) -> list[str]:
    return [
        f"{region} of {name}: {visit.table.not_measured}"
        for visit, name in zip(visits, names, strict=True)
        if visit.table.left_out
    ]


def _compared(
    name: str, volumes: Change, visits: Sequence[Lesions], groups: list[tuple[list[Lesion], list[Lesion]]]
) -> RegionComparison:
    spacing = [visit.table.slice_spacing for visit in visits]
    targets = target_lesions(visits[0].table.lesions, spacing[0])
    followed = [lesion for first, second in groups if any(lesion in targets for lesion in first) for lesion in second]
    products = Change(_products(targets), _products(followed))
    fresh = sum(is_measurable(lesion, spacing[1]) for first, second in groups if not first for lesion in second)
    change = {"measurable": bool(targets), "new_lesions": fresh > 0, "gone": volumes.later == 0}
    return RegionComparison(
        name,
        volumes,
        products,
        len(targets),
        fresh,
        category(products, PRODUCTS, **change),
        category(volumes, VOLUMES, **change),
        tuple(_lesion_change(first, second) for first, second in groups),
    )


def _matched(
    earlier: Lesions, first: Volume, later: Lesions, second: Volume, transform: NDArray[np.float64]
) -> list[tuple[list[Lesion], list[Lesion]]]:
    """Group lesions that are near each other, directly or through others; the largest group first."""
    places = _places(earlier.numbers, first.grid.affine), _places(later.numbers, transform @ second.grid.affine)
    counts = len(earlier.table.lesions), len(later.table.lesions)
    pairs: list[tuple[int, int]] = []
    for number in range(1, counts[1] + 1):
        points = places[1][1][places[1][0] == number]
        if len(points) and len(places[0][0]):
            distance, _ = cKDTree(points).query(places[0][1], distance_upper_bound=NEAR_MM)
            pairs += [(int(near), number) for near in np.unique(places[0][0][np.isfinite(distance)])]
    rows = [one - 1 for one, _ in pairs]
    columns = [counts[0] + other - 1 for _, other in pairs]
    links = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(sum(counts), sum(counts)))
    count, group = connected_components(links, directed=False)
    found = [
        (
            [lesion for lesion in earlier.table.lesions if group[lesion.number - 1] == number],
            [lesion for lesion in later.table.lesions if group[counts[0] + lesion.number - 1] == number],
        )
        for number in range(count)
    ]
    return sorted(found, key=lambda pair: -max(_volume(pair[0]), _volume(pair[1])))


def _places(numbers: NDArray[np.int32], affine: NDArray[np.float64]) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return the lesion number and the place in mm of every voxel of a lesion."""
    indices = np.argwhere(numbers)
    return numbers[numbers > 0], indices @ affine[:3, :3].T + affine[:3, 3]


def _lesion_change(first: list[Lesion], second: list[Lesion]) -> LesionChange:
    return LesionChange(
        tuple(lesion.number for lesion in first),
        tuple(lesion.number for lesion in second),
        Change(_volume(first), _volume(second)),
        Change(_products(first), _products(second)),
        *(", ".join(lesion.whole.diameters for lesion in lesions) for lesions in (first, second)),
    )


def _volume(lesions: Sequence[Lesion]) -> float:
    return sum(lesion.whole.milliliters for lesion in lesions)


def _products(lesions: Sequence[Lesion]) -> float:
    return sum(lesion.whole.product for lesion in lesions)


def _milliliters(volume: Volume, values: Sequence[int]) -> float:
    return float(np.isin(volume.voxels, values).sum()) * volume.grid.voxel_ml


def _check_values(volume: Volume, labels: LabelTable, name: str) -> None:
    known = {0, *(label.value for label in labels.labels)}
    unknown = sorted({int(value) for value in np.unique(volume.voxels)} - known)
    if unknown:
        raise DataError(f"{name} contains the value {unknown[0]}, which is not a label: name the labels with --labels.")
