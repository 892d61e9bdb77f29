"""``kdnet tune``."""

from __future__ import annotations

import argparse
import sys

from kdnet.cli.labeled_cases import labeled_cases
from kdnet.data.formats.detect import read_dataset
from kdnet.device import choose_device
from kdnet.errors import SettingsError
from kdnet.model_file import load_model, save_model
from kdnet.study.decoding_sizes import learned_card
from kdnet.study.export import check_target
from kdnet.text import printable


def run_tune(args: argparse.Namespace) -> int:
    """Run ``kdnet tune``."""
    check_target(args.out)
    if args.most < 1:
        raise SettingsError(f"--most is {args.most}: give 1 or more.")
    model = load_model(args.model)
    cases = labeled_cases(read_dataset(args.data, model.card.labels), model.card, args.case, args.most)

    def show_progress(done: int) -> None:
        print(f"{done} of {len(cases)}: {printable(cases[done - 1].name)}", file=sys.stderr, flush=True)

    card = learned_card(model, cases, choose_device(args.device), show_progress)
    save_model(args.out, card, model.network)
    print(f"{args.out}: {'' if card.decoding is None else card.decoding.text} (from {len(cases)} cases)")
    return 0
