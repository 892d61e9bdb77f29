"""Parsers of ``kdnet segment`` and ``kdnet model-info``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_command, add_json, add_out, add_reports
from kdnet.schema.options import add_options
from kdnet.schema.segmentation import GROUPS, SegmentationOptions


def add_parsers(commands: Any) -> None:
    """Add the commands to the ``kdnet`` parser."""
    segment = add_command(
        commands,
        "segment",
        "kdnet.cli.segment:run_segment",
        "Segment scans with a model file; write labelmaps, and their volumes to volumes.csv. Cases that are done are\n"
        "skipped. The exit code is 1 if a case failed.",
        "kdnet segment student.safetensors scans/ -o results",
    )
    segment.add_argument("model", type=Path, metavar="MODEL", help="model file (.safetensors) written by kdnet")
    segment.add_argument(
        "inputs",
        type=Path,
        nargs="+",
        metavar="INPUT",
        help="NIfTI, NRRD or MetaImage file, DICOM folder, or folder of cases",
    )
    segment.add_argument(
        "--channel", default="", metavar="N", help="volume of a 4D file, from 0; one per modality, as in 3,0,1,2"
    )
    segment.add_argument(
        "--shard",
        default="",
        metavar="I/N",
        help="segment only the I-th of N shares of the cases, for cluster jobs; under torchrun, each process takes one",
    )
    output = segment.add_argument_group("output")
    add_out(output, "folder for labelmaps and volumes.csv", metavar="FOLDER")
    add_options(segment, SegmentationOptions, GROUPS, {"output": output})
    add_reports(output)
    information = add_command(
        commands,
        "model-info",
        "kdnet.cli.model_info:run_model_info",
        "Show the model card of a model file: inputs, labels, metrics, training data, intended use and limitations.",
        "kdnet model-info student.safetensors",
    )
    information.add_argument("model", type=Path, metavar="MODEL", help="model file (.safetensors) written by kdnet")
    add_json(information)
