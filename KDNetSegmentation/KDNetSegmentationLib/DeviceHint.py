"""Immediate feedback on whether the chosen device is available."""

from collections.abc import Mapping
from typing import Any

from slicer.i18n import tr as _


class DeviceHint:
    """A line of text under the list of devices.

    Args:
        panel: the whole panel, for its logic and choices.
    """

    def __init__(self, panel: Any) -> None:
        self.panel = panel
        self._devices: Mapping[str, str] = {}
        self._asked = False

    def update(self, *, installed: bool) -> None:
        """Show the status of the chosen device; if unknown, query the worker once, alongside its other work."""
        chosen = self.panel.parameters.device.value
        if chosen == "auto":
            self._show("")
        elif self._devices:
            self._show(_device_text(chosen, self._devices))
        elif installed and not self._asked:
            self._asked = True
            self._show(_("Looking for it..."))
            self.panel.logic.checkDevices(self.onFound, self.onFailed)

    def onFound(self, devices: Mapping[str, str]) -> None:
        """Store the devices reported by the worker, which stay valid while Slicer runs."""
        self._devices = devices
        self.panel.update()

    def onFailed(self, failure: Any) -> None:
        """Reset after a cancellation or worker failure; the query is repeated when a device is chosen again."""
        self._asked = False
        self._show(failure.message)

    def _show(self, text: str) -> None:
        label = self.panel.ui.deviceHint
        label.text = text
        label.visible = bool(text)


def _device_text(chosen: str, devices: Mapping[str, str]) -> str:
    """Return the device's own name, or what to do if there is none of that kind."""
    for key, name in devices.items():
        if key.partition(":")[0] == chosen:
            return (
                name if chosen == "cpu" else _("{name}; goes window by window when its memory is short.").format(name=name)
            )
    return _("PyTorch finds no such device here: choose Automatic or CPU.")
