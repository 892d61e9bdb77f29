"""Parsers of ``kdnet measure`` and ``kdnet compare-visits``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_labels, add_out, add_reports


def add_parsers(commands: Any) -> None:
    """Add the commands to the ``kdnet`` parser."""
    measure = add_command(
        commands,
        "measure",
        "kdnet.cli.measure:run_measure",
        "Measure each lesion of a segmentation: volume, longest diameter in the acquisition plane and its\n"
        "perpendicular, position. A segmentation that was corrected by hand is measured as it is.",
        "kdnet measure scan.nii.gz scan_seg.nii.gz --report report.html",
    )
    measure.add_argument("scan", type=Path, metavar="SCAN", help="scan that was segmented: a file or DICOM folder")
    measure.add_argument("labelmap", type=Path, metavar="LABELMAP", help="its segmentation, on the same grid")
    measure.add_argument("--model", type=Path, metavar="MODEL", help="model file that made it; gives the labels")
    add_labels(measure)
    add_reports(measure)
    measure.add_argument("--overwrite", action="store_true", help="replace files that exist")
    visits = add_command(
        commands,
        "compare-visits",
        "kdnet.cli.compare_visits:run_compare",
        "Compare two segmentations of one patient: volumes and diameters, lesion by lesion, and the category that\n"
        "the thresholds of RANO give. That is arithmetic, not an assessment.",
        "kdnet compare-visits march_seg.nii.gz june_seg.nii.gz --scans march.nii.gz june.nii.gz -o change.csv",
    )
    visits.add_argument("earlier", type=Path, metavar="EARLIER", help="segmentation of the earlier visit")
    visits.add_argument("later", type=Path, metavar="LATER", help="segmentation of the later visit")
    visits.add_argument(
        "--scans",
        type=Path,
        nargs=2,
        metavar=("EARLIER_SCAN", "LATER_SCAN"),
        help="register the later visit rigidly to the earlier one by these scans (default: compare as the files lie)",
    )
    add_labels(visits)
    add_out(visits, "table to write (.csv or .json)", metavar="TABLE", required=False)
    visits.add_argument("--overwrite", action="store_true", help="replace a file that exists")
