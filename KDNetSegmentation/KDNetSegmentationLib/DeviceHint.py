"""Immediate feedback on whether the selected device is available."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from slicer.i18n import tr as _

from KDNetSegmentationLib.Protocols import PanelProtocol

if TYPE_CHECKING:
    from KDNetLib.Worker import Failure


class DeviceHint:
    """A line of text under the list of devices.

    Args:
        panel: the whole panel.
    """

    def __init__(self, panel: PanelProtocol) -> None:
        self.panel = panel
        self._devices: Mapping[str, str] = {}
        self._queried = False

    def update(self, *, installed: bool) -> None:
        """Show the status of the selected device; if unknown, query the worker once, alongside its other work."""
        selected = self.panel.parameters.device.value if self.panel.parameters is not None else "auto"
        if selected == "auto":
            self._show("")
        elif self._devices:
            self._show(device_text(selected, self._devices))
        elif installed and not self._queried:
            self._queried = True
            self._show(_("Checking availability..."))
            self.panel.logic.checkDevices(self.onFound, self.onFailed)

    def onFound(self, devices: Mapping[str, str]) -> None:
        """Store the devices reported by the worker, which stay valid while Slicer runs."""
        self._devices = devices
        self.panel.update()

    def onFailed(self, failure: Failure) -> None:
        """Reset after a cancellation or worker failure; the query is repeated when a device is selected again."""
        self._queried = False
        self._show(failure.message)

    def _show(self, text: str) -> None:
        self.panel.ui.deviceHint.text = text
        self.panel.ui.deviceHint.visible = bool(text)


def device_text(selected: str, devices: Mapping[str, str]) -> str:
    """Return the device's own name, or what to do if there is none of that kind."""
    name = next((name for key, name in devices.items() if key.partition(":")[0] == selected), "")
    if not name:
        return _("PyTorch does not detect this device. Select Automatic or CPU.")
    return name if selected == "cpu" else _("{name}; uses sliding windows when memory is low.").format(name=name)
