"""Commands and options of older versions: accepted, but no longer in the help."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

COMMANDS: Mapping[str, str] = MappingProxyType({"describe": "model-info", "preview": "predict-checkpoint"})

OPTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "study": MappingProxyType({"--leave-out": "--exclude", "--after": "--wait-for"}),
        "plan": MappingProxyType({"--leave-out": "--exclude"}),
        "resume": MappingProxyType({"--after": "--wait-for"}),
        "segment": MappingProxyType({"--flips": "--tta", "--islands": "--min-component"}),
        "export": MappingProxyType({"--tested-in": "--metrics-from"}),
    }
)
"""Command to its older options and their current names."""


def current_arguments(arguments: Sequence[str]) -> list[str]:
    """Return the arguments of ``kdnet`` with current names of commands and options.

    Example:
        >>> current_arguments(["study", "data", "--leave-out=a", "--", "--after"])
        ['study', 'data', '--exclude=a', '--', '--after']
    """
    if not arguments:
        return []
    command, *rest = arguments
    command = COMMANDS.get(command, command)
    end = rest.index("--") if "--" in rest else len(rest)
    options = OPTIONS.get(command, {})
    return [command, *(_current(part, options) for part in rest[:end]), *rest[end:]]


def _current(part: str, options: Mapping[str, str]) -> str:
    name, separator, value = part.partition("=")
    return options[name] + separator + value if name in options else part
