"""Parser of ``kdnet prepare``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_device
from kdnet.schema.modalities import MODALITIES
from kdnet.schema.raw_studies import AUTO, BRAIN_CHOICES


def add_parsers(commands: Any) -> None:
    """Add the command to the ``kdnet`` parser."""
    prepare = add_command(
        commands,
        "prepare",
        "kdnet.cli.prepare:run_prepare",
        "Turn studies as they come (DICOM, BIDS, trees of NIfTI files) into a data folder for kdnet study: choose the\n"
        "series, register them, extract the brain, carry expert segmentations along. OUT/index.html shows every case. The\n"
        "same command continues an interrupted one. The exit code is 1 if something could not be prepared.",
        "kdnet prepare studies data/prepared --jobs 4",
    )
    prepare.add_argument("raw", type=Path, metavar="RAW", help="folder with the studies; it is not changed")
    prepare.add_argument("out", type=Path, metavar="OUT", help="data folder to write")
    prepare.add_argument(
        "--modalities",
        default=",".join(MODALITIES),
        metavar="LIST",
        help="modalities that each case must have (default: %(default)s)",
    )
    prepare.add_argument(
        "--reference",
        default=AUTO,
        metavar="MODALITY",
        help="scan whose grid the others are resampled to (default: the one with the segmentation, or else the finest)",
    )
    prepare.add_argument(
        "--spacing",
        type=float,
        default=0.0,
        metavar="MM",
        help="edge of cubic voxels (default: those of the reference)",
    )
    prepare.add_argument(
        "--brain", choices=BRAIN_CHOICES, default=BRAIN_CHOICES[0], help="brain extraction (default: %(default)s)"
    )
    prepare.add_argument("--force", action="store_true", help="prepare implausible scans with a warning")
    prepare.add_argument("--jobs", type=int, default=1, metavar="N", help="cases at a time (default: %(default)s)")
    prepare.add_argument(
        "--shard", default="1/1", metavar="I/N", help="prepare part I of N, for several machines with one output folder"
    )
    add_device(prepare)
    prepare.add_argument("--jsonl", action="store_true", help="print progress as JSON lines")
