"""The lesions of a labelmap: sizes, diameters and position, as the command line, reports and panels show them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from kdnet.json_schema import parse_dataclass

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Line:
    """A straight line between two points of the patient, in RAS mm."""

    start: Point
    end: Point

    @property
    def length(self) -> float:
        """Length in mm."""
        return math.dist(self.start, self.end)


@dataclass(frozen=True)
class RegionSize:
    """The size of a region within one lesion.

    Attributes:
        name: region of the label table, such as ``"ET"``.
        milliliters: volume.
        diameter: longest line across it in one slice of the acquisition plane.
        perpendicular: longest line across it in the same slice at a right angle to ``diameter``.
        slice: index of that slice along the slice axis, from 0.
        slices: number of slices that show the region.
        probability: mean probability of the region within it, 0 to 1; None if no probability map was given.
    """

    name: str
    milliliters: float
    diameter: Line
    perpendicular: Line
    slice: int
    slices: int
    probability: float | None = None

    @property
    def product(self) -> float:
        """Bidimensional product of RANO: longest diameter times perpendicular, in mm²."""
        return self.diameter.length * self.perpendicular.length

    @property
    def diameters(self) -> str:
        """Both diameters as radiologists write them, for example ``"31 x 24 mm"``."""
        return f"{self.diameter.length:.0f} x {self.perpendicular.length:.0f} mm"


@dataclass(frozen=True)
class Lesion:
    """One lesion: a connected part of an outermost region of the label table.

    Attributes:
        number: from 1, the largest first.
        center: center of mass in RAS mm; it may lie outside a lesion that is not convex.
        inside: voxel center inside the lesion closest to ``center``, in RAS mm, to which a view can jump.
        sizes: the outermost region first, then the regions within it that the lesion contains.
        confidence: how often the model is right about such a lesion, 0 to 1, by its card; None if that is not known.
        doubtful: whether that is less than the card's limit.
    """

    number: int
    center: Point
    inside: Point
    sizes: tuple[RegionSize, ...]
    confidence: float | None = None
    doubtful: bool = False

    def certainty(self, index: int) -> float | None:
        """Return what to show as the confidence in the size ``index``.

        The lesion's own confidence, of the whole alone, or else the mean probability of each region.
        """
        if self.confidence is None:
            return self.sizes[index].probability
        return self.confidence if index == 0 else None

    @property
    def whole(self) -> RegionSize:
        """The size of the whole lesion."""
        return self.sizes[0]

    def size(self, region: str) -> RegionSize | None:
        """Return the size of a region in this lesion; None if the lesion does not contain it."""
        return next((size for size in self.sizes if size.name == region), None)


@dataclass(frozen=True)
class LesionTable:
    """All lesions of a labelmap.

    Attributes:
        plane: acquisition plane, in which diameters are measured: ``"axial"``, ``"coronal"`` or ``"sagittal"``, with
            ``"oblique "`` before it where it is tilted by more than 5 degrees.
        slice_axis: axis of the voxel array across that plane: 0, 1 or 2.
        slice_spacing: distance between slices in mm.
        lesions: the largest first.
        left_out: number of smaller lesions that were not measured, because there are so many.
        left_out_ml: their volume.
    """

    plane: str
    slice_axis: int
    slice_spacing: float
    lesions: tuple[Lesion, ...]
    left_out: int = 0
    left_out_ml: float = 0.0

    @property
    def not_measured(self) -> str:
        """Sentence on the lesions that were not measured; empty if all were."""
        if not self.left_out:
            return ""
        return (
            f"The {len(self.lesions)} largest lesions were measured; {self.left_out} smaller ones"
            f" ({self.left_out_ml:.2f} mL together) were not, because so many are probably noise."
        )

    def to_json(self) -> dict[str, Any]:
        """Return the table as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create a table from :meth:`to_json` output; raises SettingsError on invalid content."""
        return parse_dataclass(cls, content)
