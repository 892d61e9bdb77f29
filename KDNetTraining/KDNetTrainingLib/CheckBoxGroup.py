"""A row of check boxes that is rebuilt to match the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt


class CheckBoxGroup:
    """Check boxes in a widget of the .ui file that has a layout.

    Args:
        holder: the widget.
        changed: called when the user checks or unchecks a box.
    """

    def __init__(self, holder: Any, changed: Callable[[], None]) -> None:
        self._holder, self._changed = holder, changed
        self.boxes: dict[str, Any] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all boxes."""
        return tuple(self.boxes)

    @property
    def checked(self) -> tuple[str, ...]:
        """Names of the checked boxes."""
        return tuple(name for name, box in self.boxes.items() if box.checked)

    def offer(self, titles: dict[str, str], checked: Sequence[str]) -> None:
        """Show boxes with these names and titles, checked as given; nothing is rebuilt if they are unchanged."""
        if tuple(titles) != self.names:
            for box in self.boxes.values():
                self._holder.layout().removeWidget(box)
                box.setParent(None)
                box.deleteLater()
            self.boxes = {name: self._box(title) for name, title in titles.items()}
        for name, box in self.boxes.items():
            blocked = box.blockSignals(True)
            box.checked = name in checked
            box.blockSignals(blocked)

    def _box(self, title: str) -> Any:
        box = qt.QCheckBox(title)
        box.toggled.connect(lambda _checked: self._changed())
        self._holder.layout().addWidget(box)
        return box
