"""The frame that says what has to be installed, and installs it while Slicer stays usable."""

from collections.abc import Callable
from typing import Any

from slicer.i18n import tr as _

from KDNetLib.Dependencies import Installation, Package, missing_packages, start_installation
from KDNetLib.Ticker import Ticker
from KDNetLib.Worker import Failure


class InstallPanel:
    """Shown while packages are missing.

    Args:
        ui: the widgets of the panel by name.
        changed: called when packages have come or gone.
        find: tells what is missing; a test gives its own.
        begin: starts an installation; a test gives its own.
    """

    def __init__(
        self,
        ui: Any,
        changed: Callable[[], None],
        find: Callable[[], tuple[Package, ...]] = missing_packages,
        begin: Callable[..., Installation] = start_installation,
    ) -> None:
        self.ui, self._changed, self._find, self._begin = ui, changed, find, begin
        self._installation: Installation | None = None
        self._ticker = Ticker(self.onTick)
        self.missing: tuple[Package, ...] = ()
        ui.installButton.clicked.connect(self.onInstall)
        ui.installCancelButton.clicked.connect(self.onCancel)
        self.check()

    def check(self) -> None:
        """Look again for what is missing."""
        self.missing = self._find()
        self._show(_summary(self.missing) if self.missing else "", running=False)

    def onInstall(self, *_arguments: Any) -> None:
        """Begin."""
        self.ui.installLog.clear()
        self._installation = self._begin(self.missing, self.ui.installLog.appendPlainText, self.onFinished)
        self._show(_("Packages are being installed. Slicer can be used meanwhile."), running=True)
        self._ticker.start()

    def onCancel(self, *_arguments: Any) -> None:
        """Give up; what pip had finished stays."""
        self.cleanup()
        self.check()
        self._changed()

    def onTick(self) -> None:
        """See how far it is."""
        if self._installation is not None:
            self._installation.poll()

    def onFinished(self, failure: Failure | None) -> None:
        """Show the frame no more, or pip's own last lines."""
        self._ticker.stop()
        self._installation = None
        self.check()
        if failure is not None:
            self._show(failure.message, running=False)
            self.ui.installLog.setPlainText(failure.details)
            self.ui.installLog.visible = True
        self._changed()

    def cleanup(self) -> None:
        """End what is running."""
        self._ticker.stop()
        if self._installation is not None:
            self._installation.cancel()
            self._installation = None

    def _show(self, text: str, *, running: bool) -> None:
        self.ui.installFrame.visible = bool(text)
        self.ui.installLabel.text = text
        self.ui.installButton.visible = not running
        self.ui.installCancelButton.visible = running
        self.ui.installLog.visible = running


def _summary(packages: tuple[Package, ...]) -> str:
    names = ", ".join(package.requirement for package in packages)
    size = sum(package.megabytes for package in packages)
    told = f"{size / 1000:.1f} GB" if size >= 1000 else f"{size} MB"
    return _(
        "The first use needs Python packages that Slicer does not have: {names}. Up to {size} are downloaded into"
        " Slicer's own Python; nothing else is changed."
    ).format(names=names, size=told)
