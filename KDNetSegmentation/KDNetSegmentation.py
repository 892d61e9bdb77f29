"""KDNetSegmentation: one-click segmentation of a loaded volume with a distilled network."""

import KDNetSegmentationLib  # noqa: F401 - makes KDNetLib importable from a source tree
import slicer
from KDNetLib.ModelInfo import is_model_file
from KDNetLib.ModuleShell import PanelWidget, describe_module, run_self_tests
from KDNetSegmentationLib.DataTreeMenu import register_context_menu
from KDNetSegmentationLib.Logic import SegmentationLogic
from KDNetSegmentationLib.SampleData import register_sample_data
from KDNetSegmentationLib.Widget import Panel
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import ScriptedLoadableModule, ScriptedLoadableModuleLogic, ScriptedLoadableModuleTest


class KDNetSegmentation(ScriptedLoadableModule):
    """The module's entry in Slicer."""

    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        about = _(
            "Segments brain tumors on a single MR scan with a student network, distilled from a teacher network that uses"
            " all MR modalities. Choose a model and a volume, then click Segment."
        )
        describe_module(self.parent, _("KDNet Segmentation"), about)
        slicer.app.connect("startupCompleted()", register_sample_data)
        slicer.app.connect("startupCompleted()", register_context_menu)


class KDNetSegmentationWidget(PanelWidget):
    """The module widget, which delegates to the panel."""

    def createPanel(self, uiWidget):
        """Create the logic, with its worker, and the panel."""
        self.logic = KDNetSegmentationLogic()
        return Panel(uiWidget, self.logic)

    def cleanup(self):
        """Close the panel and stop the worker."""
        super().cleanup()
        self.logic.cleanup()


class KDNetSegmentationLogic(SegmentationLogic, ScriptedLoadableModuleLogic):
    """The module logic; see KDNetSegmentationLib/Logic.py for its description and examples."""

    def __init__(self, *args, **kwargs):
        ScriptedLoadableModuleLogic.__init__(self)
        SegmentationLogic.__init__(self, *args, **kwargs)


class KDNetSegmentationFileReader:
    """Imports a model file that is dropped on Slicer or opened with Add Data; Slicer finds this class by its name."""

    def __init__(self, parent):
        self.parent = parent

    def description(self):
        """Return what the files are, for a list."""
        return _("KDNet model")

    def fileType(self):
        """Return the name of this kind of file for scripts."""
        return "KDNetModel"

    def extensions(self):
        """Return the files to offer."""
        return [_("KDNet model") + " (*.safetensors)"]

    def canLoadFile(self, filePath):
        """Return whether a file is a model file, judging by its header."""
        return is_model_file(filePath)

    def load(self, properties):
        """Open the module and import the file, which adds nothing to the scene; return whether that was started."""
        self.parent.loadedNodes = []
        slicer.util.selectModule("KDNetSegmentation")
        return slicer.util.getModuleWidget("KDNetSegmentation").panel.importModel(properties["fileName"])


class KDNetSegmentationTest(ScriptedLoadableModuleTest):
    """The module's self-tests."""

    def runTest(self):
        """Run all self-tests; raise if one fails."""
        # Slicer's own test runner would find and run a test case at file scope a second time
        from KDNetSegmentationLib.SelfTest import SelfTest  # noqa: PLC0415

        run_self_tests(SelfTest)
