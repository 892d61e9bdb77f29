"""``kdnet prepare``."""

from __future__ import annotations

import argparse
import json
import os
import sys

from tqdm import tqdm

from kdnet.curation.case_work import CaseWork
from kdnet.curation.overview import NOT_PREPARED, PAGE, Overview
from kdnet.curation.run import Share, prepare_folder
from kdnet.errors import SettingsError
from kdnet.schema.formatting import duration, plural
from kdnet.schema.raw_studies import CurationProgress, CurationSettings
from kdnet.text import printable

LAYOUT = "{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}{postfix}"


def run_prepare(args: argparse.Namespace) -> int:
    """Run ``kdnet prepare``; the exit code is 1 if something could not be prepared."""
    if not 1 <= args.jobs <= 4 * (os.cpu_count() or 1):
        raise SettingsError(f"--jobs is {args.jobs}: give 1 to {4 * (os.cpu_count() or 1)} on this machine.")
    if args.out.resolve() == args.raw.resolve() or args.raw.resolve().is_relative_to(args.out.resolve()):
        raise SettingsError(f"{args.out} contains the raw studies: choose another output folder.")
    settings = CurationSettings(
        modalities=CurationSettings.parse_modalities(args.modalities),
        reference=args.reference,
        spacing=args.spacing,
        brain=args.brain,
        force=args.force,
    )
    work = CaseWork(args.raw.absolute(), args.out.absolute(), settings)
    show = _print_json if args.jsonl else _Bar()
    overview = prepare_folder(work, jobs=args.jobs, share=Share.parse(args.shard), device=args.device, progress=show)
    if not args.jsonl:
        _summarize(overview, args)
    return 1 if overview.failed or overview.files else 0


def _print_json(progress: CurationProgress) -> None:
    print(json.dumps(progress.to_json()), flush=True)


class _Bar:
    """A progress bar, or a line per case where stderr is not a terminal."""

    def __init__(self) -> None:
        self._bar: tqdm[None] | None = None

    def __call__(self, progress: CurationProgress) -> None:
        if not progress.total:
            if sys.stderr.isatty():
                tqdm.write(f"{progress.files} files", file=sys.stderr)
            return
        left = "" if progress.seconds_left is None else f", {duration(progress.seconds_left)} left"
        if progress.reason:
            tqdm.write(printable(f"{progress.case}: not prepared: {progress.reason}"), file=sys.stderr)
        if not sys.stderr.isatty():
            print(printable(f"{progress.done} of {progress.total} cases{left}"), file=sys.stderr, flush=True)
            return
        if self._bar is None:
            self._bar = tqdm(total=progress.total, desc="preparing cases", file=sys.stderr, bar_format=LAYOUT)
        self._bar.n = progress.done
        self._bar.set_postfix_str(left.removeprefix(", "))
        if progress.done == progress.total:
            self._bar.close()


def _summarize(overview: Overview, args: argparse.Namespace) -> None:
    warned = sum(bool(record.warnings) for record in overview.prepared)
    unlabeled = sum(not record.segmentation for record in overview.prepared)
    print(f"{plural(len(overview.prepared), '{count} case', '{count} cases')} prepared in {args.out}.")
    if warned:
        print(plural(warned, "{count} case has warnings.", "{count} cases have warnings."))
    if unlabeled:
        print(plural(unlabeled, "{count} case has no segmentation.", "{count} cases have no segmentation."))
    if failures := len(overview.failed) + len(overview.files):
        print(f"{failures} could not be prepared: see {args.out / NOT_PREPARED}.")
    print(f"Look through the pictures: {args.out / PAGE}")
