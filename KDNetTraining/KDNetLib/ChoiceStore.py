"""The choices of a panel as text, in Slicer's settings: the defaults of the next scene."""

from __future__ import annotations

import contextlib
import enum
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol


class SettingsStore(Protocol):
    """The part of ``qt.QSettings`` that is needed."""

    def value(self, key: str) -> Any:
        """Return the value stored under ``key``."""

    def setValue(self, key: str, value: Any) -> None:
        """Store ``value`` under ``key``."""


def as_json(parameters: Any, wanted: Callable[[str], bool] = lambda _name: True) -> dict[str, Any]:
    """Return the wanted choices of a wrapped parameter node, by default all, as plain JSON values."""
    return {name: _plain(getattr(parameters, name)) for name in parameters.allParameters if wanted(name)}


def choose(parameters: Any, values: dict[str, Any]) -> None:
    """Make ``values``, as :func:`as_json` returns them, the choices; those that another version wrote are skipped."""
    for name in parameters.allParameters:
        if name not in values:
            continue
        with contextlib.suppress(ValueError, TypeError):
            setattr(parameters, name, _typed(values[name], type(getattr(parameters, name))))


class ChoiceStore:
    """The last choices, in Slicer's settings.

    Args:
        settings: where they are stored.
        key: under which name.
        wanted: returns whether a choice is for the next scene too.
    """

    def __init__(self, settings: SettingsStore, key: str, wanted: Callable[[str], bool]) -> None:
        self._settings, self._key, self._wanted = settings, key, wanted
        self._last = ""

    def store(self, parameters: Any) -> None:
        """Store the choices."""
        text = json.dumps(as_json(parameters, self._wanted))
        if text != self._last:
            self._last = text
            self._settings.setValue(self._key, text)

    def restore(self, parameters: Any) -> None:
        """Make the stored choices those of a new scene; what cannot be read is skipped."""
        try:
            values = json.loads(str(self._settings.value(self._key) or "{}"))
        except ValueError:
            return
        if isinstance(values, dict):
            choose(parameters, {name: value for name, value in values.items() if self._wanted(name)})

    def forget(self) -> None:
        """Return to the default choices in the next scene."""
        self._last = "{}"
        self._settings.setValue(self._key, self._last)


def _plain(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Path):
        return "" if value == Path() else str(value)  # an unset path reads as "."
    return value if isinstance(value, (str, int, float)) else list(value)  # lists are wrapped in the application


def _typed(value: Any, kind: type) -> Any:
    """Return a plain value as that of a choice of this type.

    Raises:
        ValueError, TypeError: if it is none.
    """
    if issubclass(kind, (enum.Enum, Path)):
        return kind(value)
    if isinstance(value, list):
        return [str(item) for item in value]
    if issubclass(kind, float) and isinstance(value, int):
        return float(value)
    if not issubclass(kind, type(value)):
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
