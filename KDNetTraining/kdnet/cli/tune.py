"""``kdnet tune``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from kdnet.data.dataset import Case, Dataset
from kdnet.data.formats.detect import read_dataset
from kdnet.device import choose_device
from kdnet.errors import DataError, SettingsError
from kdnet.model_file import load_model, save_model
from kdnet.schema.folds import Split
from kdnet.schema.model_card import ModelCard
from kdnet.study.decoding_sizes import cases_to_learn_from, learned_card
from kdnet.study.export import check_target
from kdnet.text import one_line, printable


def run_tune(args: argparse.Namespace) -> int:
    """Run ``kdnet tune``."""
    check_target(args.out)
    if args.most < 1:
        raise SettingsError(f"--most is {args.most}: give 1 or more.")
    model = load_model(args.model)
    cases = _cases(read_dataset(args.data, model.card.labels), model.card, args.case, args.most)

    def tell(done: int) -> None:
        print(f"{done} of {len(cases)}: {printable(cases[done - 1].name)}", file=sys.stderr, flush=True)

    card = learned_card(model, cases, choose_device(args.device), tell)
    save_model(args.out, card, model.network)
    print(f"{args.out}: {'' if card.decoding is None else card.decoding.text} (from {len(cases)} cases)")
    return 0


def _cases(dataset: Dataset, card: ModelCard, wanted: Sequence[str], most: int) -> tuple[Case, ...]:
    """Return the cases of ``dataset`` that the model can learn from.

    Raises:
        SettingsError: for an unknown case.
        DataError: when the labels differ, or no case has all scans and a reference.
    """
    if dataset.labels.meaning != card.labels.meaning:
        raise DataError(f"{dataset.root} has other labels than the model {card.name}: choose data with its labels.")
    names = [case.name for case in dataset.cases]
    for name in wanted:
        if name not in names:
            raise SettingsError(f'{dataset.root} has no case "{one_line(name, 60)}": correct --case.')
    split = Split(train=tuple(wanted or names), validation=(), test=())
    found = cases_to_learn_from(split, dataset.cases, card.modalities, most)
    if not found:
        needed = ", ".join(card.modalities)
        raise DataError(f"no case of {dataset.root} has a reference and all that the model needs ({needed}): add some.")
    return found
