"""The buttons that remove the cases which the panel loaded into the scene."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from KDNetLib.Availability import restrict
from KDNetLib.CaseNodes import kept_sentence, loaded_nodes, remove_cases
from slicer.i18n import tr as _


class LoadedCases:
    """Removes loaded cases with one click, wherever they were opened.

    Args:
        buttons: one in each section that opens cases.
        removed: called with what there is to say, after they were removed.
    """

    def __init__(self, buttons: Sequence[Any], removed: Callable[[str], None]) -> None:
        self._buttons, self._removed = buttons, removed
        for button in buttons:
            button.clicked.connect(self.onRemove)

    def update(self) -> None:
        """Enable the buttons if there is something to remove."""
        problem = "" if loaded_nodes() else _("No case is loaded. Double-click a case to load it.")
        for button in self._buttons:
            restrict(button, problem)

    def onRemove(self, *_arguments: Any) -> None:
        """Remove the cases."""
        self._removed(kept_sentence(remove_cases()))
