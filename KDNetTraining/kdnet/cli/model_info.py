"""``kdnet model-info``, which needs neither numpy nor torch."""

from __future__ import annotations

import argparse
import json

from kdnet.schema.model_card import describe, read_card


def run_model_info(args: argparse.Namespace) -> int:
    """Run ``kdnet model-info``."""
    print(json.dumps(read_card(args.model).to_json(), indent=2) if args.json else describe(args.model))
    return 0
