"""Whether a button can be clicked, and why not."""

from __future__ import annotations

from typing import Any


def offer(button: Any, tip: str, problem: str = "") -> None:
    """Enable a button if there is no problem; its tool tip says what it does, or the problem."""
    button.enabled = not problem
    button.toolTip = problem or tip
