"""``kdnet adapt``."""

from __future__ import annotations

import argparse
from pathlib import Path

from kdnet.cli.study import carry_out_request
from kdnet.runs.folder import RunFolder
from kdnet.schema.adapt_request import AdaptOptions
from kdnet.schema.adaptation import read_adaptation
from kdnet.schema.options import from_args
from kdnet.schema.study_request import command_text
from kdnet.study.adaptation_request import adaptation_request, free_run

NOT_WRITTEN_EXIT = 1


def run_adapt(args: argparse.Namespace) -> int:
    """Run ``kdnet adapt``; the exit code is 1 if the model is not written."""
    options = from_args(AdaptOptions, args)
    request = adaptation_request(options, command_text(args.command_line))
    root = args.run or free_run(Path("runs") / f"adapt-{options.collection.resolve().name}-{options.model.stem}", request)
    code = carry_out_request(request, root, args.wait_for, args.started)
    if code:
        return code
    return 0 if read_adaptation(RunFolder(root).adaptation).written else NOT_WRITTEN_EXIT
