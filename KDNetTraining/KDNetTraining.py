"""KDNetTraining: from a folder of multi-modal cases to a student that segments from fewer modalities."""

import slicer
from KDNetLib.ModuleShell import PanelWidget, describe_module, run_self_tests
from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.SampleData import register_sample_data
from KDNetTrainingLib.Widget import Panel
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleLogic, ScriptedLoadableModuleTest


class KDNetTraining(ScriptedLoadableModule):
    """The module's entry in Slicer."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        about = _(
            "Trains a teacher network on all MR modalities, distills it into a student that needs fewer of them, compares"
            " the student with a baseline trained without a teacher, and adds the student to KDNet Segmentation. Choose a"
            " data folder, click Plan, then Start. Training continues after Slicer is closed."
        )
        describe_module(self.parent, _("KDNet Training"), about, dependencies=["KDNetSegmentation"])
        slicer.app.connect("startupCompleted()", register_sample_data)


class KDNetTrainingWidget(PanelWidget):
    """The module widget, which delegates to the panel; runs continue after it is closed."""

    def createPanel(self, uiWidget):
        """Create the logic and the panel."""
        self.logic = KDNetTrainingLogic()
        return Panel(uiWidget, self.logic)


class KDNetTrainingLogic(TrainingLogic, ScriptedLoadableModuleLogic):
    """The module logic; see KDNetTrainingLib/Logic.py for its description and examples."""

    def __init__(self, *args, **kwargs):
        ScriptedLoadableModuleLogic.__init__(self)
        TrainingLogic.__init__(self, *args, **kwargs)


class KDNetTrainingTest(ScriptedLoadableModuleTest):
    """The module's self-tests."""

    def runTest(self):
        """Run all self-tests; raise if one fails."""
        # Slicer's own test runner would find and run a test case at file scope a second time
        from KDNetTrainingLib.SelfTest import SelfTest  # noqa: PLC0415

        run_self_tests(SelfTest)
