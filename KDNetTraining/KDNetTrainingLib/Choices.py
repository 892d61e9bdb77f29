"""The choices of the current scene, shared by all sections of the panel."""

from __future__ import annotations

from KDNetTrainingLib.Parameters import Parameters


class Choices:
    """Holds the parameter node's values.

    Attributes:
        parameters: the values; None while a scene closes.
    """

    def __init__(self) -> None:
        self.parameters: Parameters | None = None

    @property
    def current(self) -> Parameters:
        """The values, where a scene is known to be open."""
        assert self.parameters is not None
        return self.parameters
