"""Write lesions, report and DICOM SEG of what ``kdnet segment`` segmented."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from kdnet.messages import message_line
from kdnet.report.scan_content import Model, now
from kdnet.report.scan_outputs import Outputs, SegmentedScan, probability_files, write_outputs
from kdnet.schema.labels import LabelMode, LabelTable
from kdnet.schema.model_card import ModelCard
from kdnet.segmentation.batch import Batch, Outcome
from kdnet.segmentation.grouping import Input
from kdnet.segmentation.model_facts import model_facts
from kdnet.segmentation.result_names import file_parts


def write_case_outputs(
    outputs: Outputs, batch: Batch, outcomes: Sequence[Outcome], card: ModelCard, model_file: Path
) -> None:
    """Write the files that are wanted of the cases that have a labelmap; none if no case has one.

    Raises:
        KDNetError: with a one-sentence message; the labelmaps stay.
    """
    if not outputs.files():
        return
    scans = list(_segmented(batch, outcomes, card.labels, model_facts(card, model_file)))
    for name, table in (write_outputs(outputs, scans, now()) if scans else {}).items():
        if table.not_measured:
            print(message_line(f"{name}: {table.not_measured}"), file=sys.stderr)


def _segmented(batch: Batch, outcomes: Sequence[Outcome], labels: LabelTable, model: Model) -> Iterator[SegmentedScan]:
    """Yield the cases that have a labelmap, also from an earlier run or corrected since."""
    named = labels.regions if labels.mode is LabelMode.REGIONS else labels.labels
    parts = file_parts(item.name for item in named)
    cases = {case.name: case for case in batch.cases if isinstance(case, Input)}
    for outcome in outcomes:
        case = cases.get(outcome.name)
        if case is None or outcome.labelmap is None:
            continue
        yield SegmentedScan(
            case.name,
            case.path,
            outcome.labelmap,
            labels,
            model,
            channel=case.channels[0] if case.channels else None,
            probabilities=probability_files(outcome.labelmap, parts),
            lesions=outcome.lesions,
            preparation=(outcome.brain,) if outcome.brain else (),
            warnings=tuple(text for text in (*outcome.warnings, outcome.earlier_warnings) if text),
        )
