"""``kdnet combine``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from kdnet.cli.labeled_cases import labeled_cases
from kdnet.data.formats.detect import read_dataset
from kdnet.device import choose_device
from kdnet.errors import SettingsError
from kdnet.model_file import Model, load_model, save_model
from kdnet.schema.modalities import format_modalities
from kdnet.study.combination import combine_models, tested
from kdnet.study.export import CardText, check_target
from kdnet.text import one_line, printable


def run_combine(args: argparse.Namespace) -> int:
    """Run ``kdnet combine``."""
    check_target(args.out)
    models = [load_model(path) for path in args.models]
    model = combine_models(models, _regions(args.region, args.models), args.name)
    if args.test is not None:
        cases = labeled_cases(read_dataset(args.test, model.card.labels), model.card, args.case)

        def tell(done: int) -> None:
            print(f"{done} of {len(cases)}: {printable(cases[done - 1].name)}", file=sys.stderr, flush=True)

        model = tested(model, cases, choose_device(args.device), tell)
    text = CardText(args.name, args.summary, args.intended_use, args.limits)
    save_model(args.out, text.apply_to(model.card), model.network, half=args.half)
    print(f"{args.out}: {_described(model, models)}")
    return 0


def _regions(texts: Sequence[str], paths: Sequence[Path]) -> dict[str, list[int]]:
    """Return the positions of the models that each ``REGION=MODEL`` names.

    Raises:
        SettingsError: for other text, or a model that is not among ``paths``.
    """
    chosen: dict[str, list[int]] = {}
    for text in texts:
        region, equals, name = text.partition("=")
        found = [index for index, path in enumerate(paths) if name in (str(path), path.name)]
        if not equals or len(found) != 1:
            known = ", ".join(printable(path.name) for path in paths)
            raise SettingsError(
                f'--region "{one_line(text, 60)}" is not REGION=MODEL with one of the models {known}: correct it.'
            )
        chosen.setdefault(region, []).extend(found)
    return chosen


def _described(model: Model, parts: Sequence[Model]) -> str:
    """Return what sees what: ``ET from T1ce, WT from FLAIR``."""
    sources = model.card.network.arguments["sources"]
    names = [format_modalities(part.card.modalities) for part in parts]
    return ", ".join(
        f"{region.name} from {' and '.join(names[index] for index in chosen)}"
        for region, chosen in zip(model.card.labels.regions, sources, strict=True)
    )
