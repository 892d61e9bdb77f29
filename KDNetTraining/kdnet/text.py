"""Text of foreign origin, made harmless for terminals, tables and sentences."""

from __future__ import annotations

import unicodedata

HARMFUL = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # control, format (also bidirectional), lone surrogates, line separators
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    r"""``text`` with ``?`` for characters that steer a terminal or break a line; tabs and newlines among them.

    Example:
        >>> printable("scan\x1b[2J")
        'scan?[2J'
    """
    return "".join("?" if unicodedata.category(character) in HARMFUL else character for character in text)


def one_line(text: str, most: int = 300) -> str:
    """``text`` printable, on one line and at most ``most`` characters long."""
    flat = printable(" ".join(text.split()))
    return flat if len(flat) <= most else flat[: most - 3] + "..."


def table_cell(text: str) -> str:
    """``text`` as a cell of a CSV file that no spreadsheet takes for a formula: an apostrophe stands before such.

    Example:
        >>> table_cell("=HYPERLINK(1)")
        "'=HYPERLINK(1)"
    """
    flat = printable(text)
    return f"'{flat}" if flat.startswith(FORMULA) else flat
