"""The priority of Slicer, which its processes inherit: on Linux Slicer lowers its own as far as possible when it starts."""

from __future__ import annotations

import os

from KDNetLib.Translation import _

VARIABLE = "SLICER_BACKGROUND_THREAD_PRIORITY"
WEIGHTS = {
    0: 1024,
    5: 335,
    10: 110,
    15: 36,
    19: 15,
}
"""Weights of Linux by niceness: two busy programs share a processor in their proportion."""


def niceness() -> int:
    """Return by how much the priority of this process is lowered, 0 to 19; 0 where there is no such number."""
    if not hasattr(os, "getpriority"):
        return 0
    return max(0, os.getpriority(os.PRIO_PROCESS, 0))


def priority_note(nice: int) -> str:
    """Return what a lowered priority costs and how to avoid it; empty if it is not lowered.

    Example:
        >>> priority_note(0)
        ''
    """
    if nice <= 0:
        return ""
    weight = next(weight for least, weight in sorted(WEIGHTS.items(), reverse=True) if nice >= least)
    return _(
        "Slicer runs at nice {nice}, and so does what it starts. Where other programs keep the processors busy, they may"
        " get up to {ratio} times the time of a training. To avoid this, set {variable}=0 before Slicer is started."
    ).format(nice=nice, ratio=round(WEIGHTS[0] / weight), variable=VARIABLE)
