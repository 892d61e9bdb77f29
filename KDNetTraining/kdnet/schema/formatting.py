"""Consistent human-readable formatting of durations, sizes and fractions."""

from __future__ import annotations


def duration(minutes: float) -> str:
    """Format a duration as ``"40 s"``, ``"25 min"`` or ``"7 h 30 min"``."""
    if minutes < 2:
        return f"{minutes * 60:.0f} s"
    hours, rest = divmod(round(minutes), 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def _size(count: float) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(1, count / 1e6):.0f} MB"


def plural(count: int, one: str, many: str) -> str:
    """Return ``one`` or ``many`` with ``{count}`` filled in.

    Both forms are whole phrases, so that they can be translated.

    Example:
        >>> plural(1, "{count} case", "{count} cases"), plural(3, "{count} case", "{count} cases")
        ('1 case', '3 cases')
    """
    return (one if count == 1 else many).format(count=count)
