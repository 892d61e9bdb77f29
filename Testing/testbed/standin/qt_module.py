"""``qt`` as PythonQt shows it, over PySide6: properties are attributes, and unknown attributes are errors."""

from __future__ import annotations

import types
from functools import cache
from typing import Any

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

from standin.declared import DECLARED, known_names


class PythonQtLike:
    """Mixed into a PySide class: Qt properties read and written as attributes, nothing else can be set.

    ``button.text`` is a string, so ``button.text()`` is a TypeError, as in the application; ``setText`` and other methods
    stay. Attributes that a Python subclass declares are its own. A stand-in for a class of CTK or Slicer has only those
    properties and signals that this class declares.
    """

    def __getattribute__(self, name: str) -> Any:
        if not name.startswith("_") and name in undeclared_members(type(self)):
            raise AttributeError(f"{type(self).__name__} has no attribute {name}")
        if not name.startswith("_") and name not in ("metaObject", "property", "setProperty"):
            meta = super().__getattribute__("metaObject")()
            if name == "name":
                return super().__getattribute__("objectName")()
            if meta.indexOfProperty(name) >= 0:
                return super().__getattribute__("property")(name)
        return super().__getattribute__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "name":
            name = "objectName"
        declared = name not in undeclared_members(type(self))
        if declared and self.metaObject().indexOfProperty(name) >= 0:
            if not self.setProperty(name, value):
                raise TypeError(f"{type(self).__name__}.{name} cannot be set to {value!r}")
        elif isinstance(value, QtCore.QObject) and QtCore.QObject.objectName(value) == name:
            super().__setattr__(name, value)  # the loader of .ui files does so
        elif name.startswith("_") or (
            declared and any(name in cls.__dict__ for cls in type(self).__mro__ if cls is not PythonQtLike)
        ):
            super().__setattr__(name, value)
        else:
            raise AttributeError(f"{type(self).__name__} has no attribute {name}")


@cache
def undeclared_members(cls: type) -> frozenset[str]:
    """Return the properties and signals of a stand-in that the class that it stands for does not have."""
    if cls.__name__ not in DECLARED:
        return frozenset()
    meta: Any = cls.staticMetaObject  # type: ignore[attr-defined]
    methods = [meta.method(index) for index in range(meta.methodCount())]
    signals = {bytes(item.name()).decode() for item in methods if item.methodType() == QtCore.QMetaMethod.Signal}
    properties = {meta.property(index).name() for index in range(meta.propertyCount())}
    return frozenset(properties | signals) - known_names(cls.__name__)


def internal(widget: Any, name: str) -> Any:
    """Return an attribute of the Qt class behind a stand-in, which the class that it stands for need not have."""
    return object.__getattribute__(widget, name)


def python_qt(cls: type) -> type:
    """``cls`` with PythonQt's manners, under its own name."""
    return type(cls.__name__, (PythonQtLike, cls), {})


WIDGETS = {
    name: python_qt(getattr(QtWidgets, name))
    for name in (
        "QCheckBox",
        "QComboBox",
        "QDoubleSpinBox",
        "QFrame",
        "QLabel",
        "QLineEdit",
        "QListWidget",
        "QPlainTextEdit",
        "QProgressBar",
        "QPushButton",
        "QSlider",
        "QSpinBox",
        "QTableWidget",
        "QWidget",
    )
}


class QFileDialog:
    """File dialogs answer with the path in ``answer`` and give it as a plain string, as PythonQt does."""

    answer = ""

    @classmethod
    def getOpenFileName(cls, *_arguments: Any) -> str:
        return cls.answer

    @classmethod
    def getSaveFileName(cls, *_arguments: Any) -> str:
        return cls.answer

    @classmethod
    def getExistingDirectory(cls, *_arguments: Any) -> str:
        return cls.answer


class QShortcut(QtGui.QShortcut):
    """A shortcut whose signals can be connected by signature too, as PythonQt lets them."""

    def connect(self, signal: str, slot: Any) -> None:
        getattr(self, signal.removesuffix("()")).connect(slot)


class QAction(PythonQtLike, QtGui.QAction):
    """An entry of a menu, connected by signature."""

    def connect(self, signal: str, slot: Any) -> None:
        getattr(self, signal.removesuffix("()")).connect(slot)


class QDesktopServices:
    """Opens nothing, but remembers what it should have opened."""

    opened: list[str] = []  # noqa: RUF012

    @classmethod
    def openUrl(cls, url: QtCore.QUrl) -> bool:
        cls.opened.append(url.toLocalFile())
        return True


class UiLoader(QtUiTools.QUiLoader):
    """Makes widgets of the classes above and of the stand-ins for ctk and qMRML; an unknown class is an error."""

    classes: dict[str, type] = {}  # noqa: RUF012

    def createWidget(self, class_name: str, parent: Any = None, name: str = "") -> Any:
        known = {**WIDGETS, **self.classes}
        if class_name not in known:
            raise LookupError(f"the stand-in knows no widget {class_name}")
        widget = known[class_name](parent)
        widget.setObjectName(name)
        return widget


def make_module() -> types.ModuleType:
    """The module ``qt``."""
    module = types.ModuleType("qt")
    for name in ("QFile", "QSettings", "QUrl", "Qt"):
        setattr(module, name, getattr(QtCore, name))
    for name in ("QTableWidgetItem", "QHeaderView", "QVBoxLayout", "QApplication"):
        setattr(module, name, getattr(QtWidgets, name))
    for name, cls in WIDGETS.items():
        setattr(module, name, cls)
    module.QAction = QAction
    module.QShortcut = QShortcut
    module.QKeySequence = QtGui.QKeySequence
    module.QTimer = python_qt(QtCore.QTimer)
    module.QIcon = QtGui.QIcon
    module.QTextCursor = QtGui.QTextCursor
    module.QFileDialog = QFileDialog
    module.QDesktopServices = QDesktopServices
    module.QUiLoader = UiLoader
    return module
