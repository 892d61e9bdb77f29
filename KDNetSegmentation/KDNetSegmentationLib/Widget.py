"""The panel: inputs, one button, results, and sections for other tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import qt
import slicer
import vtk
from KDNetLib.ChoiceStore import ChoiceStore
from KDNetLib.GuiConnection import GuiConnection
from KDNetLib.InstallPanel import InstallPanel
from KDNetLib.Paths import clear_unset_paths
from KDNetLib.Shortcuts import bind_shortcut
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from KDNetSegmentationLib.ApplyPanel import ApplyPanel
from KDNetSegmentationLib.BatchPanel import BatchPanel
from KDNetSegmentationLib.ComparisonPanel import ComparisonPanel
from KDNetSegmentationLib.DeviceHint import DeviceHint
from KDNetSegmentationLib.InputsPanel import InputsPanel
from KDNetSegmentationLib.LesionsPanel import LesionsPanel
from KDNetSegmentationLib.MapsPanel import MapsPanel
from KDNetSegmentationLib.ModelsPanel import ModelsPanel
from KDNetSegmentationLib.OutputsPanel import OutputsPanel
from KDNetSegmentationLib.Parameters import KEPT_NAMES, Parameters, parameters_of, set_result
from KDNetSegmentationLib.PreparationPanel import PreparationPanel
from KDNetSegmentationLib.Protocols import SegmentationLogicProtocol, Widgets
from KDNetSegmentationLib.Provenance import is_result, made_by
from KDNetSegmentationLib.RankingPanel import RankingPanel
from KDNetSegmentationLib.ResultPanel import ResultPanel
from KDNetSegmentationLib.Settings import Result
from KDNetSegmentationLib.StatusPanel import StatusPanel
from KDNetSegmentationLib.TrainingCasesPanel import TrainingCasesPanel
from KDNetSegmentationLib.VisitsPanel import VisitsPanel
from KDNetSegmentationLib.WarmUp import WarmUp

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from KDNetLib.Worker import Failure
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

CHOICES_KEY = "KDNet/SegmentationChoices"  # in Slicer's settings
SURFACES = "Closed surface"
SHOWN_CLASSES = ("vtkMRMLScalarVolumeNode", "vtkMRMLSegmentationNode")


class Panel(VTKObservationMixin):
    """Connects the widgets of the .ui file with the logic (``PanelProtocol``).

    Args:
        uiWidget: loaded widget with its scene set.
        logic: module logic, which also provides the parameter node.
    """

    def __init__(self, uiWidget: Any, logic: SegmentationLogicProtocol) -> None:
        VTKObservationMixin.__init__(self)
        self.ui: Widgets = slicer.util.childWidgetVariables(uiWidget)
        self.logic = logic
        self.parameters: Parameters | None = None
        self._gui = GuiConnection(self.ui, self, self.onParametersModified)
        self._stored = ChoiceStore(qt.QSettings(), CHOICES_KEY, KEPT_NAMES.__contains__)
        self.status = StatusPanel(self.ui)
        self.inputs = InputsPanel(self)
        self.preparation = PreparationPanel(self)
        self.apply = ApplyPanel(self, self.inputs)
        self.lesions = LesionsPanel(self)
        self.maps = MapsPanel(self.ui)
        self.results = ResultPanel(self.ui, self.status, self.onResultChanged, self.lesions.kept)
        self.outputs = OutputsPanel(self)
        self.visits = VisitsPanel(self)
        self.cases = TrainingCasesPanel(self)
        self.ranking = RankingPanel(self)
        self.batch = BatchPanel(self)
        self.comparison = ComparisonPanel(self)
        self.library = ModelsPanel(self)
        self.device = DeviceHint(self)
        self.warmUp = WarmUp(self, self.status.showHint)
        self.install = InstallPanel(self.ui, self.update)
        self._shortcut = bind_shortcut(uiWidget, "Ctrl+Return", self.onShortcut)
        self._observeScene()
        self.activate()

    @property
    def model(self) -> ModelInfo | None:
        """The selected model."""
        return self.inputs.models.current

    @property
    def resultModel(self) -> ModelInfo | None:
        """The model that made the result; None if it is not known here."""
        return self.results.model

    @property
    def segmenting(self) -> bool:
        """Whether a volume is being segmented."""
        return self.apply.running

    def enter(self) -> None:
        """Activate the panel when the module is opened, and start the worker for the first click."""
        self.warmUp.open()
        self.activate()

    def activate(self) -> None:
        """Look for packages, and connect the panel to the scene; the module need not be open."""
        self.install.check()
        self.onSceneChanged()

    def exit(self) -> None:
        """Deactivate the panel; work continues, and its result is shown when the user returns."""
        self.warmUp.close()
        self._gui.disconnect()

    def cleanup(self) -> None:
        """Clean up when the module is closed."""
        self.apply.cleanup()
        self.install.cleanup()
        self.cases.cleanup()
        self.ranking.cleanup()
        self.setParameters(None)
        self.removeObservers()

    def setParameters(self, parameters: Parameters | None) -> None:
        """Connect the panel to a parameter node, or to none."""
        self._gui.disconnect()
        self.parameters = parameters
        if parameters is None:
            return
        self._gui.connect(parameters)
        self.refillModels(parameters.model)
        self.inputs.complete()
        self.results.follow(parameters, self._modelOf)
        self.update()

    def refillModels(self, wanted: str = "") -> None:
        """Refresh the list of models and select the file named ``wanted``, else the previous selection."""
        self.inputs.refill(wanted)
        self.library.refill(self.inputs.models.models)

    def deploy(
        self, path: Path, name: str, *, onFinished: Callable[[ModelInfo], None], onFailed: Callable[[Failure], None]
    ) -> None:
        """Import a model from elsewhere, such as a training, and select it; the module need not be open.

        Raises:
            RuntimeError: if other work is in progress.
        """

        def imported(model: ModelInfo) -> None:
            parameters_of(self.logic.getParameterNode()).model = model.path.name
            self.refillModels(model.path.name)
            onFinished(model)

        self.logic.startImport(path, name, onFinished=imported, onFailed=onFailed)
        self.update()

    def showMessage(self, text: str, details: str = "") -> None:
        """Show a message, with details behind a button."""
        self.status.showMessage(text, details)

    def showProgress(self, done: float, total: float) -> None:
        """Set the progress bar; a total of 0 means unknown."""
        self.status.showProgress(done, total)

    def showFailure(self, failure: Failure) -> None:
        """Show why work failed."""
        self.showMessage(failure.message, failure.details)
        self.update()

    def showResult(self, result: Result, volume: vtkMRMLScalarVolumeNode, model: ModelInfo) -> None:
        """Show the overlay on the segmented volume, which is then the selected one."""
        parameters = self.parameters
        replaced = parameters is not None and result.segmentationNode is parameters.outputSegmentation
        if parameters is not None:
            previous = parameters.result
            if parameters.resultVolume is volume and previous is not None and previous is not result.segmentationNode:
                previous.SetDisplayVisibility(False)  # two overlays on one volume hide it and each other
                if previous.GetSegmentation().ContainsRepresentation(SURFACES):
                    result.segmentationNode.CreateClosedSurfaceRepresentation()
            with slicer.util.NodeModify(parameters.parameterNode):
                set_result(parameters, result.segmentationNode, volume)
                parameters.inputVolume = volume
        slicer.util.setSliceViewerLayers(background=volume)
        if not replaced and result.center is not None:
            slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *result.center)  # show a new overlay immediately
        self.results.show(result.segmentationNode, result.volumes, volume, model)
        self.lesions.take(result, volume, model)
        self.maps.follow(volume)

    def showCase(self, volume: vtkMRMLScalarVolumeNode) -> None:
        """Select a volume that was loaded with its result, and show both."""
        slicer.util.setSliceViewerLayers(background=volume, fit=True)
        if self.parameters is not None:
            self.parameters.inputVolume = volume

    def segmentVolume(self, volume: vtkMRMLScalarVolumeNode) -> None:
        """Select a volume and segment it, as the menu of the data tree does; say why if that is not possible."""
        if self.parameters is None or self.segmenting:
            return
        self.parameters.inputVolume = volume
        if self.ui.applyButton.enabled:
            self.ui.applyButton.click()
        else:
            self.showMessage(self.ui.applyButton.toolTip)

    def importModel(self, path: str | Path) -> bool:
        """Import a model file that was dropped on Slicer, and select it; return whether that was started."""
        if self.logic.busy:
            self.showMessage(_("{file} was not imported: wait for the work in progress, or cancel it.").format(file=path))
            return False
        self.library.importFile(Path(path))
        return True

    def onResultChanged(
        self,
        node: vtkMRMLSegmentationNode | None,
        volume: vtkMRMLScalarVolumeNode | None,
        model: ModelInfo | None,
    ) -> None:
        """Handle another or a changed result in the sections that show more of it."""
        self.lesions.follow(node, volume, model)
        self.maps.follow(volume)

    def showSegmentation(self, node: vtkMRMLSegmentationNode, volume: vtkMRMLScalarVolumeNode) -> None:
        """Show a segmentation that exists, such as a training case, in the results section."""
        parameters = self.parameters
        if parameters is None:
            return
        previous = parameters.result
        if previous is not None and previous is not node:
            previous.SetDisplayVisibility(False)
        with slicer.util.NodeModify(parameters.parameterNode):
            set_result(parameters, node, volume)
            parameters.inputVolume = volume
        node.SetDisplayVisibility(True)
        slicer.util.setSliceViewerLayers(background=volume)
        self.results.follow(parameters, self._modelOf)
        self.update()

    def update(self, *_arguments: object) -> None:
        """Update buttons and hints to match settings and work in progress."""
        if self.parameters is None:
            return
        self._stored.store(self.parameters)
        clear_unset_paths(self.ui.batchInput, self.ui.batchOutput, self.ui.rankFolderEdit)
        installed = not self.install.missing
        free = installed and not self.logic.busy
        problem = self.inputs.problem() or self.preparation.problem()
        self.apply.update(free=free, problem=problem if installed else _("Install the required packages first."))
        self.preparation.update(self.inputs.ready(), installed=installed)
        self.ui.inputsSection.enabled = not self.segmenting
        self.ui.preparationSection.enabled = not self.segmenting
        self.ui.advancedSection.enabled = not self.segmenting
        self.ui.progressBar.visible = self.logic.busy
        self.device.update(installed=installed)
        self.warmUp.update(installed=installed)
        self.cases.update(free=free)
        self.ranking.update(installed=installed)
        self.batch.update(free=free)
        self.outputs.update(free=free)
        self.visits.update(free=free)
        self.comparison.update(free=free)
        self.library.update(free=free)

    def onParametersModified(self, *_arguments: object) -> None:
        """Handle a change of the settings."""
        self.inputs.onParametersModified()
        if self.parameters is not None and not self.segmenting:
            self.results.follow(self.parameters, self._modelOf)
        self.update()

    def onSceneStartClose(self, *_arguments: object) -> None:
        """Cancel work that needs the scene, which is about to close; other work continues."""
        if self.logic.cancelSceneWork():
            self.visits.running = False
            self.apply.end("")
        self.batch.review.sceneClosed()
        self.cases.leaveScene()
        self.results.clear()
        self.setParameters(None)

    def onSceneChanged(self, *_arguments: object) -> None:
        """Connect to the settings of the scene; a scene without settings starts with the last ones."""
        node = self.logic.getParameterNode()
        fresh = node.GetParameterCount() == 0
        parameters = parameters_of(node)
        if fresh:
            self._stored.restore(parameters)
        self.setParameters(parameters)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeRemoved(self, _scene: object, _event: str, node: vtkMRMLNode) -> None:
        """Handle a removed node, which may be the one whose result is shown.

        Slicer adds and removes labelmaps and other nodes whenever the voxels of a segment are read.
        """
        if node is not None and node.GetClassName() in SHOWN_CLASSES:
            self.results.nodeRemoved(node)
            self.inputs.onNodeAdded()  # another scan may be the one to segment now
            if self.parameters is not None and not slicer.mrmlScene.IsClosing():
                self.results.follow(self.parameters, self._modelOf)
            self.update()

    def onShortcut(self, *_arguments: object) -> None:
        """Start or cancel a segmentation from the keyboard."""
        self.ui.applyButton.click()

    def _modelOf(self, node: vtkMRMLSegmentationNode) -> ModelInfo | None:
        """Return the model that made a segmentation; for one of version 0.1, which recorded none, the selected one."""
        return made_by(node, self.logic.models()) or (None if is_result(node) else self.model)

    def _observeScene(self) -> None:
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneChanged)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneChanged)
        self.addObserver(scene, scene.NodeAddedEvent, self.inputs.onNodeAdded)
        self.addObserver(scene, scene.NodeRemovedEvent, self.onNodeRemoved)
