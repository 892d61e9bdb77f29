"""Parsers of ``kdnet results``, ``kdnet report``, ``kdnet predict-checkpoint`` and ``kdnet export``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.cli.parsers.common import add_card_text, add_command, add_device, add_json, add_out


def add_parsers(commands: Any) -> None:
    """Add the commands to the ``kdnet`` parser."""
    _add_results(commands)
    _add_report(commands)
    _add_preview(commands)
    _add_export(commands)


def _add_results(commands: Any) -> None:
    results = add_command(
        commands,
        "results",
        "kdnet.cli.runs:run_results",
        "Show the results of a run so far: Dice and HD95 per network, and comparisons of student and baseline.",
        "kdnet results runs/first",
    )
    _add_run(results)
    add_json(results, "print JSON, including all files, instead of text")


def _add_report(commands: Any) -> None:
    report = add_command(
        commands,
        "report",
        "kdnet.cli.runs:run_report",
        "Write one report on several runs of the same study, such as one per fold, seed or student.",
        "kdnet report runs/fold0 runs/fold1 runs/fold2 -o report",
    )
    report.add_argument("run_folders", type=Path, nargs="+", metavar="RUN", help="run folders")
    add_out(report, "folder to write to", metavar="FOLDER")


def _add_preview(commands: Any) -> None:
    predict = add_command(
        commands,
        "predict-checkpoint",
        "kdnet.cli.runs:run_preview",
        "Segment a validation case with the finished model of a network, or its last checkpoint; print the result as JSON.",
        "kdnet predict-checkpoint runs/first --network fold0/seed0/student-t1ce -o labels.nii.gz",
    )
    _add_run(predict)
    _add_network(predict)
    predict.add_argument("--case", default="", metavar="CASE", help="case to segment (default: a validation case)")
    add_out(predict, "labelmap to write", metavar="FILE")
    add_device(predict)


def _add_export(commands: Any) -> None:
    export = add_command(
        commands,
        "export",
        "kdnet.cli.runs:run_export",
        "Write a model file for users, with its test metrics in its model card.",
        "kdnet export runs/first --network fold0/seed0/student-t1ce -o student.safetensors",
    )
    _add_run(export)
    _add_network(export)
    add_out(export, "model file to write", metavar="FILE")
    export.add_argument(
        "--metrics-from", type=Path, metavar="RUN", help="take the metrics from this cross-validation of the same settings"
    )
    export.add_argument(
        "--decoding-cases",
        type=int,
        default=0,
        metavar="N",
        help="learn the sizes of parts and holes that are too small to be real from N cases that the network was not tested"
        " on (default: 0, keep those of the run)",
    )
    add_card_text(export)


def _add_run(parser: Any) -> None:
    parser.add_argument("run_folder", type=Path, metavar="RUN", help="run folder of a study")


def _add_network(parser: Any) -> None:
    parser.add_argument("--network", required=True, metavar="NAME", help="network, such as fold0/seed0/student-t1ce")
