"""Format durations, sizes and states as text."""

from __future__ import annotations

from kdnet.schema.folds import ALL_NAME
from slicer.i18n import tr as _


def duration(seconds: float | None) -> str:
    """Format a time span, with the precision that a waiting user needs."""
    if seconds is None:
        return ""
    if seconds < 90:
        return _("{count} s").format(count=max(1, round(seconds)))
    minutes = round(seconds / 60)
    if minutes < 90:
        return _("{count} min").format(count=minutes)
    hours, rest = divmod(minutes, 60)
    return _("{hours} h {minutes} min").format(hours=hours, minutes=rest)


def size(count: float) -> str:
    """Format a number of bytes."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= limit:
            return f"{count / limit:.1f} {unit}"
    return f"{count:.0f} B"


def state_word(state: str) -> str:
    """Return a run's state as shown in the table."""
    return {
        "new": _("new"),
        "starting": _("starting"),
        "waiting": _("waiting"),
        "running": _("running"),
        "paused": _("paused"),
        "stopped": _("stopped"),
        "broken": _("broken off"),
        "finished": _("finished"),
        "unreadable": _("cannot be read"),
    }.get(state, state)


def network_title(name: str) -> str:
    """Return a readable name for a network's path in the run, such as ``"fold0/seed0/student-t1ce"``.

    Example:
        >>> network_title("all/seed0/student-t1ce")
        'Student T1CE (all cases)'
    """
    parts = name.split("/")
    role, _separator, modality_key = parts[-1].partition("-")
    title = {"teacher": _("Teacher"), "baseline": _("Baseline"), "student": _("Student")}.get(role, role)
    if modality_key:
        title += f" {modality_key.upper()}"
    place = [_("all cases") if part == ALL_NAME else part for part in parts[:-1] if part not in ("fold0", "seed0")]
    return f"{title} ({', '.join(place)})" if place else title
