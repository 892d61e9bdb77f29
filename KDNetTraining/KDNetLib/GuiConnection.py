"""Widgets tied to the choices of a scene, until the panel is left or the scene closes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import vtk


class GuiConnection:
    """Ties the widgets of a .ui file to one wrapped parameter node at a time.

    Args:
        ui: widgets of the panel by name.
        observer: the panel, which observes nodes (``VTKObservationMixin``).
        modified: called when a choice changes.
    """

    def __init__(self, ui: Any, observer: Any, modified: Callable[..., None]) -> None:
        self._ui, self._observer, self._modified = ui, observer, modified
        self._parameters: Any = None
        self._tag: Any = None

    @property
    def connected(self) -> bool:
        """Whether the widgets are tied to choices."""
        return self._parameters is not None

    def connect(self, parameters: Any) -> None:
        """Show and edit these choices instead of those before."""
        self.disconnect()
        self._parameters, self._tag = parameters, parameters.connectGui(self._ui)
        self._observer.addObserver(parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._modified)

    def disconnect(self) -> None:
        """Leave the widgets as they are, without a node behind them."""
        parameters, self._parameters = self._parameters, None
        if parameters is None:
            return
        if self._tag is not None:  # Slicer 5.8 returns no tag, so its widgets stay tied to a node that nothing else uses
            parameters.disconnectGui(self._tag)
        self._observer.removeObserver(parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._modified)
