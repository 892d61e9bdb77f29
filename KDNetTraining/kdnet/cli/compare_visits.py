"""``kdnet compare-visits``: change of one patient's tumor between two segmentations."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kdnet.data.volumes.io import check_volume, read_volume
from kdnet.errors import SettingsError
from kdnet.measurement.meaning import read_labelmaps
from kdnet.measurement.visits import SAME_PLACE, compare_visits
from kdnet.messages import message_line
from kdnet.preparation.registration import visit_position
from kdnet.report.visit_tables import visit_text, write_comparison
from kdnet.schema.labels_option import parse_labels

SUFFIXES = (".csv", ".json")


def run_compare(args: argparse.Namespace) -> int:
    """Run ``kdnet compare-visits``."""
    _check(args)
    found = read_labelmaps([args.earlier, args.later], parse_labels(args.labels))
    names = (str(args.earlier), str(args.later))
    earlier, later = found.volumes
    transform, registered = _position(args.scans)
    result = compare_visits(earlier, later, found.table, names=names, later_to_earlier=transform, registered=registered)
    for sentence in (found.note, *result.warnings):
        if sentence:
            print(message_line(sentence), file=sys.stderr)
    print(visit_text(result))
    if args.out is not None:
        write_comparison(args.out, result)
    return 0


def _position(scans: Sequence[Path] | None) -> tuple[NDArray[np.float64] | None, str]:
    """Return the matrix from the later visit to the earlier one in RAS mm, None without scans; and how it was found."""
    if not scans:
        return None, SAME_PLACE
    volumes = [read_volume(path) for path in scans]
    for volume, path in zip(volumes, scans, strict=True):
        check_volume(volume, str(path))
    return visit_position(volumes[0], volumes[1], (str(scans[0]), str(scans[1])))


def _check(args: argparse.Namespace) -> None:
    if args.out is not None and args.out.suffix.lower() not in SUFFIXES:
        raise SettingsError(f"the table {args.out} must end in .csv or .json: give another name.")
    if args.out is not None and args.out.exists() and not args.overwrite:
        raise SettingsError(f"{args.out} exists and is kept: give another name, or --overwrite.")
