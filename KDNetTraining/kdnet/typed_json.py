"""From JSON to frozen data classes, strictly: a string is no number, a number no truth value, nothing is ignored."""

from __future__ import annotations

import dataclasses
import json
import typing
from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeVar

from kdnet.errors import SettingsError

T = TypeVar("T")


def parse_dataclass(cls: type[T], content: Mapping[str, Any], prefix: str = "") -> T:
    """Build the data class ``cls`` from JSON values; values left out take their defaults.

    Args:
        cls: a data class of numbers, strings, enumerations, fixed-length tuples and further data classes.
        content: the JSON object.
        prefix: put before names in messages.

    Raises:
        SettingsError: naming an unknown, missing or unfit value.
    """
    hints = typing.get_type_hints(cls)
    unknown = sorted(set(content) - set(hints))
    if unknown:
        raise SettingsError(f'there is no setting "{prefix}{unknown[0]}": known are {", ".join(sorted(hints))}.')
    for item in dataclasses.fields(cls):  # type: ignore[arg-type]
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required and item.name not in content:
            raise SettingsError(f'the setting "{prefix}{item.name}" is missing: add it.')
    return cls(**{name: _parse(hints[name], value, prefix + name) for name, value in content.items()})


def _parse(kind: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, Mapping):
        return parse_dataclass(kind, value, name + ".")
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _parse_choice(kind, value, name)
    if typing.get_origin(kind) is tuple:
        return _parse_tuple(typing.get_args(kind), value, name)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if type(value) is not kind:
        raise SettingsError(f"{name} is {json.dumps(value)}: give a value of type {getattr(kind, '__name__', kind)}.")
    return value


def _parse_choice(kind: type[Enum], value: Any, name: str) -> Enum:
    choices = [str(item.value) for item in kind]
    if value not in choices:
        raise SettingsError(f'{name} is "{value}": choose one of {", ".join(choices)}.')
    return kind(value)


def _parse_tuple(kinds: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list) or len(value) != len(kinds):
        raise SettingsError(f"{name} is {json.dumps(value)}: give a list of {len(kinds)} values.")
    return tuple(_parse(kind, item, name) for kind, item in zip(kinds, value, strict=True))
