"""``kdnet plan``."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch

from kdnet.cli.study import add_study_options, study_request
from kdnet.device import choose_device
from kdnet.study.planner import make_plan
from kdnet.text import printable
from kdnet.training.failures import explained


def add_parser(commands: Any) -> None:
    """Add the command to the ``kdnet`` parser."""
    plan = commands.add_parser(
        "plan",
        help="tell what a study would do, and its time, memory and disk on this machine",
        description="Inspect the data, try a few steps of teacher, baseline and student, and tell what kdnet study with "
        "the same options would do and need. Nothing is left behind.",
    )
    add_study_options(plan)
    plan.add_argument("--out", type=Path, help="as for kdnet study; not used")
    plan.add_argument("--json", action="store_true", help="print JSON instead of text")
    plan.set_defaults(run=run_plan)


def run_plan(args: argparse.Namespace) -> int:
    """Run ``kdnet plan``; progress goes to stderr."""
    request = study_request(args)
    if request.threads:
        torch.set_num_threads(request.threads)
    device = choose_device(request.device)
    with explained(device):
        plan = make_plan(request, device, lambda text: print(printable(text), file=sys.stderr, flush=True))
    if args.json:
        print(json.dumps(plan.to_json()))
    else:
        print(printable(plan.words()))
        for name, reason in plan.excluded.items():
            print(printable(f"left out: {name}: {reason}"))
    return 0
