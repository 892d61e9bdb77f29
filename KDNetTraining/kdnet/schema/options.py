"""Options that are described once: as fields of a frozen data class, with flag, help text, parser and default.

The parser of the command line, the arguments that reproduce a request, and the panels are derived from these fields.
"""

from __future__ import annotations

import dataclasses
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

T = TypeVar("T")

KEY = "option"

DEVICES = "auto, cpu, cuda, cuda:N or mps"
"""Values of ``--device``, for its help."""


@dataclass(frozen=True)
class Option:
    """How a field is written on the command line.

    Attributes:
        flag: such as ``"--folds"``; without dashes for a positional argument.
        help: help text, in the imperative or as a noun phrase, without a period.
        short: such as ``"-o"``; empty for none.
        group: heading of the help that it is listed under.
        metavar: placeholder of the value in the help.
        parse: from the text of the command line to the value, or to one of the values if it is ``repeated``.
        text: the inverse of ``parse``.
        collect: for a ``repeated`` flag, from the parsed values to the value of the field.
        items: for a ``repeated`` flag, from the value of the field to the values.
        repeated: whether the flag may be given several times.
        switch: whether the flag takes no value and sets the field to True.
        explicit: whether the default is written out too, because it may change between versions.
    """

    flag: str
    help: str
    short: str = ""
    group: str = ""
    metavar: str = ""
    parse: Callable[[str], Any] = str
    text: Callable[[Any], str] = str
    collect: Callable[[Sequence[Any]], Any] = tuple
    items: Callable[[Any], Sequence[Any]] = tuple
    repeated: bool = False
    explicit: bool = False
    switch: bool = False


def described(flag: str, *, help: str, **how: Any) -> dict[str, Option]:
    """Return the metadata of a field with an option, for a field without a default.

    Args:
        flag, help, **how: see :class:`Option`.
    """
    return {KEY: Option(flag, help, **how)}


def option(flag: str, *, help: str, default: Any, **how: Any) -> Any:
    """Return a field with an option and a default.

    Args:
        flag, help, **how: see :class:`Option`.
        default: default value; a mapping is copied.
    """
    metadata = described(flag, help=help, **how)
    if isinstance(default, dict):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def options(cls: type) -> Mapping[str, Option]:
    """Return the options of a data class by the names of their fields; other fields are omitted."""
    return {item.name: item.metadata[KEY] for item in dataclasses.fields(cls) if KEY in item.metadata}


def add_options(
    parser: ArgumentParser, cls: type, groups: Sequence[str], targets: Mapping[str, Any] = MappingProxyType({})
) -> None:
    """Add the options of a data class to a parser, by group; ``targets`` are groups that the parser has already."""
    described = options(cls)
    required = {item.name for item in dataclasses.fields(cls) if item.default is item.default_factory is MISSING}
    for group in ("", *groups):
        target = targets.get(group) or (parser.add_argument_group(group) if group else parser)
        for name, item in described.items():
            if item.group == group:
                _add(target, name, item, required=name in required)


def from_args(cls: type[T], args: Namespace) -> T:
    """Create a data class from parsed arguments; options that were not given take their defaults."""
    described = options(cls)
    given = {name: value for name in described if (value := getattr(args, name)) is not None}
    return cls(**{name: described[name].collect(v) if described[name].repeated else v for name, v in given.items()})


def to_argv(request: Any, groups: Sequence[str], excluded: Sequence[str] = ()) -> list[str]:
    """Return the arguments that reproduce a data class; defaults are omitted.

    Args:
        request: instance of a data class with options.
        groups: the groups in the order of the arguments; positional arguments come first.
        excluded: names of fields to omit.
    """
    fields = {item.name: item for item in dataclasses.fields(request)}
    described = {name: item for name, item in options(type(request)).items() if name not in excluded}
    arguments: list[str] = []
    for name, item in sorted(described.items(), key=lambda pair: ("", *groups).index(pair[1].group)):
        value = getattr(request, name)
        if not item.flag.startswith("-"):
            arguments.append(item.text(value))
        elif item.repeated:
            arguments += [part for each in item.items(value) for part in (item.flag, item.text(each))]
        elif item.switch:
            arguments += [item.flag] if value else []
        elif item.explicit or value != fields[name].default:
            arguments += [item.flag, item.text(value)]
    return arguments


def _add(target: Any, name: str, item: Option, *, required: bool) -> None:
    details: dict[str, Any] = {"type": item.parse, "help": item.help.replace("%", "%%"), "metavar": item.metavar or None}
    if not item.flag.startswith("-"):
        target.add_argument(name, **details)
        return
    if item.switch:
        details = {"action": "store_const", "const": True, "help": details["help"]}
    elif item.repeated:
        details["action"] = "append"
    target.add_argument(*filter(None, (item.short, item.flag)), dest=name, default=None, required=required, **details)


def path_text(path: Path | None) -> str:
    """Return a path as text."""
    return "" if path is None else str(path)
