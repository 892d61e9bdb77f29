"""The three ctk widgets that the module uses."""

from __future__ import annotations

import types
from typing import Any

from PySide6 import QtCore, QtWidgets

from standin.qt_module import PythonQtLike, internal

FRAME = 60  # of the arrow that opens the history, and of the button that opens a dialog, in pixels


class ctkCollapsibleButton(PythonQtLike, QtWidgets.QGroupBox):  # noqa: N801
    """A titled section; collapsing hides what is in it."""

    contentsCollapsed = QtCore.Signal(bool)

    def _get_text(self) -> str:
        return QtWidgets.QGroupBox.title(self)

    def _set_text(self, text: str) -> None:
        QtWidgets.QGroupBox.setTitle(self, text)

    def _get_collapsed(self) -> bool:
        return getattr(self, "_collapsed", False)

    def _set_collapsed(self, collapsed: bool) -> None:
        self._collapsed = bool(collapsed)
        self.setMaximumHeight(22 if collapsed else 16777215)
        self.contentsCollapsed.emit(self._collapsed)

    text = QtCore.Property(str, _get_text, _set_text)
    collapsed = QtCore.Property(bool, _get_collapsed, _set_collapsed)


class ctkPathLineEdit(PythonQtLike, QtWidgets.QLineEdit):  # noqa: N801
    """A path to choose; the whole path must fit into it, unless it has a minimum number of characters."""

    currentPathChanged = QtCore.Signal(str)

    def __init__(self, parent: Any = None) -> None:
        QtWidgets.QLineEdit.__init__(self, parent)
        self._length = 0
        internal(self, "textChanged").connect(self.currentPathChanged)
        internal(self, "textChanged").connect(self._fit)
        self._fit()

    def _get_path(self) -> str:
        return QtWidgets.QLineEdit.text(self)

    def _set_path(self, path: str) -> None:
        QtWidgets.QLineEdit.setText(self, path)

    def _set_length(self, length: int) -> None:
        self._length = length
        self._fit()

    def _fit(self, *_arguments: object) -> None:
        metrics = QtWidgets.QWidget.fontMetrics(self)
        path, length = QtWidgets.QLineEdit.text(self), self._length
        text = length * metrics.horizontalAdvance("X") if length else metrics.boundingRect(path or 7 * "x").width() + 8
        QtWidgets.QWidget.setMinimumWidth(self, text + FRAME)

    minimumContentsLength = QtCore.Property(int, lambda self: self._length, _set_length)
    currentPath = QtCore.Property(str, _get_path, _set_path)
    filters = QtCore.Property(int, lambda _self: 1, lambda _self, _value: None)


class ctkSliderWidget(PythonQtLike, QtWidgets.QDoubleSpinBox):  # noqa: N801
    """A number in a range; its slider is left out."""


CLASSES = {cls.__name__: cls for cls in (ctkCollapsibleButton, ctkPathLineEdit, ctkSliderWidget)}


def make_module() -> types.ModuleType:
    """The module ``ctk``."""
    module = types.ModuleType("ctk")
    for name, cls in CLASSES.items():
        setattr(module, name, cls)
    return module
