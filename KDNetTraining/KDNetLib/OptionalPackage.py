"""Installation of a package that only one feature needs, after asking."""

from __future__ import annotations

import slicer

from KDNetLib.Dependencies import missing_package, package_name
from KDNetLib.Installation import Installer, shared_installer
from KDNetLib.Translation import _


class OptionalPackage:
    """A package that the user installs when a feature needs it.

    Args:
        requirement: one of the optional requirements in ``Dependencies``.
        purpose: what it is for, as the end of "... is needed for".
        installer: installer shared by both modules; replaceable in tests.
    """

    def __init__(self, requirement: str, purpose: str, installer: Installer | None = None) -> None:
        self._requirement, self._purpose = requirement, purpose
        self._installer = installer or shared_installer()

    @property
    def name(self) -> str:
        """Name of the package."""
        return package_name(self._requirement)

    @property
    def installed(self) -> bool:
        """Whether it is installed in a sufficient version."""
        return missing_package(self._requirement) is None

    @property
    def installing(self) -> bool:
        """Whether packages are being installed."""
        return self._installer.running

    def offer(self) -> bool:
        """Ask whether to install it, and start if so; return whether it is being installed.

        Progress and outcome are shown by :class:`~KDNetLib.InstallPanel.InstallPanel`, which watches the same installer.
        """
        package = missing_package(self._requirement)
        if package is None or self._installer.running:
            return False
        question = _(
            "The Python package {name} is needed for {purpose} and is not installed in Slicer. Install it now? The download"
            " is about {size} MB. You can continue to use Slicer meanwhile."
        ).format(name=self.name, purpose=self._purpose, size=package.megabytes)
        if not slicer.util.confirmOkCancelDisplay(question, _("Install {name}").format(name=self.name)):
            return False
        self._installer.start((package,))
        return True
