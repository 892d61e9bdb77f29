"""What can be chosen for an experiment on this computer: recipes with all their values, networks, devices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from KDNetLib.Command import Command, json_answer
from KDNetLib.Worker import Failure

MODULE = ("-m", "kdnet.cli.capabilities")


@dataclass(frozen=True)
class Capabilities:
    """The available choices.

    Attributes:
        recipes: name, or path of a file, to all values.
        networks: name to when to choose it.
        devices: available devices, the default first.
        cores: number of CPU cores.
    """

    recipes: Mapping[str, Mapping[str, Any]]
    networks: Mapping[str, str]
    devices: tuple[str, ...]
    cores: int


def query_capabilities(
    files: Sequence[Path], onFinished: Callable[[Capabilities], None], onFailed: Callable[[Failure], None]
) -> Command:
    """Query the backend in a separate process, because it imports torch.

    Args:
        files: the user's own recipes.
        onFinished: called with the answer.
        onFailed: called with the reason, such as a file that is not a recipe.
    """
    arguments = [part for path in files for part in ("--recipe", str(path))]
    return Command(
        arguments,
        read=lambda text: read_capabilities(json_answer(text)),
        onFinished=onFinished,
        onFailed=onFailed,
        module=MODULE,
    ).start()


def read_capabilities(content: Mapping[str, Any]) -> Capabilities:
    """Read the capabilities from their JSON."""
    networks = {item["name"]: item["use"] for item in content["networks"]}
    return Capabilities(content["recipes"], networks, tuple(content["devices"]), int(content["cores"]))
