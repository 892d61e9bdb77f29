"""``kdnet plan``."""

from __future__ import annotations

import argparse
import json
import sys

import torch

from kdnet.device import choose_device
from kdnet.schema.study_request import command_text, study_options
from kdnet.study.planner import make_plan
from kdnet.text import printable
from kdnet.training.failures import explained


def run_plan(args: argparse.Namespace) -> int:
    """Run ``kdnet plan``; progress goes to stderr."""
    request = study_options(args).resolve(command_text(args.command_line))
    if request.threads:
        torch.set_num_threads(request.threads)
    device = choose_device(request.device)
    with explained(device):
        plan = make_plan(request, device, lambda text: print(printable(text), file=sys.stderr, flush=True))
    if args.json:
        print(json.dumps(plan.to_json()))
    else:
        print(printable(plan.summary()))
        for name, reason in plan.excluded.items():
            print(printable(f"excluded: {name}: {reason}"))
    return 0
