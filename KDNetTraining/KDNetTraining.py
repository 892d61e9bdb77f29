"""KDNetTraining: from a folder of multi-modal cases to a student that segments from fewer modalities."""

import unittest

import slicer
from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.SelfTest import SelfTest
from KDNetTrainingLib.Widget import Panel
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)


class KDNetTraining(ScriptedLoadableModule):
    """The module as Slicer lists it."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("KDNet Training")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["KDNetSegmentation"]
        self.parent.contributors = ["SlicerKDNet contributors"]
        self.parent.helpText = _(
            "Trains a teacher network on all MR modalities, distils a student that needs fewer of them, compares it with a"
            " baseline that had no teacher, and puts it into KDNet Segmentation. Choose a data folder, click Plan, then"
            " Start; training goes on when Slicer is closed.<br><br><b>For research use only; not a medical device.</b>"
        )
        self.parent.acknowledgementText = _(
            "Method: M. Hu, M. Maillard, Y. Zhang, T. Ciceri, G. La Barbera, I. Bloch, P. Gori, <i>Knowledge distillation"
            " from multi-modal to mono-modal segmentation networks</i>, MICCAI 2020, LNCS 12261, pp. 772-781."
        )


class KDNetTrainingWidget(ScriptedLoadableModuleWidget):
    """Hands everything to the panel."""

    def setup(self):
        """Build the panel, when the module is opened for the first time."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/KDNetTraining.ui"))
        self.layout.addWidget(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = KDNetTrainingLogic()
        self.panel = Panel(uiWidget, self.logic)

    def enter(self):
        """Respond to the user opening the module."""
        self.panel.enter()

    def exit(self):
        """Respond to the user opening another module."""
        self.panel.exit()

    def cleanup(self):
        """Close the module; runs continue."""
        self.panel.cleanup()


class KDNetTrainingLogic(TrainingLogic, ScriptedLoadableModuleLogic):
    """See KDNetTrainingLib/Logic.py for what it does, with examples."""

    def __init__(self, *args, **kwargs):
        ScriptedLoadableModuleLogic.__init__(self)
        TrainingLogic.__init__(self, *args, **kwargs)


class KDNetTrainingTest(ScriptedLoadableModuleTest):
    """Runs in Slicer, and in the testbed."""

    def runTest(self):
        """Run all self tests; raise when one fails."""
        result = unittest.TextTestRunner().run(unittest.defaultTestLoader.loadTestsFromTestCase(SelfTest))
        if not result.wasSuccessful():
            raise AssertionError(f"{len(result.failures) + len(result.errors)} self tests failed")
