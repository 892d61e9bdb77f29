"""What the parsers of all commands share."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kdnet.errors import SettingsError
from kdnet.schema.labels_option import LABELS_HELP
from kdnet.schema.options import DEVICES

Parser = argparse.ArgumentParser


def add_command(commands: Any, name: str, handler: str, description: str, example: str) -> Parser:
    """Add a command.

    Args:
        commands: the subparsers of ``kdnet``.
        name: name of the command.
        handler: ``"module:function"``, imported when the command runs.
        description: what it does, as sentences.
        example: one line to start from.
    """
    parser: Parser = commands.add_parser(
        name,
        description=description,
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(handler=handler)
    parser.register("type", Path, _named_path)
    return parser


def _named_path(text: str) -> Path:
    """Return the path; an empty one, such as of an unset shell variable, would be the working folder.

    Raises:
        SettingsError: if it is empty.
    """
    if not text:
        raise SettingsError("The name of a file or folder is empty: give one, or check the shell variable used.")
    return Path(text)


def add_device(target: Any, default: str | None = "auto", note: str = "default: auto") -> None:
    """Add ``--device``."""
    target.add_argument("--device", default=default, metavar="DEVICE", help=f"{DEVICES} ({note})")


def add_labels(target: Any) -> None:
    """Add ``--labels``."""
    target.add_argument("--labels", default="auto", metavar="LABELS", help=LABELS_HELP)


def add_reports(target: Any) -> None:
    """Add ``--lesions``, ``--report`` and ``--dicom-seg``."""
    add = target.add_argument
    add("--lesions", type=Path, metavar="TABLE", help="write a table of the lesions (.csv or .json)")
    add("--report", type=Path, metavar="FILE", help="write a report on one scan (.html or .pdf)")
    add("--dicom-seg", type=Path, metavar="FILE", help="write DICOM SEG (.dcm) of one scan, a DICOM series")


def add_json(target: Any, help_text: str = "print JSON instead of text") -> None:
    """Add ``--json``."""
    target.add_argument("--json", action="store_true", help=help_text)


def add_out(target: Any, help_text: str, *, metavar: str, required: bool = True) -> None:
    """Add ``-o/--out``."""
    target.add_argument("-o", "--out", type=Path, required=required, metavar=metavar, help=help_text)


def add_card_text(target: Any) -> None:
    """Add the options that fill in the text of a model card."""
    card = target.add_argument_group("model card")
    card.add_argument("--name", default="", metavar="TEXT", help="display name")
    card.add_argument("--summary", default="", metavar="TEXT", help="summary of the training data")
    card.add_argument("--intended-use", default="", metavar="TEXT", help="intended use")
    card.add_argument("--limits", default="", metavar="TEXT", help="known limitations")
