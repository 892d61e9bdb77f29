"""The ``kdnet`` command."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Any

import kdnet
from kdnet.cli.former_names import current_arguments
from kdnet.entry import carry_out, prepare_streams

# module of each command; only that module is imported, because torch and MONAI take seconds to import
MODULES = MappingProxyType(
    {
        "kdnet.cli.data": ("inspect", "phantom"),
        "kdnet.cli.study": ("study", "resume"),
        "kdnet.cli.plan": ("plan",),
        "kdnet.cli.runs": ("results", "predict-checkpoint", "export"),
        "kdnet.cli.segment": ("segment", "model-info"),
        "kdnet.cli.evaluate": ("evaluate",),
        "kdnet.cli.brain": ("train-brain", "test-brain"),
    }
)


def main(arguments: Sequence[str] | None = None, started: float | None = None) -> int:
    """Run ``kdnet``; return the exit code, see :func:`kdnet.entry.carry_out`.

    Args:
        arguments: command line arguments, by default those of the process.
        started: start time of the process in seconds since 1970, if known to be earlier than now.
    """
    if arguments is None:
        prepare_streams()
    given = current_arguments(sys.argv[1:] if arguments is None else arguments)

    def run() -> int:
        args = _parser(given).parse_args(given)
        args.command_line = given
        args.started = time.time() if started is None else started
        code: int = args.run(args)
        return code

    return carry_out(run)


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kdnet", description="Distil a multi-modal teacher into a student that segments from fewer modalities."
    )
    parser.add_argument("--version", action="version", version=f"kdnet {kdnet.__version__}")
    if list(given) != ["--version"]:
        commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
        for module in _modules(given):
            add = getattr(module, "add_parsers", None) or module.add_parser
            add(commands)
    return parser


def _modules(given: Sequence[str]) -> Iterator[Any]:
    """Return the module of the requested command, or all modules if the command is unknown."""
    own = [name for name, commands in MODULES.items() if given[:1] and given[0] in commands]
    return map(importlib.import_module, own or MODULES)
