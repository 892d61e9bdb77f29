"""The choices of the panel as text, in Slicer's settings: the defaults of the next scene."""

from __future__ import annotations

import contextlib
import enum
import json
from pathlib import Path
from typing import Any

from KDNetTrainingLib.Parameters import Parameters
from KDNetTrainingLib.Runs import Settings

KEY = "KDNet/TrainingChoices"
OF_ONE_RUN = frozenset({"runName"})  # not for the next one


def as_json(parameters: Parameters) -> dict[str, Any]:
    """Return all choices as plain JSON values."""
    wrapped: Any = parameters  # the wrapper adds what the class does not declare
    return {name: _plain(getattr(parameters, name)) for name in wrapped.allParameters}


def choose(parameters: Parameters, values: dict[str, Any]) -> None:
    """Make ``values``, as :func:`as_json` returns them, the choices; those that another version wrote are skipped."""
    wrapped: Any = parameters
    for name in wrapped.allParameters:
        if name not in values:
            continue
        with contextlib.suppress(ValueError, TypeError):
            setattr(parameters, name, _typed(values[name], type(getattr(parameters, name))))


class StoredChoices:
    """The last choices, in Slicer's settings.

    Args:
        settings: where they are stored.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._last = ""

    def store(self, parameters: Parameters) -> None:
        """Store the choices."""
        values = {name: value for name, value in as_json(parameters).items() if name not in OF_ONE_RUN}
        text = json.dumps(values)
        if text != self._last:
            self._last = text
            self._settings.setValue(KEY, text)

    def restore(self, parameters: Parameters) -> None:
        """Make the stored choices those of a new scene; what cannot be read is skipped."""
        try:
            values = json.loads(str(self._settings.value(KEY) or "{}"))
        except ValueError:
            return
        if isinstance(values, dict):
            choose(parameters, values)

    def forget(self) -> None:
        """Return to the default choices in the next scene."""
        self._last = "{}"
        self._settings.setValue(KEY, self._last)


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
