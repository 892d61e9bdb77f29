"""Strict conversion of JSON to frozen data classes: no type coercion, and no ignored values."""

from __future__ import annotations

import dataclasses
import json
import math
import types
import typing
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from kdnet.errors import SettingsError
from kdnet.text import one_line

T = TypeVar("T")


def parse_dataclass(cls: type[T], content: Mapping[str, Any], prefix: str = "") -> T:
    """Build the data class ``cls`` from JSON values; omitted values take their defaults.

    Args:
        cls: a data class of finite numbers, strings, paths, enumerations, tuples, mappings of plain values, further data
            classes, and ``None`` where a field allows it.
        content: the JSON object.
        prefix: prefix of names in messages.

    Raises:
        SettingsError: naming an unknown, missing or invalid value.
    """
    if not isinstance(content, Mapping):
        raise SettingsError(f"{prefix.rstrip('.') or 'the content'} is {_shown(content)}: give an object.")
    hints = typing.get_type_hints(cls)
    unknown = sorted(str(name) for name in set(content) - set(hints))
    if unknown:
        known = ", ".join(sorted(hints))
        raise SettingsError(f'there is no setting "{prefix}{one_line(unknown[0], 60)}": choose from {known}.')
    for item in dataclasses.fields(cls):  # type: ignore[arg-type]
        required = item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
        if required and item.name not in content:
            raise SettingsError(f'the setting "{prefix}{item.name}" is missing: add it.')
    return cls(**{name: _parse(hints[name], value, prefix + name) for name, value in content.items()})


def _parse(kind: Any, value: Any, name: str) -> Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return None if value is None else _parse(next(k for k in typing.get_args(kind) if k is not type(None)), value, name)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, Mapping):
        return parse_dataclass(kind, value, name + ".")
    if typing.get_origin(kind) is tuple:
        return _parse_tuple(typing.get_args(kind), value, name)
    if typing.get_origin(kind) is Mapping and isinstance(value, Mapping):
        return dict(value)
    return _parse_plain(kind, value, name)


def _parse_plain(kind: Any, value: Any, name: str) -> Any:
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _parse_choice(kind, value, name)
    if kind is float:
        return _parse_float(value, name)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if type(value) is not kind:
        raise SettingsError(f"{name} is {_shown(value)}: give a value of type {getattr(kind, '__name__', kind)}.")
    return value


def _parse_float(value: Any, name: str) -> float:
    try:
        number = float(value) if type(value) in (int, float) else math.nan
    except OverflowError:  # an integer beyond the range of float
        number = math.inf
    if not math.isfinite(number):
        raise SettingsError(f"{name} is {_shown(value)}: give a finite number.")
    return number


def _parse_choice(kind: type[Enum], value: Any, name: str) -> Enum:
    choices = [str(item.value) for item in kind]
    if value not in choices:
        raise SettingsError(f"{name} is {_shown(value)}: choose one of {', '.join(choices)}.")
    return kind(value)


def _parse_tuple(kinds: tuple[Any, ...], value: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise SettingsError(f"{name} is {_shown(value)}: give a list.")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        kinds = (kinds[0],) * len(value)
    if len(value) != len(kinds):
        raise SettingsError(f"{name} is {_shown(value)}: give a list of {len(kinds)} values.")
    return tuple(_parse(kind, item, name) for kind, item in zip(kinds, value, strict=True))


def _shown(value: Any) -> str:
    """Return the value as JSON, shortened for a message."""
    try:
        return one_line(json.dumps(value), 80)
    except (TypeError, ValueError, RecursionError):
        return "not a JSON value"
