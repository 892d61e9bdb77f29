"""``kdnet results``, ``report``, ``predict-checkpoint`` and ``export``: inspecting runs and exporting a model."""

from __future__ import annotations

import argparse
import json

from kdnet.device import choose_device
from kdnet.schema.formatting import percent, plural
from kdnet.schema.results import HD95_DEFINITION, Comparison
from kdnet.schema.run_results import RunResults
from kdnet.study.export import CardText, export_model
from kdnet.study.merge import report_runs
from kdnet.study.preview import preview
from kdnet.study.results import read_results


def run_results(args: argparse.Namespace) -> int:
    """Run ``kdnet results``."""
    results = read_results(args.run_folder)
    print(json.dumps(results.to_json()) if args.json else _text(results))
    return 0


def run_report(args: argparse.Namespace) -> int:
    """Run ``kdnet report``."""
    print(f"Report: {report_runs(args.run_folders, args.out)}")
    return 0


def run_preview(args: argparse.Namespace) -> int:
    """Run ``kdnet predict-checkpoint``; the result is printed as JSON."""
    print(json.dumps(preview(args.run_folder, args.network, args.out, choose_device(args.device), args.case)))
    return 0


def run_export(args: argparse.Namespace) -> int:
    """Run ``kdnet export``."""
    wording = CardText(args.name, args.summary, args.intended_use, args.limits)
    chosen = {"metrics_from": args.metrics_from, "decoding_cases": args.decoding_cases}
    export_model(args.run_folder, args.network, args.out, wording, **chosen)
    return 0


def _text(results: RunResults) -> str:
    lines = ["network  modalities  region  Dice (mean ± sd)  HD95 (mm)"]
    for row in results.summary:
        deviation = "" if row.dice_deviation is None else f" ± {row.dice_deviation:.3f}"
        penalties = f" ({row.penalties} of {row.scored} are penalties)" if row.penalties else ""
        cells = (row.role.value, row.modalities, row.region, f"{row.dice:.3f}{deviation}", f"{row.hd95:.1f}")
        lines.append("  ".join(cells) + penalties)
    lines += [_comparison(row) for student in results.students for row in student.comparisons]
    if any(row.penalties for row in results.summary):
        lines.append(HD95_DEFINITION)
    lines += [f"not evaluated yet: {network.key}" for network in results.missing]
    return "\n".join([*lines, *([f"Report: {results.report}"] if results.report else [])])


def _comparison(row: Comparison) -> str:
    change = row.difference
    gap = percent(row.recovery.value) if row.recovery else f"not defined ({row.no_recovery})"
    patients = plural(row.patients, "{count} patient", "{count} patients")
    if not row.conclusive:
        patients += " (too few to tell)"
    return (
        f"student {row.modalities} against baseline, {row.region}: {change.value:+.3f} "
        f"({change.low:+.3f} to {change.high:+.3f}), p = {row.p:.3f}, {patients}, gap recovery {gap}"
    )
