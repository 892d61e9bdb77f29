"""The ``kdnet`` command."""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Sequence

import kdnet
from kdnet.data import commands as data_commands
from kdnet.errors import KDNetError
from kdnet.inference import commands as inference_commands
from kdnet.training import commands as training_commands
from kdnet.training import plan_command, view_commands

ERROR_EXIT = 2


def main(arguments: Sequence[str] | None = None, started: float | None = None) -> int:
    """Run ``kdnet``; return the exit code.

    Problems that users can mend are printed as one sentence, without a traceback, and give exit code 2.

    Args:
        arguments: those of the process by default.
        started: when the process began, in seconds since 1970, where that is known to be earlier than now.
    """
    parser = argparse.ArgumentParser(
        prog="kdnet", description="Distil a multi-modal teacher into a student that segments from fewer modalities."
    )
    parser.add_argument("--version", action="version", version=f"kdnet {kdnet.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for module in (data_commands, training_commands, inference_commands):
        module.add_parsers(commands)
    plan_command.add_parser(commands)
    view_commands.add_parsers(commands)
    if arguments is None:
        _say_what_can_be_said()
    given = list(sys.argv[1:] if arguments is None else arguments)
    args = parser.parse_args(given)
    args.command_line = given
    args.started = time.time() if started is None else started
    try:
        code: int = args.run(args)
    except KDNetError as error:
        print(f"kdnet: {error}", file=sys.stderr)
        return ERROR_EXIT
    except KeyboardInterrupt:
        print("kdnet: interrupted.", file=sys.stderr)
        return 130
    return code


def _say_what_can_be_said() -> None:
    """Let this process print a question mark for what a terminal or log file has no character for, and not fail."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
