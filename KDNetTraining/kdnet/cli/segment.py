"""``kdnet segment``."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from kdnet.cli.output_options import outputs_from
from kdnet.cli.segment_outputs import write_case_outputs
from kdnet.device import choose_device
from kdnet.errors import SettingsError
from kdnet.files import writable_folder
from kdnet.inference.predictor import Predictor
from kdnet.messages import message_line
from kdnet.model_file import load_model
from kdnet.preparation.brain import UNCHANGED
from kdnet.schema.options import from_args
from kdnet.schema.segmentation import Progress, SegmentationOptions, Stage
from kdnet.segmentation.batch import Batch, Outcome
from kdnet.segmentation.inputs import Found, require_inputs, survey
from kdnet.segmentation.results_table import NAME, UNSAVED, State
from kdnet.segmentation.segment_case import preparation_choice
from kdnet.segmentation.shard import Shard
from kdnet.text import one_line, printable


def run_segment(args: argparse.Namespace) -> int:
    """Run ``kdnet segment``; the exit code is 1 if an input failed."""
    options = from_args(SegmentationOptions, args)
    shard = Shard.parse(args.shard)
    channels, brain = _channels(args.channel), preparation_choice(options).brain
    predictor = Predictor(load_model(args.model), choose_device(options.device), tta=options.tta, tune=True)
    modalities = predictor.model.card.modalities
    if channels and len(channels) != len(modalities):
        raise SettingsError(f"--channel has {len(channels)} numbers: give one for each of {', '.join(modalities)}.")
    found = survey(args.inputs, modalities, channels)
    require_inputs(found)
    if brain.mask is not None and len(found.cases) > 1:
        raise SettingsError(f"--brain names one mask, but there are {len(found.cases)} cases: give one scan.")
    outputs = outputs_from(args)
    if shard.count > 1 and outputs.files():
        raise SettingsError(
            "--lesions, --report and --dicom-seg need all cases: run kdnet measure once all shares are done."
        )
    outputs.check([case.path for case in found.cases])
    new = shard.count == 1 and not args.out.exists()  # others may be about to write into an empty folder
    folder = writable_folder(args.out)
    outcomes: list[Outcome] = []
    try:
        batch = Batch(predictor, args.model, found, folder, options, shard=shard, lesions=bool(outputs.files()))
        outcomes = _segment_all(batch)
        batch.finish(discard_empty=new and not any(outcome.labelmap for outcome in outcomes))
    finally:
        if new and not any(folder.iterdir()):  # nothing was segmented, so leave no empty folder behind
            folder.rmdir()
    _summarize(outcomes, found, folder)
    write_case_outputs(outputs, batch, outcomes, predictor.model.card, args.model)
    if batch.table_problem:
        _emit(f"{batch.table_problem} Until then the rows are in {UNSAVED}, which the next command reads.")
    return 1 if batch.table_problem or any(outcome.state is State.FAILED for outcome in outcomes) else 0


def _channels(text: str) -> tuple[int, ...]:
    """Parse the numbers of ``--channel``, such as ``2`` or ``3,0``."""
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isdecimal() and len(part) < 6 for part in parts):
        raise SettingsError(f'--channel is "{one_line(text)}": give a number from 0, or one per modality such as 3,0,1,2.')
    return tuple(int(part) for part in parts)


def _segment_all(batch: Batch) -> list[Outcome]:
    """Segment with a progress bar on stderr, and report the outcome of each case."""
    outcomes: list[Outcome] = []
    with tqdm(total=len(batch.cases), desc="segmenting", file=sys.stderr, disable=None) as bar:

        def show(progress: Progress) -> None:
            if progress.stage is Stage.BRAIN:
                bar.set_postfix_str("extract brain")
            if progress.stage is Stage.REGISTRATION:
                bar.set_postfix_str("register")
            if progress.stage is Stage.SHADING:
                bar.set_postfix_str("look for shading")
            if progress.stage is Stage.FORWARD:
                bar.set_postfix_str(f"pass {progress.done} of {progress.total}")

        table_problem = ""
        for outcome in batch.run(show):
            outcomes.append(outcome)
            bar.update(outcome.state is not State.SKIPPED)
            for warning in outcome.warnings:
                _emit(f"warning: {warning}")
            if outcome.error:
                _emit(outcome.error)
            if outcome.state is State.SEGMENTED:
                amounts = ", ".join(f"{amount.name} {amount.milliliters:.1f} mL" for amount in outcome.amounts)
                tqdm.write(printable(f"{outcome.labelmap}: {amounts}"))
                if outcome.brain != UNCHANGED:
                    _emit(f"{outcome.name}: {outcome.brain}")
            if batch.table_problem and not table_problem:
                _emit(f"{batch.table_problem} It is tried again after each case.")
            table_problem = batch.table_problem
    return outcomes


def _summarize(outcomes: Sequence[Outcome], found: Found, folder: Path) -> None:
    """Print one line on stderr that summarizes many cases and the files not recognized as scans."""
    counts = Counter(outcome.state for outcome in outcomes)
    others = [f"{counts[state]} {state.value}" for state in State if state is not State.SEGMENTED and counts[state]]
    if len(outcomes) > 1 or counts[State.DONE_BEFORE]:
        parts = ", ".join([f"Segmented {counts[State.SEGMENTED]} of {len(outcomes)} cases", *others])
        table = f" Volumes are in {folder / NAME}." if counts[State.SEGMENTED] or counts[State.DONE_BEFORE] else ""
        tqdm.write(printable(f"{parts}.{table}"), file=sys.stderr)
    if counts[State.DONE_BEFORE]:
        tqdm.write("Cases that were done before are skipped; --overwrite segments them again.", file=sys.stderr)
    if found.no_scans:
        first = ", ".join(path.name for path in found.no_scans[:3])
        more = ", ..." if len(found.no_scans) > 3 else ""
        text = f"Passed over as labelmaps, masks or maps by their names: {len(found.no_scans)} ({first}{more})."
        tqdm.write(printable(text), file=sys.stderr)


def _emit(sentence: str) -> None:
    tqdm.write(message_line(sentence), file=sys.stderr)
