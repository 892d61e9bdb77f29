"""The button that segments the selected volume, with progress and time remaining."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer
from kdnet.errors import KDNetError
from KDNetLib.Availability import offer
from KDNetLib.PollTimer import PollTimer
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetSegmentationLib.Estimate import Estimate
from KDNetSegmentationLib.Parameters import settings_of
from KDNetSegmentationLib.Protocols import PanelProtocol
from KDNetSegmentationLib.Settings import Progress, Result

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode

    from KDNetSegmentationLib.InputsPanel import InputsPanel

OVERRIDE = "or override this check (--force)"  # as kdnet.preparation.plausibility, which panels cannot import, has it


class ApplyPanel:
    """Starts and cancels the segmentation of a volume.

    Args:
        panel: the whole panel.
        inputs: the section with the model and the volumes.
    """

    def __init__(self, panel: PanelProtocol, inputs: InputsPanel) -> None:
        self.panel, self._inputs = panel, inputs
        self.running = False
        self._stage = ""
        self._estimate = Estimate()
        self._timer = PollTimer(self.onTick)
        panel.ui.applyButton.clicked.connect(self.onButton)

    def update(self, *, free: bool, problem: str) -> None:
        """Enable the button if a volume can be segmented; otherwise its tool tip shows the problem."""
        button = self.panel.ui.applyButton
        button.text = _("Cancel") if self.running else _("Segment")
        if self.running:
            offer(button, _("Stop the segmentation (Ctrl+Enter)."))
        else:
            busy = "" if free else _("Wait for the work in progress, or cancel it.")
            offer(button, _("Segment the volume (Ctrl+Enter)."), problem or busy)

    def onButton(self, *_arguments: object) -> None:
        """Start a segmentation, or cancel the running one."""
        if self.running:
            self.panel.logic.cancel()
            self.end(_("Canceled. The scene is unchanged."))
            return
        inputs, model, parameters = self._inputs.ready(), self._inputs.models.current, self.panel.parameters
        if not inputs or model is None or parameters is None:
            return
        if not self._mayReplace(parameters.outputSegmentation, model):
            return
        settings = settings_of(parameters)
        self.running = True
        size = inputs[0].GetImageData().GetNumberOfPoints()
        self._estimate.begin((model.path, settings, size, self.panel.logic.warm))
        self._timer.start()
        try:
            self.panel.logic.start(
                inputs,
                model,
                output=parameters.outputSegmentation,
                settings=settings,
                onFinished=lambda result: self.onFinished(result, inputs[0], model),
                onFailed=self.onFailed,
                onProgress=self.onProgress,
            )
        except KDNetError as error:
            self.onFailed(Failure(str(error)))
        self.panel.update()

    def _mayReplace(self, output: vtkMRMLSegmentationNode | None, model: ModelInfo) -> bool:
        """Ask before segments are replaced that the user added; a hidden copy is kept in any case."""
        from KDNetLib.SegmentVolumes import foreign_segments  # noqa: PLC0415 - numpy

        own = foreign_segments(output, model.labels) if output is not None else []
        if not own or output is None:
            return True
        question = _("{name} contains segments of your own ({segments}). Replace it? A hidden copy is kept.")
        text = question.format(name=output.GetName(), segments=", ".join(own))
        return bool(slicer.util.confirmOkCancelDisplay(text, _("Replace segmentation")))

    def onProgress(self, progress: Progress) -> None:
        """Show the current stage."""
        self._stage = stage_text(progress)
        if progress.stage == "forward":
            self._estimate.passed(progress.done, progress.total)
        self.onTick()

    def onTick(self) -> None:
        """Update the progress bar and the time remaining."""
        fraction, remaining = self._estimate.fraction(), self._estimate.remaining()
        self.panel.showProgress(fraction or 0.0, 0.0 if fraction is None else 1.0)
        left = "" if not remaining else " " + _("About {seconds} s left.").format(seconds=round(remaining) or 1)
        self.panel.showMessage(self._stage + left)

    def onFinished(self, result: Result, volume: vtkMRMLScalarVolumeNode, model: ModelInfo) -> None:
        """Show the result, and its duration by stage."""
        self._estimate.end()
        self.panel.showResult(result, volume, model)
        stages = "\n".join(f"{name}: {seconds:.2f} s" for name, seconds in result.stages.items())
        done = _("Done in {seconds:.1f} s on {device}.").format(seconds=result.seconds, device=result.device)
        warnings = [f"⚠ {text}" for text in result.warnings]
        self.end(" ".join(text for text in (done, result.preparation, *warnings) if text), stages)

    def onFailed(self, failure: Failure) -> None:
        """Show the reason."""
        self.end(in_terms_of_the_panel(failure.message), failure.details)

    def end(self, text: str, details: str = "") -> None:
        """Return to the idle state with a message."""
        self.running = False
        self._timer.stop()
        self.panel.showMessage(text, details)
        self.panel.update()

    def cleanup(self) -> None:
        """Stop the timer when the module is closed."""
        self._timer.stop()


def in_terms_of_the_panel(message: str) -> str:
    """Return a message of the backend with the name of a check box instead of that of an option."""
    remedy = _('or turn on "Ignore plausibility checks" under Preparation')
    return message.replace(OVERRIDE, remedy)


def stage_text(progress: Progress) -> str:
    """Return what the worker is doing, for the status line."""
    texts = {
        "start": _("Starting the segmentation process (first use only)..."),
        "load": _("Loading the model..."),
        "brain": _("Extracting the brain..."),
        "registration": _("Registering the volumes..."),
        "shading": _("Looking for shading..."),
        "prepare": _("Preparing the volume..."),
        "forward": _("Segmenting: {done} of {total} passes done...").format(done=progress.done, total=progress.total),
        "label": _("Converting scores to labels..."),
        "import": _("Adding the result to the scene..."),
    }
    return texts.get(progress.stage, progress.stage)
