"""``kdnet evaluate``."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence

from tqdm import tqdm

from kdnet.errors import DataError, KDNetError
from kdnet.evaluation.case_pairs import CasePair, Pairs, find_pairs
from kdnet.evaluation.case_scores import RegionResult, score_pair
from kdnet.evaluation.lesions import RULES
from kdnet.evaluation.meaning import find_meaning
from kdnet.evaluation.score_tables import require_table, text_summary, write_tables
from kdnet.files import writable_folder
from kdnet.messages import message_line
from kdnet.schema.labels_option import parse_labels
from kdnet.schema.results import HD95_DEFINITION
from kdnet.text import one_line

MOST_NAMED = 10


def run_evaluate(args: argparse.Namespace) -> int:
    """Run ``kdnet evaluate``; the exit code is 1 if a case has no scores."""
    if args.out is not None:
        require_table(args.out)
        writable_folder(args.out.absolute().parent)
    asked = parse_labels(args.labels)
    pairs = find_pairs(args.predictions, args.references)
    problems = {**pairs.problems, **{case: f"{case} has no prediction." for case in pairs.without_prediction}}
    meaning = find_meaning(pairs.pairs, args.references, asked)
    task = task_of(pairs.pairs) if args.task == "auto" else args.task
    results: list[RegionResult] = []
    for pair in tqdm(pairs.pairs, desc="evaluating", file=sys.stderr, disable=None, leave=False):
        try:
            results += score_pair(pair, meaning, RULES[task])
        except KDNetError as error:
            problems[pair.case] = str(error)
    _show_status(pairs, problems, meaning.notes)
    if not results:
        raise DataError(f"none of the {len(problems)} cases could be evaluated: see the sentences above.")
    print(text_summary(results))
    rules = RULES[task]
    print(
        f"{HD95_DEFINITION} Lesions follow BraTS 2023 ({task}: dilation {rules.dilation} voxels, lesions up to "
        f"{rules.smallest_mm3:g} mm³ ignored)."
    )
    if args.out is not None:
        summary = write_tables(args.out, results, problems)
        print(f"Tables: {args.out} and {summary}")
    return 1 if problems else 0


def task_of(pairs: Sequence[CasePair]) -> str:
    """Return the BraTS task that all case names contain; glioma if they contain none, or different ones."""
    found = {_task_in(pair.case) for pair in pairs}
    return found.pop() if len(found) == 1 else "gli"


def _task_in(case: str) -> str:
    match = re.match(r"brats-(gli|ssa|men|ped|met)(?![a-z])", case.lower())
    return match[1] if match else "gli"


def _show_status(pairs: Pairs, problems: dict[str, str], notes: Sequence[str]) -> None:
    """Report on stderr which cases have no scores, and why."""
    for note in notes:
        print(message_line(note), file=sys.stderr)
    if pairs.without_prediction:
        print(message_line(f"cases without a prediction: {_named(pairs.without_prediction)}."), file=sys.stderr)
    if pairs.without_reference:
        print(message_line(f"predictions without a reference: {_named(pairs.without_reference)}."), file=sys.stderr)
    for case in sorted(problems.keys() - set(pairs.without_prediction)):
        print(message_line(problems[case]), file=sys.stderr)


def _named(cases: Sequence[str]) -> str:
    more = f" and {len(cases) - MOST_NAMED} more" if len(cases) > MOST_NAMED else ""
    return one_line(", ".join(cases[:MOST_NAMED]), 1000) + more
