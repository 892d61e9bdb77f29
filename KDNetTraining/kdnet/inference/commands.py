"""``kdnet segment`` and ``kdnet describe``."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from kdnet.device import choose_device
from kdnet.errors import SettingsError
from kdnet.files import writable_folder
from kdnet.inference.inputs import Input, Refused, find_inputs, require_inputs
from kdnet.inference.predictor import Predictor
from kdnet.inference.progress import Progress, Stage
from kdnet.inference.segment import Outcome, segment_files, write_amounts
from kdnet.model_file import describe, load_model, read_card


def add_parsers(commands: Any) -> None:
    """Add the commands to the parser of ``kdnet``."""
    segment = commands.add_parser("segment", help="segment volumes with a model file")
    segment.add_argument("model", type=Path, help="a .safetensors file written by kdnet")
    segment.add_argument("inputs", type=Path, nargs="+", help="NIfTI, NRRD, MetaImage, DICOM folder, folder of cases")
    segment.add_argument("-o", "--out", type=Path, required=True, help="folder for labelmaps and volumes.csv")
    segment.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    segment.add_argument("--flips", action="store_true", help="average over mirrored images: 8 times slower")
    segment.add_argument("--probabilities", action="store_true", help="write a map in percent per region too")
    segment.add_argument("--islands", type=float, default=0.0, metavar="MM3", help="clear islands smaller than this")
    segment.set_defaults(run=run_segment)
    description = commands.add_parser("describe", help="tell what a model file is, needs and can do")
    description.add_argument("model", type=Path)
    description.add_argument("--json", action="store_true", help="print JSON instead of text")
    description.set_defaults(run=run_describe)


def run_segment(args: argparse.Namespace) -> int:
    """Carry out ``kdnet segment``; the exit code is 1 when an input failed."""
    if not 0 <= args.islands < math.inf:
        raise SettingsError(f"--islands is {args.islands:g}: give 0 or a positive number of mm³.")
    device = choose_device(args.device)
    predictor = Predictor(load_model(args.model), device, flips=args.flips)
    inputs = find_inputs(args.inputs, predictor.model.card.modalities)
    require_inputs(inputs)
    new = not args.out.exists()
    folder = writable_folder(args.out)
    try:
        outcomes = _segment_all(predictor, inputs, folder, args)
    finally:
        if new and not any(folder.iterdir()):  # nothing could be segmented, so nothing is left behind
            folder.rmdir()
    return 1 if any(outcome.error for outcome in outcomes) else 0


def _segment_all(
    predictor: Predictor, inputs: Sequence[Input | Refused], folder: Path, args: argparse.Namespace
) -> list[Outcome]:
    """Segment with a bar on stderr; a line per case, and the table of volumes as far as it is known."""
    outcomes: list[Outcome] = []
    with tqdm(total=len(inputs), desc="segmenting", file=sys.stderr, disable=None) as bar:

        def show(progress: Progress) -> None:
            if progress.stage is Stage.FORWARD:
                bar.set_postfix_str(f"pass {progress.done} of {progress.total}")

        options = {"probabilities": args.probabilities, "islands": args.islands}
        for outcome in segment_files(predictor, inputs, folder, progress=show, **options):
            outcomes.append(outcome)
            bar.update()
            if outcome.error:
                tqdm.write(f"kdnet: {outcome.error}", file=sys.stderr)
            else:
                write_amounts(folder / "volumes.csv", outcomes)
                amounts = ", ".join(f"{amount.name} {amount.millilitres:.1f} mL" for amount in outcome.amounts)
                tqdm.write(f"{outcome.labelmap}: {amounts}")
    return outcomes


def run_describe(args: argparse.Namespace) -> int:
    """Carry out ``kdnet describe``."""
    print(json.dumps(read_card(args.model).to_json(), indent=2) if args.json else describe(args.model))
    return 0
