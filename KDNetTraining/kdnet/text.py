"""Sanitizing of untrusted text for terminals, tables and messages."""

from __future__ import annotations

import unicodedata

HARMFUL = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # control, format (also bidirectional), lone surrogates, line separators
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    r"""Replace characters that control a terminal or break a line with ``?``, including tabs and newlines.

    Example:
        >>> printable("scan\x1b[2J")
        'scan?[2J'
    """
    return "".join("?" if unicodedata.category(character) in HARMFUL else character for character in text)


def one_line(text: str, most: int = 300) -> str:
    """Return ``text`` as printable text on one line, at most ``most`` characters long."""
    flat = printable(" ".join(text.split()))
    return flat if len(flat) <= most else flat[: most - 3] + "..."


def table_cell(text: str) -> str:
    """Return ``text`` as a CSV cell, with an apostrophe before anything that a spreadsheet would take for a formula.

    Example:
        >>> table_cell("=HYPERLINK(1)")
        "'=HYPERLINK(1)"
    """
    flat = printable(text)
    return f"'{flat}" if flat.startswith(FORMULA) else flat
