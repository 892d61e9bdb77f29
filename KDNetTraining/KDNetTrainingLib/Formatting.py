"""Format durations, sizes and states as text."""

from __future__ import annotations

from kdnet.schema.folds import ALL_CASES, fold_name
from kdnet.schema.modalities import format_modalities
from kdnet.schema.network_id import NetworkId, Role
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


def network_title(network: NetworkId) -> str:
    """Return a readable name for a network of a run.

    Example:
        >>> network_title(NetworkId(Role.STUDENT, ("t1ce",), ALL_CASES, 0))
        'Student T1ce (all cases)'
    """
    titles = {Role.TEACHER: _("Teacher"), Role.BASELINE: _("Baseline"), Role.STUDENT: _("Student")}
    title = titles[network.role]
    if network.role is not Role.TEACHER:
        title += f" {format_modalities(network.modalities)}"
    place = []
    if network.fold:
        place.append(_("all cases") if network.fold == ALL_CASES else fold_name(network.fold))
    if network.seed:
        place.append(f"seed{network.seed}")
    return f"{title} ({', '.join(place)})" if place else title
