"""``kdnet compare-visits``: change of one patient's tumor between two segmentations."""

from __future__ import annotations

import argparse
import sys

from kdnet.errors import SettingsError
from kdnet.measurement.meaning import read_labelmaps
from kdnet.measurement.visits import compare_visits
from kdnet.messages import message_line
from kdnet.report.visit_tables import visit_text, write_comparison
from kdnet.schema.labels_option import parse_labels

SUFFIXES = (".csv", ".json")


def run_compare(args: argparse.Namespace) -> int:
    """Run ``kdnet compare-visits``."""
    _check(args)
    found = read_labelmaps([args.earlier, args.later], parse_labels(args.labels))
    names = (str(args.earlier), str(args.later))
    earlier, later = found.volumes
    result = compare_visits(earlier, later, found.table, names=names)
    for sentence in (found.note, *result.warnings):
        if sentence:
            print(message_line(sentence), file=sys.stderr)
    print(visit_text(result))
    if args.out is not None:
        write_comparison(args.out, result)
    return 0


def _check(args: argparse.Namespace) -> None:
    if args.out is not None and args.out.suffix.lower() not in SUFFIXES:
        raise SettingsError(f"the table {args.out} must end in .csv or .json: give another name.")
    if args.out is not None and args.out.exists() and not args.overwrite:
        raise SettingsError(f"{args.out} exists and is kept: give another name, or --overwrite.")
