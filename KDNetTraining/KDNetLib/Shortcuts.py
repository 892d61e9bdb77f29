"""Keyboard shortcuts of a panel, which work while it has the focus and leave the rest of the application alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt


def bind_shortcut(widget: Any, keys: str, slot: Callable[..., None]) -> Any:
    """Call ``slot`` when ``keys`` are pressed in ``widget`` or in what it contains; return the shortcut."""
    shortcut = qt.QShortcut(qt.QKeySequence(keys), widget)
    shortcut.setContext(qt.Qt.WidgetWithChildrenShortcut)
    shortcut.connect("activated()", slot)
    return shortcut
