"""The sentences that ``kdnet`` prints to stderr, and how another process finds the one that says why a command failed.

Standard library only, because the Slicer modules read the output of commands.
"""

from __future__ import annotations

from collections.abc import Iterable

from kdnet.text import printable

_PREFIX = "kdnet: "


def message_line(sentence: str) -> str:
    """Return the line to print for ``sentence``."""
    return printable(f"{_PREFIX}{sentence}")


def last_message(lines: Iterable[str]) -> str | None:
    """Return the last sentence of ``kdnet`` in its output, which says why it failed; None if there is none.

    Example:
        >>> last_message(["reading", "kdnet: /data is not a folder: choose a folder with cases."])
        '/data is not a folder: choose a folder with cases.'
    """
    sentences = [line.strip() for line in lines if line.strip().startswith(_PREFIX)]
    return sentences[-1].removeprefix(_PREFIX) if sentences else None
