"""The panel: settings, one button, and results."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import qt
import slicer
import vtk
from kdnet.errors import KDNetError
from kdnet.schema.modalities import display_name
from KDNetLib.InstallPanel import InstallPanel
from KDNetLib.ModelInfo import ModelInfo
from KDNetLib.Paths import show_nothing_for_unset
from KDNetLib.PollTimer import PollTimer
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from KDNetSegmentationLib.BatchPanel import BatchPanel
from KDNetSegmentationLib.Card import card_html
from KDNetSegmentationLib.ComparisonPanel import ComparisonPanel
from KDNetSegmentationLib.DeviceHint import DeviceHint
from KDNetSegmentationLib.Estimate import Estimate
from KDNetSegmentationLib.Logic import SegmentationLogic
from KDNetSegmentationLib.ModelsPanel import ModelsPanel
from KDNetSegmentationLib.Parameters import Parameters, inputs_of, set_inputs, settings_of
from KDNetSegmentationLib.ResultPanel import ResultPanel
from KDNetSegmentationLib.Settings import Progress, Result

STEPS = 1000  # range of the progress bar


class Panel(VTKObservationMixin):
    """Connects the widgets of the .ui file with the logic.

    Args:
        uiWidget: loaded widget with its scene set.
        logic: module logic, which also provides the parameter node.
    """

    def __init__(self, uiWidget: Any, logic: SegmentationLogic) -> None:
        VTKObservationMixin.__init__(self)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        self.logic = logic
        self.parameters: Any = None
        self._guiTag: Any = None
        self._models: tuple[ModelInfo, ...] = ()
        self._segmenting = self._choosing = False
        self._offeredModel = ""  # chosen by the panel, not the user, so the panel may change it
        self._offeredInputs: list[Any] = []
        self._estimate = Estimate()
        self._stage = ""
        self._warned: Any = None
        self._ticker = PollTimer(self.onTick)
        self.results = ResultPanel(self.ui, self.say)
        self.batch = BatchPanel(self)
        self.comparison = ComparisonPanel(self)
        self.library = ModelsPanel(self)
        self.device = DeviceHint(self)
        self.install = InstallPanel(self.ui, self.update)
        self._connect()
        self.enter()

    @property
    def model(self) -> ModelInfo | None:
        """The chosen model."""
        index = self.ui.modelSelector.currentIndex
        return self._models[index] if 0 <= index < len(self._models) else None

    def enter(self) -> None:
        """Activate the panel when the module is opened."""
        self.install.check()
        self.setParameters(Parameters(self.logic.getParameterNode()))

    def exit(self) -> None:
        """Deactivate the panel; work continues, and its result is shown when the user returns."""
        self._disconnect()

    def cleanup(self) -> None:
        """Clean up when the module is closed."""
        self._ticker.stop()
        self.install.cleanup()
        self.setParameters(None)
        self.removeObservers()

    def setParameters(self, parameters: Any) -> None:
        """Connect the panel to a parameter node, or to none."""
        self._disconnect()
        self.parameters = parameters
        if parameters is None:
            return
        self._guiTag = parameters.connectGui(self.ui)
        self.addObserver(parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self.refillModels(parameters.model)
        self._restoreResult()
        self.chooseInputs()
        self.update()

    def _disconnect(self) -> None:
        if self._guiTag is not None:
            self.parameters.disconnectGui(self._guiTag)
            self.removeObserver(self.parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersModified)
        self._guiTag = None

    def refillModels(self, chosen: str = "") -> None:
        """Refresh the list of models and select the file named ``chosen``, else the previous selection."""
        current = self.model.path.name if self.model else ""
        wanted = chosen or current
        self._models = self.logic.models()
        names = [model.path.name for model in self._models]
        selector = self.ui.modelSelector
        blocked = selector.blockSignals(True)
        selector.clear()
        for model in self._models:
            same = [other for other in self._models if other.title == model.title]
            selector.addItem(model.title if len(same) == 1 else f"{model.title} - {model.path.name}")
        selector.currentIndex = names.index(wanted) if wanted in names else min(0, len(names) - 1)
        selector.blockSignals(blocked)
        self.library.refill(self._models)
        fresh = self.parameters is not None and not self.parameters.model  # no choice in this scene yet
        if chosen in names:
            self._offeredModel = chosen if chosen == self._offeredModel else ""
        elif chosen or fresh or current not in names:
            self._offeredModel = self.model.path.name if self.model else ""
        self.onModelChosen()

    def deploy(
        self, path: Path, name: str, *, onFinished: Callable[[ModelInfo], None], onFailed: Callable[[Failure], None]
    ) -> None:
        """Import a model from elsewhere, such as a training, and select it; the module need not be open.

        Raises:
            RuntimeError: if other work is in progress.
        """

        def imported(model: ModelInfo) -> None:
            Parameters(self.logic.getParameterNode()).model = model.path.name
            self.refillModels(model.path.name)
            onFinished(model)

        self.logic.startImport(path, name, onFinished=imported, onFailed=onFailed)
        self.update()

    def say(self, text: str, details: str = "") -> None:
        """Show a message, with details behind a button."""
        self.ui.statusLabel.text = text
        self.ui.detailsText.setPlainText(details)
        self.ui.detailsButton.visible = bool(details)
        self.ui.detailsButton.checked = False
        self.ui.detailsText.visible = False

    def showProgress(self, done: float, total: float) -> None:
        """Set the progress bar; a total of 0 means unknown."""
        self.ui.progressBar.maximum = STEPS if total else 0
        self.ui.progressBar.value = round(STEPS * done / total) if total else 0

    def update(self, *_arguments: Any) -> None:
        """Update buttons and hints to match settings and work in progress."""
        if self.parameters is None:
            return
        show_nothing_for_unset(self.ui.batchInput, self.ui.batchOutput)
        free = not self.logic.busy and not self.install.missing
        ready = self.model is not None and all(node and node.GetImageData() for node in self._inputs())
        self.ui.applyButton.text = _("Cancel") if self._segmenting else _("Segment")
        self.ui.applyButton.enabled = self._segmenting or (free and ready)
        self.ui.applyButton.toolTip = self._hint()
        self.ui.inputsSection.enabled = not self._segmenting
        self.ui.advancedSection.enabled = not self._segmenting
        self.ui.progressBar.visible = self.logic.busy
        self.device.update(installed=not self.install.missing)
        for part in (self.batch, self.comparison, self.library):
            part.update(free=free)

    def onApply(self, *_arguments: Any) -> None:
        """Start a segmentation, or cancel the running one."""
        if self._segmenting:
            self.logic.cancel()
            self._ended(_("Cancelled. The scene is as it was."))
            return
        inputs, model = self._inputs(), self.model
        settings = settings_of(self.parameters)
        self._segmenting = True
        size = inputs[0].GetImageData().GetNumberOfPoints()
        self._estimate.begin((model.path, settings, size, self.logic.worker.warm))
        self._ticker.start()
        try:
            self.logic.start(
                inputs,
                model,
                output=self.parameters.outputSegmentation,
                settings=settings,
                onFinished=lambda result: self.onFinished(result, inputs[0], model),
                onFailed=self.onFailed,
                onProgress=self.onProgress,
            )
        except KDNetError as error:
            self.onFailed(Failure(str(error)))
        self.update()

    def onProgress(self, progress: Progress) -> None:
        """Show the current stage."""
        self._stage = _stage_text(progress)
        if progress.stage == "forward":
            self._estimate.passed(progress.done, progress.total)
        self.onTick()

    def onTick(self) -> None:
        """Update the progress bar and the time remaining."""
        fraction, remaining = self._estimate.fraction(), self._estimate.remaining()
        self.showProgress(fraction or 0.0, 0.0 if fraction is None else 1.0)
        left = "" if not remaining else " " + _("About {seconds} s left.").format(seconds=round(remaining) or 1)
        self.say(self._stage + left)

    def onFinished(self, result: Result, volume: Any, model: ModelInfo) -> None:
        """Show the overlay on the segmented volume, whatever is selected now."""
        self._estimate.end()
        previous = self.parameters.result
        if self.parameters.resultVolume is volume and previous not in (None, result.segmentationNode):
            previous.SetDisplayVisibility(False)  # two overlays on one volume hide it and each other
        with slicer.util.NodeModify(self.parameters.parameterNode):
            self.parameters.result = result.segmentationNode
            self.parameters.resultVolume = volume
        slicer.util.setSliceViewerLayers(background=volume)
        if result.segmentationNode is not self.parameters.outputSegmentation and result.center is not None:
            slicer.vtkMRMLSliceNode.JumpAllSlices(slicer.mrmlScene, *result.center)  # show a new overlay immediately
        self.results.show(result.segmentationNode, dict(result.volumes), volume, model)
        stages = "\n".join(f"{name}: {seconds:.2f} s" for name, seconds in result.stages.items())
        done = _("Done in {seconds:.1f} s on {device}.").format(seconds=result.seconds, device=result.device)
        self._ended(done, stages)

    def onFailed(self, failure: Failure) -> None:
        """Show the reason."""
        self._ended(failure.message, failure.details)

    def onModelChosen(self, *_arguments: Any) -> None:
        """Show the model card, and an input for each modality."""
        model = self.model
        self.ui.modelCard.text = card_html(model) if model else _("Import a model under Models below.")
        modalities = model.modalities if model else ("",)
        for index in range(1, 5):
            shown = index <= len(modalities)
            label, selector = (getattr(self.ui, f"{name}{index}") for name in ("inputLabel", "inputSelector"))
            label.visible = selector.visible = shown
            if shown:
                modality = display_name(modalities[index - 1])
                label.text = _("{modality} volume:").format(modality=modality) if modality else _("Input volume:")
        if self.parameters is not None and model is not None and self.parameters.model != model.path.name:
            self.parameters.model = model.path.name
        self.chooseInputs()
        self._showWarnings()
        self.update()

    def onParametersModified(self, *_arguments: Any) -> None:
        """Handle a change of the settings."""
        if self.model is not None and not self._segmenting and self._chosenInputs():
            self._followVolumes()
        self._showWarnings()
        self.update()

    def onDetails(self, checked: bool) -> None:
        """Show or hide details."""
        self.ui.detailsText.visible = checked
        self.ui.detailsButton.text = _("Hide details") if checked else _("Show details")

    def onSceneStartClose(self, *_arguments: Any) -> None:
        """Cancel work on a scene that is about to close."""
        if self.logic.busy and not self.batch.running:
            self.logic.cancel()
            self._ended("")
        self.results.clear()
        self.setParameters(None)

    def onSceneChanged(self, *_arguments: Any) -> None:
        """Handle a new scene."""
        self.setParameters(Parameters(self.logic.getParameterNode()))

    def _connect(self) -> None:
        self.ui.applyButton.clicked.connect(self.onApply)
        self.ui.modelSelector.currentIndexChanged.connect(self.onModelChosen)
        self.ui.detailsButton.toggled.connect(self.onDetails)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneChanged)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneChanged)
        self.addObserver(scene, scene.NodeAddedEvent, self.onNodeAdded)
        self.addObserver(scene, scene.NodeRemovedEvent, self.onNodeRemoved)

    def onNodeAdded(self, *_arguments: Any) -> None:
        """Handle an added node, which is complete when the event loop runs again."""
        if not self._choosing:
            self._choosing = True
            qt.QTimer.singleShot(0, self.chooseInputs)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def onNodeRemoved(self, _scene: Any, _event: str, node: Any) -> None:
        """Handle a removed node, which may be the one whose result is shown."""
        self.results.nodeRemoved(node)
        self.update()

    def chooseInputs(self) -> None:
        """Select the most likely volume where none is chosen."""
        self._choosing = False
        if self.parameters is None or self.model is None or self._segmenting:
            return
        from KDNetSegmentationLib.InputSelection import likely_volumes  # noqa: PLC0415 - needs numpy

        if self._followVolumes():
            return  # already done in the meantime, with the other model
        inputs = self._inputs()
        free = [None if node in self._offeredInputs else node for node in inputs]
        likely = likely_volumes(self.model.modalities, free)
        self._offeredInputs = [node for node, before in zip(likely, free, strict=True) if before is None]
        if likely != inputs:
            set_inputs(self.parameters, likely)

    def _followVolumes(self) -> bool:
        """Select a model that matches the volume, unless the user chose one; return whether it changed."""
        if self.parameters.model not in ("", self._offeredModel):
            return False
        from KDNetSegmentationLib.InputSelection import fitting_model  # noqa: PLC0415 - needs numpy

        fitting = fitting_model(self._models, self.model, self._chosenInputs())
        if fitting is self.model:
            return False
        self._offeredModel = fitting.path.name
        self.refillModels(fitting.path.name)
        return True

    def _chosenInputs(self) -> list[Any]:
        """Return the volumes chosen by the user, not by the panel."""
        return [node for node in self._inputs() if node is not None and node not in self._offeredInputs]

    def _inputs(self) -> list[Any]:
        return inputs_of(self.parameters)[: len(self.model.modalities) if self.model else 1]

    def _hint(self) -> str:
        if self.install.missing:
            return _("Install the packages above first.")
        if self.model is None:
            return _("Import a model first.")
        if not all(self._inputs()):
            return _("Choose the volume to segment.")
        if not all(node.GetImageData() for node in self._inputs()):
            return _("The volume has no voxels: choose another.")
        return _("Stop at once.") if self._segmenting else _("Segment the volume.")

    def _showWarnings(self) -> None:
        if self.parameters is None or self.model is None:
            return
        inputs = [(node.GetID(), node.GetMTime()) if node else None for node in self._inputs()]
        if self._warned == (inputs, self.model):
            return  # inspecting voxels takes time, and other settings do not affect the result
        self._warned = (inputs, self.model)
        pairs = [(node, name) for node, name in zip(self._inputs(), self.model.modalities, strict=True) if node is not None]
        texts: list[str] = []
        if pairs:
            from KDNetSegmentationLib.Volumes import warnings_for  # noqa: PLC0415 - needs numpy

            texts = [text for node, modality in pairs for text in warnings_for(node, modality, self.model)]
        self.ui.warningLabel.text = "<br>".join(f"⚠ {text}" for text in texts)
        self.ui.warningLabel.visible = bool(texts)

    def _restoreResult(self) -> None:
        node, volume, model = self.parameters.result, self.parameters.resultVolume, self.model
        if node is None or volume is None or volume.GetImageData() is None or model is None:
            self.results.clear()
        elif node is not self.results.node:
            self.results.restore(node, volume, model)
        else:
            self.results.refresh()

    def _ended(self, text: str, details: str = "") -> None:
        self._segmenting = False
        self._ticker.stop()
        self.say(text, details)
        self.update()


def _stage_text(progress: Progress) -> str:
    texts = {
        "start": _("Starting the worker (only the first time)..."),
        "load": _("Loading the model..."),
        "brain": _("Extracting the brain..."),
        "prepare": _("Preparing the volume..."),
        "forward": _("Segmenting, {done} of {total} passes done...").format(done=progress.done, total=progress.total),
        "label": _("Taking labels..."),
        "import": _("Showing the result..."),
    }
    return texts.get(progress.stage, progress.stage)
