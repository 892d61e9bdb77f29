"""The content of the report on one segmented scan, the same for HTML and PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from kdnet.data.volumes.dicom import is_series
from kdnet.data.volumes.dicom_facts import series_facts
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.report.scan_views import View, lesion_views
from kdnet.schema.labels import LabelTable
from kdnet.schema.lesion_confidence import LesionConfidence
from kdnet.schema.lesions import LesionTable, Point
from kdnet.schema.segmentation import RegionVolume

RESEARCH_ONLY = "For research use only; not a medical device. Not for diagnosis or treatment."
MOST_LESIONS = 5  # in the table; as many as RANO takes for targets
CONVENTION = (
    "Radiological convention: the patient's right is on the left of axial and coronal pictures. Letters name the sides "
    "(R right, L left, A anterior, P posterior, S superior, I inferior). White lines: measured diameters."
)
DEFINITIONS = (
    "A lesion is a connected part of the segmentation. The longest diameter is measured in one slice of the acquisition "
    "plane, and its perpendicular in the same slice, from outline to outline; RANO multiplies the two. Positions are "
    "centers of mass in patient coordinates (mm)."
)
CALIBRATED = (
    "Confidence: how many of such lesions were tumor in cases that the model was not trained on, where half of all marked "
    "lesions were."
)
MEAN = "Confidence: mean probability of the region, which is not calibrated."


@dataclass(frozen=True)
class Model:
    """What made the segmentation; empty where it is not known.

    Attributes:
        name: name of the model.
        facts: further facts by name, such as its version.
        confidence: how often it is right about a lesion.
    """

    name: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    confidence: LesionConfidence | None = None


@dataclass(frozen=True, eq=False)
class ScanReport:
    """Everything on the page.

    Attributes:
        case: name of the case.
        patient: what the header says about the patient, by name; empty where there is no such header.
        scan: what is known about the scan, by name.
        model: what made the segmentation.
        labels: names and colors.
        volumes: volumes of labels and regions.
        lesions: measured lesions.
        views: pictures.
        preparation: what was done to the scan before, one sentence each.
        warnings: why the result may be wrong, one sentence each.
        created: date and time of the report.
    """

    case: str
    patient: Mapping[str, str]
    scan: Mapping[str, str]
    model: Model
    labels: LabelTable
    volumes: tuple[RegionVolume, ...]
    lesions: LesionTable
    views: tuple[View, ...]
    preparation: tuple[str, ...]
    warnings: tuple[str, ...]
    created: str

    def shown_labels(self) -> list[tuple[str, tuple[int, int, int], float]]:
        """Return name, color and volume in mL of each label."""
        known = {label.name: label.color for label in self.labels.labels}
        return [(volume.name, known[volume.name], volume.milliliters) for volume in self.volumes if volume.name in known]

    def combined(self) -> list[tuple[str, str, float]]:
        """Return name, labels and volume in mL of each region that combines labels."""
        names = {label.value: label.name for label in self.labels.labels}
        values = {region.name: region.values for region in self.labels.regions if len(region.values) > 1}
        return [
            (volume.name, " + ".join(names[value] for value in values[volume.name]), volume.milliliters)
            for volume in self.volumes
            if volume.name in values
        ]

    @property
    def definitions(self) -> str:
        """What the columns of the table of lesions mean."""
        listed = self.lesions.lesions
        if any(lesion.confidence is not None for lesion in listed):
            return f"{DEFINITIONS} {CALIBRATED}"
        return f"{DEFINITIONS} {MEAN}" if any(lesion.whole.probability is not None for lesion in listed) else DEFINITIONS

    def rest(self, shown: int = MOST_LESIONS) -> str:
        """Return a sentence on the lesions beyond the first ``shown``, empty if there are none."""
        others = self.lesions.lesions[shown:]
        count = len(others) + self.lesions.left_out
        if not count:
            return ""
        total = sum(lesion.whole.milliliters for lesion in others) + self.lesions.left_out_ml
        return f"{count} smaller lesion{'s' if count > 1 else ''} ({total:.2f} mL together) not shown."


LESION_HEADER = ("Lesion", "Region", "Volume", "Diameters", "Product", "Slice", "Position", "Confidence")


def lesion_rows(lesions: LesionTable, most: int = MOST_LESIONS) -> list[tuple[str, ...]]:
    """Return the rows of the table of the largest lesions; number and position are in the first row of each lesion."""
    rows: list[tuple[str, ...]] = []
    for lesion in lesions.lesions[:most]:
        for index, size in enumerate(lesion.sizes):
            certainty = lesion.certainty(index)
            confidence = "" if certainty is None else f"{100 * certainty:.0f} %"
            rows.append(
                (
                    "" if index else str(lesion.number),
                    size.name,
                    f"{size.milliliters:.2f} mL",
                    f"{size.diameter.length:.1f} x {size.perpendicular.length:.1f} mm",
                    f"{size.product:.0f} mm²",
                    str(size.slice + 1),
                    "" if index else position(lesion.center),
                    confidence,
                )
            )
    return rows


def position(point: Point) -> str:
    """Return a point in RAS mm with the letters of its sides, for example ``"L 23, A 12, S 40"``."""
    letters = (("R", "L"), ("A", "P"), ("S", "I"))
    return ", ".join(
        f"{names[0] if value >= 0 else names[1]} {abs(value):.0f}" for value, names in zip(point, letters, strict=True)
    )


def build_report(
    case: str,
    file: Path,
    scan: Volume,
    labelmap: Volume,
    labels: LabelTable,
    lesions: LesionTable,
    *,
    model: Model,
    preparation: Sequence[str] = (),
    warnings: Sequence[str] = (),
    created: str = "",
    files: Sequence[Path] | None = None,
) -> ScanReport:
    """Collect and draw everything that the report shows.

    Args:
        case: name of the case.
        file: file of the scan, or folder of its DICOM series.
        scan: its voxels.
        labelmap: labels on the same grid.
        labels: their meaning.
        lesions: measured on ``labelmap``.
        model: what made them.
        preparation: what was done to the scan before.
        warnings: why the result may be wrong.
        created: date and time to show.
        files: files of a DICOM series, if its folder also holds others.

    Raises:
        DataError: if the header of a DICOM series cannot be read.
    """
    patient, facts = series_facts(file, files) if is_series(file) else ({}, {})
    return ScanReport(
        case,
        patient,
        {**facts, "File": file.name, **_grid_facts(scan.grid, lesions)},
        model,
        labels,
        labels.volumes(np.asarray(labelmap.voxels), labelmap.grid.voxel_ml),
        lesions,
        lesion_views(scan, labelmap, labels, lesions),
        tuple(preparation),
        tuple(warnings),
        created,
    )


def now() -> str:
    """Return the date and time of a report, in local time."""
    return datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _grid_facts(grid: Grid, lesions: LesionTable) -> dict[str, str]:
    return {
        "Grid": " x ".join(map(str, grid.shape))
        + " voxels of "
        + " x ".join(f"{step:.3g}" for step in grid.spacing)
        + " mm",
        "Acquisition": f"{lesions.plane}, slices {lesions.slice_spacing:.3g} mm apart",
    }
