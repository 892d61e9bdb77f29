"""Arithmetic of the RANO criteria: target lesions, sums of products and the categories of their change.

Thresholds of products are those of Wen et al. 2010 (10.1200/JCO.2009.26.3541), thresholds of volumes those of RANO 2.0, Wen
et al. 2023 (10.1200/JCO.23.01059). An assessment also takes steroids, clinical state, other sequences, confirmation
after four weeks, and the best earlier scan into account; none of that is known here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kdnet.schema.lesions import Lesion
from kdnet.schema.visits import Category, Change

MEASURABLE_MM = 10.0
THICK_MM = 5.0  # with slices further apart, a measurable lesion measures at least two of them
FEWEST_SLICES = 2
MOST_TARGETS = 5
ROUNDING = 1e-9


@dataclass(frozen=True)
class Thresholds:
    """Relative changes from which a tumor is said to have shrunk or grown.

    Attributes:
        partial: smallest decrease of a partial response.
        progressive: smallest increase of progressive disease.
    """

    partial: float
    progressive: float


PRODUCTS = Thresholds(partial=0.5, progressive=0.25)
VOLUMES = Thresholds(partial=0.65, progressive=0.4)


def is_measurable(lesion: Lesion, slice_spacing: float) -> bool:
    """Return whether both diameters are at least 10 mm, or two slices if these are over 5 mm apart, on two slices.

    Args:
        lesion: the lesion.
        slice_spacing: distance between slices in mm.
    """
    fewest = 2 * slice_spacing if slice_spacing > THICK_MM else MEASURABLE_MM
    size = lesion.whole
    return size.slices >= FEWEST_SLICES and min(size.diameter.length, size.perpendicular.length) >= fewest - ROUNDING


def target_lesions(lesions: Iterable[Lesion], slice_spacing: float) -> tuple[Lesion, ...]:
    """Return the measurable lesions with the largest products, at most five."""
    found = [lesion for lesion in lesions if is_measurable(lesion, slice_spacing)]
    return tuple(sorted(found, key=lambda lesion: -lesion.whole.product)[:MOST_TARGETS])


def category(change: Change, thresholds: Thresholds, *, measurable: bool, new_lesions: bool, gone: bool) -> Category:
    """Return the category of a change.

    Args:
        change: sum of products, or volume.
        thresholds: those of the measure.
        measurable: whether the earlier visit shows a measurable lesion.
        new_lesions: whether the later visit shows a new measurable lesion.
        gone: whether the later visit shows nothing of the region.
    """
    if new_lesions:
        return Category.PROGRESSIVE
    if not measurable or change.earlier <= 0:
        return Category.NOT_MEASURABLE
    if gone:
        return Category.COMPLETE
    relative = change.difference / change.earlier
    if relative <= -thresholds.partial + ROUNDING:
        return Category.PARTIAL
    return Category.PROGRESSIVE if relative >= thresholds.progressive - ROUNDING else Category.STABLE
