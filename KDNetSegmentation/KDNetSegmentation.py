"""KDNetSegmentation: one-click segmentation of a loaded volume with a distilled network."""

import unittest

import slicer
from KDNetSegmentationLib.Logic import SegmentationLogic
from KDNetSegmentationLib.SampleData import register_sample_data
from KDNetSegmentationLib.Widget import Panel
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class KDNetSegmentation(ScriptedLoadableModule):
    """The module's entry in Slicer."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("KDNet Segmentation")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = []
        self.parent.contributors = ["SlicerKDNet contributors"]
        self.parent.helpText = _(
            "Segments brain tumours from one MR scan with a network that was taught by a network of all modalities. Choose"
            " a model and a volume, then click Segment.<br><br><b>For research use only; not a medical device.</b>"
        )
        self.parent.acknowledgementText = _(
            "Method: M. Hu, M. Maillard, Y. Zhang, T. Ciceri, G. La Barbera, I. Bloch, P. Gori, <i>Knowledge distillation"
            " from multi-modal to mono-modal segmentation networks</i>, MICCAI 2020, LNCS 12261, pp. 772-781."
        )
        slicer.app.connect("startupCompleted()", register_sample_data)


class KDNetSegmentationWidget(ScriptedLoadableModuleWidget):
    """The module widget, which delegates to the panel."""

    def setup(self):
        """Build the panel when the module is first opened."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/KDNetSegmentation.ui"))
        self.layout.addWidget(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = KDNetSegmentationLogic()
        self.panel = Panel(uiWidget, self.logic)
        self.ui = self.panel.ui  # where scripts and tests of Slicer modules look for widgets

    def enter(self):
        """Activate the panel when the user opens the module."""
        self.panel.enter()

    def exit(self):
        """Deactivate the panel when the user opens another module."""
        self.panel.exit()

    def cleanup(self):
        """Stop all processes when the module is closed."""
        self.panel.cleanup()
        self.logic.cleanup()


class KDNetSegmentationLogic(SegmentationLogic, ScriptedLoadableModuleLogic):
    """The module logic; see KDNetSegmentationLib/Logic.py for its description and examples."""

    def __init__(self, *args, **kwargs):
        ScriptedLoadableModuleLogic.__init__(self)
        SegmentationLogic.__init__(self, *args, **kwargs)


class KDNetSegmentationTest(ScriptedLoadableModuleTest):
    """The module's test, for Slicer and for the testbed."""

    def runTest(self):
        """Run all self-tests; raise if one fails."""
        # Slicer's own test runner would find and run a test case at file scope a second time
        from KDNetSegmentationLib.SelfTest import SelfTest  # noqa: PLC0415

        result = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(SelfTest))
        if not result.wasSuccessful():
            raise AssertionError(f"{len(result.failures) + len(result.errors)} self tests failed")
