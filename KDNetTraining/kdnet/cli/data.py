"""``kdnet inspect`` and ``kdnet phantom``."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from tqdm import tqdm

from kdnet.data.dataset import Dataset
from kdnet.data.formats.detect import read_dataset
from kdnet.data.inspection import inspect_dataset, inspect_each, inspection_table, notes_of, valid_cases
from kdnet.data.phantom import write_phantom
from kdnet.data.splits import read_folds
from kdnet.errors import SettingsError
from kdnet.schema.case_report import CaseReport, DatasetReport
from kdnet.schema.labels_option import parse_labels
from kdnet.text import printable


def run_inspect(args: argparse.Namespace) -> int:
    """Run ``kdnet inspect``; the exit code is 1 if a case has a problem."""
    dataset = read_dataset(args.data, parse_labels(args.labels))
    if args.jsonl:
        return _print_lines(dataset)
    with _bar("inspecting cases") as progress:
        reports = inspect_dataset(dataset, progress)
    final, notes = valid_cases(dataset, reports), _notes(dataset, reports)
    sound = len(final.cases)
    if args.json:
        content = {"format": final.format, "modalities": final.modalities, "labels": final.labels.to_json(), "notes": notes}
        print(json.dumps({**content, "usable": sound, "cases": [report.to_json() for report in reports]}, indent=2))
    else:
        print(f"{final.format}, modalities {printable(', '.join(final.modalities))}")
        print(inspection_table(reports))
        print(f"{sound} of {len(reports)} cases can be used.", *map(printable, notes), sep="\n")
    return 0 if sound == len(reports) else 1


def _notes(dataset: Dataset, reports: Sequence[CaseReport]) -> tuple[str, ...]:
    """Return notes for the user on the data set as a whole."""
    folds = read_folds(dataset.root, [case.name for case in dataset.cases])
    return (*notes_of(dataset, reports), *folds.notes)


def _print_lines(dataset: Dataset) -> int:
    """Print a JSON line per case (``index`` from 1, ``total``, its report), then one with ``summary`` true.

    A case whose labels have to be reinterpreted after all cases are read gets a second line.
    """
    found: dict[int, CaseReport] = {}
    for index, report in inspect_each(dataset):
        found[index] = report
        print(json.dumps({"index": index + 1, "total": len(dataset.cases), **report.to_json()}), flush=True)
    reports = [found[index] for index in sorted(found)]
    final = valid_cases(dataset, reports)
    folds = read_folds(dataset.root, [case.name for case in dataset.cases])
    summary = DatasetReport(
        format=final.format,
        modalities=final.modalities,
        labels=final.labels.to_json(),
        label_values=tuple(sorted({value for report in reports for value in report.labels})),
        usable=len(final.cases),
        total=len(reports),
        folds=tuple(sorted(set(folds.folds.values()))),
        notes=_notes(dataset, reports),
    )
    print(json.dumps(summary.to_json()), flush=True)
    return 0 if len(final.cases) == len(reports) else 1


def run_phantom(args: argparse.Namespace) -> int:
    """Run ``kdnet phantom``."""
    if args.cases < 1 or min(args.size) < 16 or not 0.5 <= args.spacing <= 10:
        raise SettingsError("a phantom needs at least 1 case, 16 voxels along each axis, and 0.5 to 10 mm spacing.")
    with _bar("drawing cases") as progress:
        write_phantom(
            args.folder,
            cases=args.cases,
            shape=tuple(args.size),
            spacing=args.spacing,
            seed=args.seed,
            progress=progress,
        )
    print(f"{args.cases} cases in {args.folder}")
    return 0


class _bar:  # noqa: N801 - used like a function
    """A progress bar as a callback with (done, total)."""

    def __init__(self, subject: str) -> None:
        self._subject = subject

    def __enter__(self) -> Callable[[int, int], None]:
        self._bar = tqdm(desc=self._subject, file=sys.stderr, disable=None, leave=False)
        return self._show

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def _show(self, done: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)
