"""States, roles and networks as the panel shows them."""

from __future__ import annotations

from kdnet.runs.status import RunState
from kdnet.schema.folds import ALL_CASES
from kdnet.schema.modalities import format_modalities
from kdnet.schema.network_id import NetworkId, Role
from slicer.i18n import tr as _

from KDNetTrainingLib.RunQueue import PanelState, ShownState


def state_title(state: ShownState) -> str:
    """Return a run's state as shown in the table."""
    titles: dict[ShownState, str] = {
        RunState.NEW: _("new"),
        PanelState.STARTING: _("starting"),
        RunState.WAITING: _("waiting"),
        RunState.RUNNING: _("running"),
        RunState.PAUSED: _("paused"),
        RunState.STOPPED: _("stopped"),
        RunState.FAILED: _("failed"),
        RunState.FINISHED: _("finished"),
        PanelState.UNREADABLE: _("unreadable"),
    }
    return titles[state]


def role_title(role: Role) -> str:
    """Return the title of a role."""
    return {
        Role.TEACHER: _("Teacher"),
        Role.BASELINE: _("Baseline"),
        Role.CONTROL: _("Control"),
        Role.STUDENT: _("Student"),
    }[role]


def network_title(network: NetworkId) -> str:
    """Return a readable name for a network of a run; the first fold and seed are omitted.

    Example:
        >>> network_title(NetworkId(Role.STUDENT, ("t1ce",), ALL_CASES, 0))
        'Student T1ce (all cases)'
        >>> network_title(NetworkId(Role.TEACHER, ("t1", "t1ce"), 2, 1))
        'Teacher (fold 2, seed 1)'
    """
    title = role_title(network.role)
    if network.role is not Role.TEACHER:
        title += f" {format_modalities(network.modalities)}"
    place = []
    if network.fold:
        place.append(_("all cases") if network.fold == ALL_CASES else _("fold {fold}").format(fold=network.fold))
    if network.seed:
        place.append(_("seed {seed}").format(seed=network.seed))
    return f"{title} ({', '.join(place)})" if place else title
