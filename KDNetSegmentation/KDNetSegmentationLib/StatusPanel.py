"""The status line with its details, and the progress bar."""

from __future__ import annotations

from slicer.i18n import tr as _

from KDNetSegmentationLib.Protocols import Widgets

STEPS = 1000  # range of the progress bar


class StatusPanel:
    """Shows messages and progress (``StatusView``).

    Args:
        ui: widgets of the panel by name.
    """

    def __init__(self, ui: Widgets) -> None:
        self.ui = ui
        self._hint = ""
        ui.detailsButton.toggled.connect(self.onDetails)

    def showMessage(self, text: str, details: str = "") -> None:
        """Show a message, with details behind a button."""
        self.ui.statusLabel.text = text
        self.ui.detailsText.setPlainText(details)
        self.ui.detailsButton.visible = bool(details)
        self.ui.detailsButton.checked = False
        self.ui.detailsText.visible = False

    def showHint(self, text: str) -> None:
        """Show a message of lesser importance: it replaces earlier hints, but no other message."""
        if self.ui.statusLabel.text in ("", self._hint):
            self._hint = text
            self.ui.statusLabel.text = text

    def showProgress(self, done: float, total: float) -> None:
        """Set the progress bar; a total of 0 means unknown."""
        self.ui.progressBar.maximum = STEPS if total else 0
        self.ui.progressBar.value = round(STEPS * done / total) if total else 0

    def onDetails(self, checked: bool) -> None:
        """Show or hide details."""
        self.ui.detailsText.visible = checked
        self.ui.detailsButton.text = _("Hide details") if checked else _("Show details")
