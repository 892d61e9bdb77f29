"""The panel that lists missing packages and installs them while Slicer stays responsive."""

from collections.abc import Callable
from typing import Any

from kdnet.schema.formatting import size
from slicer.i18n import tr as _

from KDNetLib.Dependencies import Package, missing_packages
from KDNetLib.Installation import Installer, shared_installer


class InstallPanel:
    """Shown while packages are missing or being installed, regardless of which module started the installation.

    Args:
        ui: widgets of the panel by name.
        changed: called when packages were installed or removed.
        find: returns the missing packages; replaceable in tests.
        installer: installer shared by both modules; replaceable in tests.
    """

    def __init__(
        self,
        ui: Any,
        changed: Callable[[], None],
        find: Callable[[], tuple[Package, ...]] = missing_packages,
        installer: Installer | None = None,
    ) -> None:
        self.ui, self._changed, self._find = ui, changed, find
        self._installer = installer or shared_installer()
        self._shown = 0  # lines of the log
        self._wasRunning = False
        self.missing: tuple[Package, ...] = ()
        ui.installButton.clicked.connect(self.onInstall)
        ui.installCancelButton.clicked.connect(self.onCancel)
        self._installer.watch(self.refresh)
        self.check()

    def check(self) -> None:
        """Check for missing packages again, or show a running installation."""
        if self._installer.running:
            self.refresh()
            return
        self.missing = self._find()
        self._show(_summary(self.missing) if self.missing else "", running=False)

    def refresh(self) -> None:
        """Show the progress or the outcome of the installation."""
        self._show_log()
        if self._installer.running:
            if not self._wasRunning:
                self._show(_("Installing packages. You can continue to use Slicer."), running=True)
            self._wasRunning = True
        elif self._wasRunning:
            self._wasRunning = False
            self.check()
            failure = self._installer.failure
            if failure is not None:
                self._show(failure.message, running=False)
                self.ui.installLog.visible = True
            self._changed()

    def onInstall(self, *_arguments: Any) -> None:
        """Start the installation."""
        self._installer.start(self.missing)

    def onCancel(self, *_arguments: Any) -> None:
        """Cancel; packages that pip has finished installing stay."""
        self._installer.cancel()

    def cleanup(self) -> None:
        """Stop watching; closing the last panel cancels a running installation."""
        self._installer.leave(self.refresh)

    def _show_log(self) -> None:
        lines = self._installer.lines
        if len(lines) < self._shown:
            self.ui.installLog.clear()
            self._shown = 0
        for line in list(lines)[self._shown :]:
            self.ui.installLog.appendPlainText(line)
        self._shown = len(lines)

    def _show(self, text: str, *, running: bool) -> None:
        self.ui.installFrame.visible = bool(text)
        self.ui.installLabel.text = text
        self.ui.installButton.visible = not running
        self.ui.installCancelButton.visible = running
        self.ui.installLog.visible = running


def _summary(packages: tuple[Package, ...]) -> str:
    names = ", ".join(package.requirement for package in packages)
    download = size(1e6 * sum(package.megabytes for package in packages))
    return _(
        "This module requires Python packages that are not installed in Slicer: {names}. The download is up to {size}."
        " Packages that are already installed keep their major and minor version."
    ).format(names=names, size=download)
