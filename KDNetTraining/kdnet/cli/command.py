"""The ``kdnet`` command."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Sequence
from difflib import get_close_matches
from types import MappingProxyType

import kdnet
from kdnet.cli.former_names import current_arguments
from kdnet.entry import carry_out, prepare_streams
from kdnet.errors import SettingsError
from kdnet.text import one_line

GROUPS = MappingProxyType(
    {
        "data": {
            "prepare": "turn raw studies into a data folder",
            "inspect": "list the cases of a data folder and their problems",
            "phantom": "write a synthetic data set",
            "collect": "add a corrected segmentation to a collection of training cases",
            "rank": "rank scans by how useful it is to correct them",
            "collection": "list or remove the cases of a collection",
        },
        "training": {
            "plan": "estimate the time, memory and disk space of a study",
            "study": "train teacher, baseline and student; evaluate and compare them",
            "adapt": "adapt a model to corrected cases, and test whether it got better",
            "resume": "resume a study or an adaptation",
            "results": "show the results of a run",
            "report": "write one report on several runs of a study",
            "predict-checkpoint": "segment a validation case with the current checkpoint",
            "export": "write a model file for users",
            "calibrate": "learn how often a model is right about a lesion",
            "tune": "learn on labeled cases how a model's scores become labels",
            "combine": "combine students of different scans into one model",
        },
        "segmentation": {
            "segment": "segment scans with a model file",
            "model-info": "show the model card of a model file",
            "measure": "measure the lesions of a segmentation, write a report or DICOM SEG",
            "compare-visits": "compare two segmentations of one patient over time",
            "evaluate": "compare labelmaps with references",
        },
        "brain extraction": {
            "train-brain": "train the brain extraction network",
            "test-brain": "evaluate a brain extraction network",
        },
    }
)
"""Heading to command to its line in the help."""

PARSERS = (
    "study",
    "prepare",
    "adapt",
    "rank",
    "tune",
    "data",
    "collection",
    "runs",
    "segment",
    "measure",
    "evaluate",
    "brain",
    "calibrate",
    "combine",
    "panel",
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
        module, _, function = args.handler.partition(":")
        code: int = getattr(importlib.import_module(module), function)(args)
        return code

    return carry_out(run)


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kdnet",
        usage="kdnet COMMAND ...",
        description="Distill a multi-modal teacher into a student that segments from fewer modalities.",
        epilog=_command_list(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"kdnet {kdnet.__version__}", help="show the version")
    if list(given) != ["--version"]:
        commands = parser.add_subparsers(required=True, metavar="COMMAND", help=argparse.SUPPRESS, prog="kdnet")
        for name in PARSERS:
            importlib.import_module(f"kdnet.cli.parsers.{name}").add_parsers(commands)
        if given and not given[0].startswith("-") and given[0] not in commands.choices:
            raise SettingsError(_unknown(given[0]))
    return parser


def _unknown(command: str) -> str:
    known = [name for group in GROUPS.values() for name in group]
    similar = get_close_matches(command, known, n=1)
    hint = f"did you mean {similar[0]}?" if similar else "kdnet --help lists the commands."
    return f'"{one_line(command, 40)}" is not a command: {hint}'


def _command_list() -> str:
    width = max(len(name) for group in GROUPS.values() for name in group)
    lines = []
    for title, commands in GROUPS.items():
        lines += ["", f"{title}:", *(f"  {name:<{width}}  {text}" for name, text in commands.items())]
    return "\n".join([*lines[1:], "", "Run kdnet COMMAND --help for the options of a command."])
