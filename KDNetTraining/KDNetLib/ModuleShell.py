"""What both module files share: credits, a widget that delegates to a panel, and running self-tests."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Sequence
from typing import Any, Protocol

import slicer
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import ScriptedLoadableModuleWidget


class Panel(Protocol):
    """A panel that a module widget delegates to."""

    ui: Any

    def enter(self) -> None:
        """Activate the panel when the user opens the module."""

    def exit(self) -> None:
        """Deactivate the panel when the user opens another module."""

    def cleanup(self) -> None:
        """Release the scene and stop timers when the module is closed."""


def describe_module(parent: Any, title: str, helpText: str, dependencies: Sequence[str] = ()) -> None:
    """Set how Slicer lists a module.

    Args:
        parent: the module object that Slicer passes to the module class.
        title: name in the module selector.
        helpText: what the module does and how to start, as rich text.
        dependencies: names of modules that must be loaded before this one.
    """
    parent.title = title
    parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
    parent.dependencies = list(dependencies)
    parent.contributors = ["SlicerKDNet contributors"]
    parent.helpText = helpText + "<br><br><b>" + _("For research use only; not a medical device.") + "</b>"
    parent.acknowledgementText = _(
        "Method: M. Hu, M. Maillard, Y. Zhang, T. Ciceri, G. La Barbera, I. Bloch, P. Gori, <i>Knowledge distillation"
        " from multi-modal to mono-modal segmentation networks</i>, MICCAI 2020, LNCS 12261, pp. 772-781."
    )


class PanelWidget(ScriptedLoadableModuleWidget):
    """A module widget that loads its .ui file and delegates to a panel."""

    panel: Panel

    def createPanel(self, uiWidget: Any) -> Panel:
        """Return the panel that drives the loaded widget."""
        raise NotImplementedError

    def setup(self) -> None:
        """Build the panel when the module is first opened."""
        ScriptedLoadableModuleWidget.setup(self)
        name = type(self).__name__.removesuffix("Widget")
        uiWidget = slicer.util.loadUI(self.resourcePath(f"UI/{name}.ui"))
        self.layout.addWidget(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.panel = self.createPanel(uiWidget)
        self.ui = self.panel.ui  # where scripts and tests of Slicer modules look for widgets

    def onReload(self) -> None:
        """Reload the module for a developer, with the packages that its file imports."""
        forget_packages(f"{type(self).__name__.removesuffix('Widget')}Lib", "KDNetLib", "kdnet")
        ScriptedLoadableModuleWidget.onReload(self)

    def enter(self) -> None:
        """Activate the panel when the user opens the module."""
        self.panel.enter()

    def exit(self) -> None:
        """Deactivate the panel when the user opens another module."""
        self.panel.exit()

    def cleanup(self) -> None:
        """Close the panel."""
        self.panel.cleanup()


def forget_packages(*names: str) -> None:
    """Make the next import of these packages and their modules read the files again."""
    for name in [name for name in sys.modules if name.split(".", 1)[0] in names]:
        del sys.modules[name]


def run_self_tests(case: type[unittest.TestCase]) -> None:
    """Run the self-tests of a module.

    Raises:
        AssertionError: if one fails.
    """
    result = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    if not result.wasSuccessful():
        raise AssertionError(f"{len(result.failures) + len(result.errors)} self-tests failed")
