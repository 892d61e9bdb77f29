"""``kdnet measure``: lesions, report and DICOM SEG of a segmentation, also of one that was corrected."""

from __future__ import annotations

import argparse
import sys

from kdnet.cli.output_options import outputs_from
from kdnet.errors import SettingsError
from kdnet.measurement.meaning import read_labelmaps
from kdnet.messages import message_line
from kdnet.report.scan_content import LESION_HEADER, Model, lesion_rows, now
from kdnet.report.scan_outputs import SegmentedScan, write_outputs
from kdnet.schema.labels import LabelTable
from kdnet.schema.labels_option import parse_labels
from kdnet.schema.lesions import LesionTable
from kdnet.schema.model_card import read_card
from kdnet.segmentation.model_facts import model_facts
from kdnet.text import one_line, printable


def run_measure(args: argparse.Namespace) -> int:
    """Run ``kdnet measure``."""
    outputs = outputs_from(args)
    outputs.check([args.scan])
    if args.model is not None and args.labels != "auto":
        raise SettingsError("--model and --labels both say what the labels mean: give one of them.")
    asked, model = parse_labels(args.labels), Model()
    if args.model is not None:
        card = read_card(args.model)
        asked, model = card.labels, model_facts(card, args.model)
    found = read_labelmaps([args.labelmap], asked)
    if found.note:
        print(message_line(found.note), file=sys.stderr)
    case = one_line(args.scan.name, 100)
    scan = SegmentedScan(case, args.scan, args.labelmap, found.table, model)
    table = write_outputs(outputs, [scan], now())[case]
    print(printable_table(table, found.table))
    return 0


def printable_table(table: LesionTable, labels: LabelTable) -> str:
    """Return the largest lesions as text."""
    if not table.lesions:
        names = ", ".join(label.name for label in labels.labels)
        return printable(f"No lesion: the segmentation is empty ({names}).")
    rows = [LESION_HEADER, *lesion_rows(table)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(LESION_HEADER))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    note = table.not_measured or f"{len(table.lesions)} lesions."
    return "\n".join([*map(printable, lines), f"Diameters in the {table.plane} plane. {note}"])
