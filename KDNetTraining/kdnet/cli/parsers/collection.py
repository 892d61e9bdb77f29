"""Parsers of ``kdnet collect`` and ``kdnet collection``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_json


def add_parsers(commands: Any) -> None:
    """Add the commands to the ``kdnet`` parser."""
    _add_collect(commands)
    _add_collection(commands)


def _add_collect(commands: Any) -> None:
    collect = add_command(
        commands,
        "collect",
        "kdnet.cli.collection:run_collect",
        "Add a corrected segmentation with its scans to a collection, a folder of training cases for kdnet adapt and\n"
        "kdnet study. No patient data is copied: a hash of the patient ID keeps the cases of one patient together.",
        "kdnet collect corrections --scan t1ce=scan.nii.gz --corrected labels.nii.gz --model student.safetensors",
    )
    collect.add_argument("collection", type=Path, metavar="COLLECTION", help="folder of the collection; created if needed")
    files = collect.add_argument_group("files, all on one grid")
    files.add_argument(
        "--scan",
        action="append",
        required=True,
        metavar="MODALITY=FILE",
        help="scan that was segmented, before brain extraction; repeatable",
    )
    files.add_argument("--corrected", type=Path, required=True, metavar="FILE", help="corrected segmentation")
    files.add_argument("--original", type=Path, metavar="FILE", help="segmentation of the model before the correction")
    files.add_argument("--brain", type=Path, metavar="FILE", help="brain mask that the model was given")
    about = collect.add_argument_group("description")
    about.add_argument("--model", type=Path, metavar="FILE", help="model that was corrected; its labels are used")
    about.add_argument(
        "--labels", default="auto", metavar="LABELS", help="labels of the segmentation (default: those of the model)"
    )
    about.add_argument("--patient", default="", metavar="TEXT", help="patient ID; only a hash of it is kept")
    about.add_argument("--preparation", default="", metavar="TEXT", help="how the scans were prepared")
    about.add_argument(
        "--brain-mask", choices=["extracted", "supplied"], default="supplied", help="origin of the mask (default: supplied)"
    )
    about.add_argument("--no-tumor", action="store_true", help="confirm that an empty segmentation is right")
    name = collect.add_mutually_exclusive_group()
    name.add_argument("--name", default="", metavar="CASE", help="name of the case (default: case-001, case-002, ...)")
    name.add_argument("--replace", default="", metavar="CASE", help="replace this case")
    add_json(collect, "print what is recorded of the case as JSON")


def _add_collection(commands: Any) -> None:
    listing = add_command(
        commands,
        "collection",
        "kdnet.cli.collection:run_collection",
        "List the cases of a collection: patient (as a hash), modalities, how much was corrected, and date.",
        "kdnet collection corrections",
    )
    listing.add_argument("collection", type=Path, metavar="COLLECTION", help="folder of the collection")
    listing.add_argument("--remove", action="append", default=[], metavar="CASE", help="remove this case; repeatable")
    add_json(listing)
