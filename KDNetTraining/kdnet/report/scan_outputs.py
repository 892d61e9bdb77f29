"""What can be written about a segmented scan: a table of lesions, a report, a DICOM SEG.

Everything is made from files, so that a segmentation that a person corrected is measured as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import kdnet
from kdnet.data.volumes.dicom import is_series
from kdnet.data.volumes.dicom_seg import Algorithm, require_highdicom, require_series, write_dicom_seg
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError, SettingsError
from kdnet.files import atomic_write, writable_folder
from kdnet.measurement.lesions import find_lesions
from kdnet.measurement.meaning import read_labelmaps
from kdnet.report.lesion_files import write_lesions
from kdnet.report.scan_content import Model, ScanReport, build_report
from kdnet.report.scan_page import scan_page
from kdnet.report.scan_pdf import write_scan_pdf
from kdnet.schema.labels import LabelTable
from kdnet.schema.lesions import LesionTable

SUFFIXES = {"lesions": (".csv", ".json"), "report": (".html", ".pdf"), "dicom_seg": (".dcm",)}


@dataclass(frozen=True)
class Outputs:
    """Files to write; None for those that are not wanted.

    Attributes:
        lesions: table of lesions, CSV or JSON.
        report: report of one scan, HTML or PDF.
        dicom_seg: DICOM Segmentation object of one scan.
        overwrite: whether files that exist are replaced.
    """

    lesions: Path | None = None
    report: Path | None = None
    dicom_seg: Path | None = None
    overwrite: bool = False

    def files(self) -> dict[str, Path]:
        """Return the files that are wanted, by the name of the option."""
        named = {"lesions": self.lesions, "report": self.report, "dicom_seg": self.dicom_seg}
        return {name: path for name, path in named.items() if path is not None}

    def check(self, scans: Sequence[Path]) -> None:
        """Check that everything can be written, before time is spent.

        Args:
            scans: files of the scans, or folders of their DICOM series.

        Raises:
            SettingsError: if a name does not fit, or a file exists.
            DataError: if a DICOM SEG is wanted of a scan that is not a DICOM series.
            PackageError: if a package is missing.
            KDNetError: if a folder is not writable.
        """
        for name, path in self.files().items():
            option = f"--{name.replace('_', '-')}"
            if path.suffix.lower() not in SUFFIXES[name]:
                raise SettingsError(f"{option} {path} must end in {' or '.join(SUFFIXES[name])}: give another name.")
            if name != "lesions" and len(scans) != 1:
                raise SettingsError(f"{option} is for one scan, but there are {len(scans)}: give one scan.")
            if path.exists() and (not self.overwrite or not path.is_file() or _is_among(path, scans)):
                raise SettingsError(f"{path} exists and is kept: give another name, or --overwrite.")
            writable_folder(path.absolute().parent)
        if self.dicom_seg is not None:
            require_series(scans[0])
            require_highdicom()


@dataclass(frozen=True)
class SegmentedScan:
    """A scan with its segmentation.

    Attributes:
        case: name of the case.
        scan: file of the scan, or folder of its DICOM series.
        labelmap: file of the segmentation, on the same grid.
        labels: meaning of its values.
        model: what made it.
        channel: volume of a 4D file, from 0.
        probabilities: region name to the file of its map in percent.
        preparation: what was done to the scan before, one sentence each.
        warnings: why the result may be wrong, one sentence each.
        lesions: measured when it was made, with their confidence; None to measure the file.
    """

    case: str
    scan: Path
    labelmap: Path
    labels: LabelTable
    model: Model = field(default_factory=Model)
    channel: int | None = None
    probabilities: Mapping[str, Path] = field(default_factory=dict)
    preparation: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    lesions: LesionTable | None = None


def write_outputs(outputs: Outputs, scans: Sequence[SegmentedScan], created: str = "") -> dict[str, LesionTable]:
    """Write the files that are wanted.

    Args:
        outputs: files to write.
        scans: segmented scans; one for a report or DICOM SEG.
        created: date and time to show in the report.

    Returns:
        The lesions by name of the case.

    Raises:
        KDNetError: with a one-sentence message, if something cannot be read or written.
    """
    tables = {}
    for item in scans:
        labelmap = read_labelmaps([item.labelmap], item.labels).volumes[0]
        tables[item.case] = item.lesions or _measured(item, labelmap)
        if outputs.report is not None:
            write_report(outputs.report, _report(item, labelmap, tables[item.case], created))
        if outputs.dicom_seg is not None:
            algorithm = Algorithm(item.model.name or "kdnet", item.model.facts.get("Version", kdnet.__version__))
            write_dicom_seg(outputs.dicom_seg, labelmap, item.scan, item.labels.labels, algorithm)
    if outputs.lesions is not None:
        write_lesions(outputs.lesions, tables)
    return tables


def probability_files(labelmap: Path, regions: Mapping[str, str]) -> dict[str, Path]:
    """Return the maps in percent that ``kdnet segment --probabilities`` wrote beside a labelmap.

    Args:
        labelmap: ``CASE_seg.nii.gz`` or ``CASE_seg_kdnet.nii.gz``.
        regions: name of each region to its part of a file name.
    """
    case, found, rest = labelmap.name.rpartition("_seg")
    files = {name: labelmap.with_name(f"{case}_{part}_percent{rest}") for name, part in regions.items()} if found else {}
    return {name: file for name, file in files.items() if file.is_file()}


def _measured(item: SegmentedScan, labelmap: Volume) -> LesionTable:
    maps = {name: read_volume(file) for name, file in item.probabilities.items()}
    scan = read_volume(item.scan, item.channel) if maps and item.model.confidence is not None else None
    scan = scan if scan is not None and scan.grid.matches(labelmap.grid, tolerance_mm=0.01) else None
    return find_lesions(labelmap, item.labels, maps, confidence=item.model.confidence, scan=scan).table


def _report(item: SegmentedScan, labelmap: Volume, lesions: LesionTable, created: str) -> ScanReport:
    scan = read_volume(item.scan, item.channel)
    if not scan.grid.matches(labelmap.grid, tolerance_mm=0.01):
        raise DataError(f"{item.labelmap} has another geometry than {item.scan}: choose the scan that was segmented.")
    return build_report(
        item.case,
        item.scan,
        scan,
        labelmap,
        item.labels,
        lesions,
        model=item.model,
        preparation=item.preparation,
        warnings=item.warnings,
        created=created,
    )


def write_report(path: Path, report: ScanReport) -> None:
    """Write a report as HTML or, if the name ends in ``.pdf``, as PDF, atomically."""
    with atomic_write(path) as temporary:
        if path.suffix.lower() == ".pdf":
            write_scan_pdf(report, temporary)
        else:
            temporary.write_text(scan_page(report), encoding="utf-8")


def _is_among(path: Path, scans: Sequence[Path]) -> bool:
    """Return whether a file is a scan, or in the folder of a series."""
    place = path.resolve()
    folders = {(scan if scan.is_dir() else scan.parent).resolve() for scan in scans if is_series(scan)}
    return place.parent in folders or place in {scan.resolve() for scan in scans}
