"""Ask the backend what can be chosen on this computer: recipes with all their values, networks, devices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from kdnet.schema.capabilities import Capabilities
from KDNetLib.Command import Command, json_answer
from KDNetLib.Worker import Failure


def query_capabilities(
    files: Sequence[Path], onFinished: Callable[[Capabilities], None], onFailed: Callable[[Failure], None]
) -> Command:
    """Query the backend in a separate process, because it imports torch.

    Args:
        files: the user's own recipes.
        onFinished: called with the answer.
        onFailed: called with the reason, such as a file that is not a recipe.
    """
    arguments = ["capabilities", *(part for path in files for part in ("--recipe", str(path)))]
    return Command(
        arguments,
        read=lambda text: Capabilities.from_json(json_answer(text)),
        onFinished=onFinished,
        onFailed=onFailed,
    ).start()
