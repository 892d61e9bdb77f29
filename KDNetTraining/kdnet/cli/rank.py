"""``kdnet rank``."""

from __future__ import annotations

import argparse
import json
import sys

from kdnet.device import choose_device
from kdnet.files import write_csv
from kdnet.inference.predictor import Predictor
from kdnet.model_file import load_model
from kdnet.schema.ranking import Ranked
from kdnet.segmentation.inputs import Input, require_inputs, survey
from kdnet.segmentation.ranking import rank, sort_ranked
from kdnet.text import printable, table_cell


def run_rank(args: argparse.Namespace) -> int:
    """Run ``kdnet rank``; the exit code is 1 if a case could not be segmented."""
    model = load_model(args.model)
    found = survey(args.inputs, model.card.modalities)
    require_inputs(found)
    inputs = [item for item in found.cases if isinstance(item, Input)]
    others = [item for item in found.cases if not isinstance(item, Input)]
    rejected = [Ranked(item.name, None, problem=item.reason, files=(item.path,)) for item in others]
    cases = []
    for case in rank(Predictor(model, choose_device(args.device)), inputs):
        cases.append(case)
        print(f"{len(cases)} of {len(inputs)}: {printable(case.name)}", file=sys.stderr, flush=True)
    ranked = sort_ranked([*cases, *rejected])
    if args.out:
        regions = list(next((case.regions for case in ranked if case.regions), {}))
        rows = [
            [table_cell(case.name), _number(case.uncertainty), *(_number(case.regions.get(name)) for name in regions)]
            for case in ranked
        ]
        write_csv(args.out, [["case", "uncertainty", *map(table_cell, regions)], *rows])
    if args.json:
        print(json.dumps({"cases": [case.to_json() for case in ranked]}))
    else:
        for case in ranked:
            print(printable(f"{_number(case.uncertainty) or '-':6} {case.name} {case.problem}".rstrip()))
    return 1 if any(case.problem for case in ranked) else 0


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
