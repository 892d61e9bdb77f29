"""Numbers as people read them: durations, sizes, fractions, and counts."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Format a duration with the precision that a waiting user needs.

    Example:
        >>> duration(40), duration(90), duration(25 * 60), duration(7.5 * 3600)
        ('40 s', '90 s', '25 min', '7 h 30 min')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def clock(seconds: float) -> str:
    """Format a duration as short as beside a progress bar.

    Example:
        >>> clock(99), clock(3600)
        ('1:39', '1:00:00')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def size(count: float) -> str:
    """Format a number of bytes.

    Example:
        >>> size(1.25e9), size(35e6), size(4.61e6), size(10)
        ('1.2 GB', '35 MB', '4.6 MB', '0.1 MB')
    """
    if count >= 1e9:
        return f"{count / 1e9:.1f} GB"
    return f"{count / 1e6:.0f} MB" if count >= 1e7 else f"{max(0.1, count / 1e6):.1f} MB"


def percent(fraction: float) -> str:
    """Format a fraction as a whole percentage.

    Example:
        >>> percent(0.954)
        '95%'
    """
    return f"{fraction:.0%}"


def plural(count: int, one: str, many: str) -> str:
    """Return ``one`` or ``many`` with ``{count}`` filled in.

    Both forms are whole phrases, so that they can be translated.

    Example:
        >>> plural(1, "{count} case", "{count} cases"), plural(3, "{count} case", "{count} cases")
        ('1 case', '3 cases')
    """
    return (one if count == 1 else many).format(count=count)
