"""``slicer.parameterNodeWrapper``: typed choices in a MRML node, tied to the widgets of a .ui file."""

from __future__ import annotations

import enum
import json
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import slicer
import vtk

PROPERTY = "SlicerParameterName"


@dataclass(frozen=True)
class WithinRange:
    """Bounds of a number; a value beyond them is a ValueError."""

    minimum: float
    maximum: float


class Field:
    """One typed choice, kept in the node as text or as a reference."""

    def __init__(self, name: str, hint: Any, default: Any) -> None:
        self.name = name
        self.kind, *self.annotations = typing.get_args(hint) if hasattr(hint, "__metadata__") else (hint,)
        self.is_list = self.kind == list[str]
        self.kind = list if self.is_list else self.kind
        self.is_node = issubclass(self.kind, slicer.vtkMRMLNode)
        empty = None if self.is_node else next(iter(self.kind)) if issubclass(self.kind, enum.Enum) else self.kind()
        self.default = empty if default is None else default

    def __get__(self, owner: Any, _cls: Any = None) -> Any:
        node = owner.parameterNode
        if self.is_node:
            return node.GetNodeReference(self.name)
        text = node.GetParameter(self.name)
        if self.is_list:
            return json.loads(text)
        if self.kind is bool:
            return text == "true"
        if issubclass(self.kind, enum.Enum):
            return self.kind[text]
        return self.kind(text)

    def __set__(self, owner: Any, value: Any) -> None:
        node = owner.parameterNode
        if self.is_node:
            if value is not None and not value.IsA(self.kind.__name__):
                raise TypeError(f"{self.name} must be a {self.kind.__name__}")
            node.SetNodeReferenceID(self.name, value.GetID() if value is not None else None)
            return
        value = float(value) if self.kind is float and type(value) is int else value
        if not isinstance(value, self.kind):
            raise TypeError(f"{self.name} must be {self.kind.__name__}, not {value!r}")
        if self.kind is int and isinstance(value, bool):
            raise TypeError(f"{self.name} must be int, not {value!r}")
        if self.is_list and not all(isinstance(item, str) for item in value):
            raise TypeError(f"{self.name} must be a list of str, not {value!r}")
        for bounds in self.annotations:
            if isinstance(bounds, WithinRange) and not bounds.minimum <= value <= bounds.maximum:
                raise ValueError(f"{self.name} must be from {bounds.minimum} to {bounds.maximum}, not {value}")
        node.SetParameter(self.name, self._text(value))

    def _text(self, value: Any) -> str:
        if isinstance(value, enum.Enum):
            return value.name
        if self.is_list:
            return json.dumps(value)
        return str(value).lower() if self.kind is bool else str(value)


class Connector:
    """Reads and writes one widget; the kind of widget must fit the kind of choice, as in the application."""

    def __init__(self, widget: Any, field: Field) -> None:
        import ctk
        import qt

        self.widget, self.field = widget, field
        kind, cls = field.kind, type(widget)
        if field.is_node and cls is slicer.qMRMLNodeComboBox:
            widget.nodeTypes = [kind.__name__]
            self.signal, self.read, self.write = widget.currentNodeChanged, widget.currentNode, widget.setCurrentNode
        elif kind is bool and cls in (qt.QCheckBox, qt.QPushButton):
            self.signal = widget.toggled
            self._property("checked")
        elif (kind is float and cls in (qt.QDoubleSpinBox, ctk.ctkSliderWidget)) or (
            kind is int and cls in (qt.QSpinBox, qt.QSlider)
        ):
            for bounds in field.annotations:
                widget.minimum, widget.maximum = bounds.minimum, bounds.maximum
            self.signal = widget.valueChanged
            self._property("value")
        elif kind is Path and cls is ctk.ctkPathLineEdit:
            self.signal = widget.currentPathChanged
            self.read, self.write = lambda: Path(widget.currentPath), lambda value: self._set("currentPath", str(value))
        elif issubclass(kind, enum.Enum) and cls is qt.QComboBox:
            self._enumeration(list(kind))
        elif kind is str and cls is qt.QLineEdit:
            self.signal = widget.textChanged
            self._property("text")
        else:
            raise RuntimeError(f"Unable to create GUI connector from datatype '{kind}' to widget type '{cls}'")

    def _property(self, name: str) -> None:
        self.read, self.write = lambda: getattr(self.widget, name), lambda value: self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        if getattr(self.widget, name) != value:
            setattr(self.widget, name, value)

    def _enumeration(self, members: list[Any]) -> None:
        """List the members; what the list held is gone, and an empty one starts with the last, as in the application."""
        self.signal = self.widget.currentIndexChanged
        self.read = lambda: members[self.widget.currentIndex]
        selected = self.read()
        self.widget.clear()
        for member in members:
            self.widget.addItem(member.label() if hasattr(member, "label") else member.name)
        self.write = lambda value: self._set("currentIndex", members.index(value))
        self.write(selected)


class Wrapper:
    """What the decorator adds to a class."""

    allParameters: dict[str, Field]

    def __init__(self, parameterNode: Any) -> None:
        self.parameterNode = parameterNode
        self._guis: dict[int, list[tuple[Connector, Callable[..., None]]]] = {}
        self._writing = False
        for field in self.allParameters.values():
            if not field.is_node and parameterNode.GetParameter(field.name) == "":
                field.__set__(self, field.default)
        parameterNode.AddObserver(vtk.vtkCommand.ModifiedEvent, lambda *_: self._show())

    def connectGui(self, gui: Any) -> int:
        widgets = {widget.property(PROPERTY): widget for widget in vars(gui).values() if widget.property(PROPERTY)}
        unknown = set(widgets) - set(self.allParameters)
        if unknown:
            raise ValueError(f"Cannot find a param with the given name: {sorted(unknown)[0]}")
        tag = len(self._guis)  # 0 is a tag too
        pairs = []
        for name, widget in widgets.items():
            connector = Connector(widget, self.allParameters[name])
            connector.write(getattr(self, name))
            changed = self._changed(name, connector)
            connector.signal.connect(changed)
            pairs.append((connector, changed))
        self._guis[tag] = pairs
        return tag

    def disconnectGui(self, tag: int) -> None:
        for connector, changed in self._guis.pop(tag, []):
            connector.signal.disconnect(changed)

    def _changed(self, name: str, connector: Connector) -> Callable[..., None]:
        def changed(*_arguments: Any) -> None:
            if not self._writing:
                setattr(self, name, connector.read())

        return changed

    def _show(self) -> None:
        if self._writing:
            return
        self._writing = True
        try:
            for pairs in list(self._guis.values()):
                for connector, _ in pairs:
                    connector.write(getattr(self, connector.field.name))
        finally:
            self._writing = False


def parameterNodeWrapper(cls: type) -> type:
    """The decorator. A misspelt field is silently accepted when set, as in the application."""
    hints = typing.get_type_hints(cls, include_extras=True)
    fields = {name: Field(name, hint, getattr(cls, name, None)) for name, hint in hints.items()}
    return type(cls.__name__, (Wrapper,), {**fields, "allParameters": fields, "__doc__": cls.__doc__})


def make_module() -> types.ModuleType:
    """The module ``slicer.parameterNodeWrapper``."""
    module = types.ModuleType("slicer.parameterNodeWrapper")
    module.parameterNodeWrapper = parameterNodeWrapper
    module.WithinRange = WithinRange
    return module
