"""Change of one patient's tumor between two visits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Self

from kdnet.json_schema import parse_dataclass


class Category(StrEnum):
    """The category that the thresholds of RANO give for a change in size; arithmetic, not an assessment."""

    COMPLETE = "complete response"
    PARTIAL = "partial response"
    STABLE = "stable disease"
    PROGRESSIVE = "progressive disease"
    NOT_MEASURABLE = "not measurable"


@dataclass(frozen=True)
class Change:
    """A measure at two visits.

    Attributes:
        earlier: at the earlier visit.
        later: at the later visit.
    """

    earlier: float
    later: float

    @property
    def difference(self) -> float:
        """Later minus earlier."""
        return self.later - self.earlier

    @property
    def percent(self) -> float | None:
        """Difference in percent of the earlier value; None if that is 0."""
        return 100 * self.difference / self.earlier if self.earlier else None


@dataclass(frozen=True)
class LesionChange:
    """Lesions at two visits that share a place: usually one each; several where they merged or divided.

    Attributes:
        earlier: numbers at the earlier visit; empty for a new lesion.
        later: numbers at the later visit; empty for one that disappeared.
        milliliters: their volume.
        product: sum of their bidimensional products in mm².
        earlier_diameters: both diameters of each, as text.
        later_diameters: likewise.
    """

    earlier: tuple[int, ...]
    later: tuple[int, ...]
    milliliters: Change
    product: Change
    earlier_diameters: str
    later_diameters: str


@dataclass(frozen=True)
class RegionComparison:
    """One region at two visits.

    Attributes:
        name: region of the label table.
        milliliters: its volume.
        product: sum of the bidimensional products of the target lesions in mm².
        targets: number of target lesions.
        new_lesions: number of measurable lesions at the later visit that are at no place of an earlier one.
        by_product: category by the sum of products.
        by_volume: category by the volume.
        lesions: the region's lesions, the largest first.
    """

    name: str
    milliliters: Change
    product: Change
    targets: int
    new_lesions: int
    by_product: Category
    by_volume: Category
    lesions: tuple[LesionChange, ...]


@dataclass(frozen=True)
class VisitComparison:
    """Two visits of one patient.

    Attributes:
        earlier: labelmap of the earlier visit, as named by the user.
        later: labelmap of the later visit.
        registered: how the two were aligned, in one sentence.
        regions: every region of the label table.
        warnings: why the comparison may be wrong, one sentence each.
    """

    earlier: str
    later: str
    registered: str
    regions: tuple[RegionComparison, ...]
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a comparison from :meth:`to_json` output; raises SettingsError on invalid content."""
        return parse_dataclass(cls, content)
