"""The panel that holds the open module's widget: a scroll area that never lets it be narrower than it must be."""

from __future__ import annotations

from typing import Any

from PySide6 import QtCore, QtWidgets


class ModulePanel(QtWidgets.QScrollArea):
    """As the application's, it scrolls up and down only, so a widget's minimum width is the panel's.

    Its widget gets its minimum size hint or the size of the panel, whichever is larger: heights for a width do not count.

    Args:
        content: the module's widget.
    """

    def __init__(self, content: Any) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarAlwaysOff)
        self.setWidget(content)

    @property
    def needed_width(self) -> int:
        """The narrowest that the panel can be, in pixels."""
        bar = self.verticalScrollBar().sizeHint().width()
        return int(QtWidgets.QWidget.minimumSizeHint(self.widget()).width()) + bar

    def fit(self) -> None:
        """Become as wide as the widget needs, as the application's panel does when its widget changes."""
        self.setMinimumWidth(self.needed_width)
        self.resize(max(self.width(), self.needed_width), self.height())
