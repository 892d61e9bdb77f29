"""Lists of integers as text, for the command line and the panels."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kdnet.errors import SettingsError
from kdnet.text import one_line

MOST_DIGITS = 20


def split_list(text: str) -> list[str]:
    """Split text at commas and white space; a comma with nothing beside it leaves an empty item, which callers reject.

    Example:
        >>> split_list("0, 2 all"), split_list("0,"), split_list(" ")
        (['0', '2', 'all'], ['0', ''], [])
    """
    return re.split(r"\s*,\s*|\s+", text.strip()) if text.strip() else []


def parse_numbers(text: str, what: str) -> tuple[int, ...]:
    """Read integers such as ``"0, 2"``; each is kept once.

    Args:
        text: the text.
        what: the option or field, for the message.

    Raises:
        SettingsError: naming ``what``.

    Example:
        >>> parse_numbers("0, 2", "--seeds")
        (0, 2)
    """
    parts = split_list(text)
    if not all(re.fullmatch(rf"-?[0-9]{{1,{MOST_DIGITS}}}", part) for part in parts):
        raise SettingsError(f'{what}: "{one_line(text, 40)}" is not a list of integers. Give, for example, 0,1.')
    return tuple(dict.fromkeys(map(int, parts)))


def format_numbers(numbers: Iterable[int]) -> str:
    """Format integers as text; the inverse of :func:`parse_numbers`."""
    return ",".join(map(str, numbers))
