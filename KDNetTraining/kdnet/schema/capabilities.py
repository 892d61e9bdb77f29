"""What a study can choose from on a computer, as the backend reports it to the training panel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class Capabilities:
    """The available choices.

    Attributes:
        recipes: name of a recipe, or path of its file, to all its values.
        networks: name of a preset to when to choose it.
        devices: available devices, the one that ``auto`` selects first.
    """

    recipes: Mapping[str, Mapping[str, Any]]
    networks: Mapping[str, str]
    devices: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the choices as plain JSON values."""
        return {"recipes": dict(self.recipes), "networks": dict(self.networks), "devices": list(self.devices)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Self:
        """Create capabilities from :meth:`to_json` output.

        Raises:
            KeyError, TypeError, ValueError: on invalid content.
        """
        devices = tuple(map(str, content["devices"]))
        if not devices:
            raise ValueError("no device is listed")
        return cls(dict(content["recipes"]), dict(content["networks"]), devices)
