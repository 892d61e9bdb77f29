"""Whether a button can be clicked, and why not."""

from __future__ import annotations

from typing import Any

TIP = "KDNetToolTip"  # dynamic property with the tool tip of the .ui file


def offer(button: Any, tip: str, problem: str = "") -> None:
    """Enable a button if there is no problem; its tool tip says what it does, or the problem."""
    button.enabled = not problem
    button.toolTip = problem or tip


def restrict(widget: Any, problem: str) -> None:
    """Enable a widget unless there is a problem; its tool tip then says the problem, and always what it does.

    The latter is the tool tip of the .ui file, which is remembered at the first call.
    """
    tip = widget.property(TIP)
    if tip is None:
        tip = widget.toolTip
        widget.setProperty(TIP, tip)
    widget.enabled = not problem
    widget.toolTip = f"{problem}\n{tip}" if problem else tip
