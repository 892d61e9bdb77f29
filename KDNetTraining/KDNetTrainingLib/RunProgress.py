"""The progress of a run as text and as a fraction."""

from __future__ import annotations

from kdnet.runs.status import RunState, RunStatus
from kdnet.schema.formatting import duration
from slicer.i18n import tr as _

from KDNetTrainingLib.Formatting import network_title, state_title
from KDNetTrainingLib.RunQueue import ShownState


def progress_fraction(status: RunStatus | None, state: ShownState | None) -> float:
    """Return how much of a run is done, from 0 to 1; each network counts the same."""
    if status is None or not status.networks:
        return 0.0
    if state is RunState.FINISHED:
        return 1.0
    current = status.step / status.steps if status.network is not None and status.steps else 0.0
    return (len(status.done) + min(current, 1.0)) / len(status.networks)


def progress_text(status: RunStatus | None, state: ShownState) -> str:
    """Return state, network, step, and time left of a run in short sentences."""
    parts = [state_title(state).capitalize()]
    if status is not None:
        if status.network is not None:
            parts.append(
                _("{network}, step {step} of {steps}").format(
                    network=network_title(status.network), step=status.step, steps=status.steps
                )
            )
        if status.networks:
            parts.append(_("{done} of {total} networks done").format(done=len(status.done), total=len(status.networks)))
        if state is RunState.RUNNING and status.seconds_left:
            parts.append(_("About {time} left").format(time=duration(status.seconds_left)))
    return ". ".join(parts) + "."
