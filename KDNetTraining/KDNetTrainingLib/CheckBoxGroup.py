"""A row of check boxes that is rebuilt to match the data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import qt

MOST_COLUMNS = 4
MOST_CHARACTERS = 32  # in a row, with room for the boxes: more would make the panel too wide


class CheckBoxGroup:
    """Check boxes in a widget of the .ui file that has a grid layout.

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
            longest = max(map(len, titles.values()), default=0)
            columns = max(1, min(MOST_COLUMNS, MOST_CHARACTERS // (longest + 3)))
            places = (divmod(index, columns) for index in range(len(titles)))
            self.boxes = {name: self._box(titles[name], *place) for name, place in zip(titles, places, strict=True)}
        for name, box in self.boxes.items():
            blocked = box.blockSignals(True)
            box.checked = name in checked
            box.blockSignals(blocked)

    def _box(self, title: str, row: int, column: int) -> Any:
        box = qt.QCheckBox(title)
        box.toolTip = self._holder.toolTip
        box.toggled.connect(lambda _checked: self._changed())
        self._holder.layout().addWidget(box, row, column)
        return box
