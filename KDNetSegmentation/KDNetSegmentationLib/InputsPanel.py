"""The section for the model and its input volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import qt
from kdnet.schema.modalities import display_name
from slicer.i18n import tr as _

from KDNetSegmentationLib.Candidates import (
    candidate_volumes,
    hidden_from_lists,
    kind_of,
    patient_of_volume,
    scan_problem,
)
from KDNetSegmentationLib.Card import card_html, summary_text
from KDNetSegmentationLib.InputSelection import InputSelection
from KDNetSegmentationLib.ModelSelection import ModelSelection
from KDNetSegmentationLib.ModelTexts import enhancement_note, reason_text
from KDNetSegmentationLib.Parameters import inputs_of, set_inputs
from KDNetSegmentationLib.Protocols import PanelProtocol
from KDNetSegmentationLib.SampleData import load_phantom

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLScalarVolumeNode

Inspected = tuple[list[tuple[str, int] | None], "ModelInfo", bool]


class InputsPanel:
    """Shows the selected model and volumes, and passes selections on to the parameter node.

    Args:
        panel: the whole panel.
    """

    def __init__(self, panel: PanelProtocol) -> None:
        self.panel = panel
        self.models = ModelSelection()
        self.volumes = InputSelection(candidate_volumes, kind_of, patient_of_volume)
        self._completionPending = False
        self._inspected: Inspected | None = None
        panel.ui.modelSelector.currentIndexChanged.connect(self.onModelSelected)
        panel.ui.modelDetailsButton.toggled.connect(self.onDetails)
        panel.ui.sampleButton.clicked.connect(self.onSample)

    def selected(self) -> list[vtkMRMLScalarVolumeNode | None]:
        """Return a volume or None for each modality of the model."""
        if self.panel.parameters is None:
            return []
        return inputs_of(self.panel.parameters)[: len(self.models.current.modalities) if self.models.current else 1]

    def ready(self) -> list[vtkMRMLScalarVolumeNode]:
        """Return the volumes to segment; empty if one is missing or has no voxels."""
        found = [volume for volume in self.selected() if volume is not None and not scan_problem(volume)]
        return found if self.models.current and len(found) == len(self.models.current.modalities) else []

    def problem(self) -> str:
        """Return why the selection cannot be segmented, empty if it can."""
        if self.models.current is None:
            return _("Import a model first.")
        if not all(self.selected()):
            return _("Select the volume to segment.")
        problems = [scan_problem(volume) for volume in self.selected() if volume is not None]
        return next(filter(None, problems), "")

    def refill(self, wanted: str = "") -> None:
        """Refresh the list of models and select the file named ``wanted``, else the previous selection."""
        parameters = self.panel.parameters
        # without a parameter node, there is no scene that could lack a selection
        remembered = parameters.model if parameters is not None else self.models.file
        self.models.refill(self.panel.logic.models(), wanted, remembered=remembered)
        self._show()

    def onModelSelected(self, *_arguments: object) -> None:
        """Select a model for the user."""
        self.models.select(self.panel.ui.modelSelector.currentIndex)  # Qt 5 may pass the text instead
        self._showModel()

    def onDetails(self, checked: bool) -> None:
        """Unfold the model card, or fold it."""
        self.panel.ui.modelCard.visible = bool(checked)

    def onSample(self, *_arguments: object) -> None:
        """Load a synthetic head, which needs no download; the model that fits it is then suggested."""
        volume = load_phantom()
        if self.panel.parameters is not None:
            self.panel.parameters.inputVolume = volume

    def onNodeAdded(self, *_arguments: object) -> None:
        """Handle an added or removed node, which is complete when the event loop runs again."""
        if not self._completionPending:
            self._completionPending = True
            qt.QTimer.singleShot(0, self.complete)

    def onParametersModified(self) -> None:
        """Handle a change of the settings, such as another volume."""
        chosen = self.volumes.selectedByUser(self.selected())
        if self.models.current is not None and not self.panel.segmenting and chosen:
            self._followVolumes(chosen)
        self.showWarnings()

    def complete(self) -> None:
        """Select the most likely volume where none is selected, and a model that fits it."""
        self._completionPending = False
        self._showLists()
        model, parameters = self.models.current, self.panel.parameters
        if parameters is None or model is None or self.panel.segmenting:
            return
        selected = self.selected()
        if self._followVolumes(self.volumes.selectedByUser(selected)):
            return  # already completed for the other model
        suggested = self.volumes.suggest(model.modalities, selected)
        if suggested != selected:
            set_inputs(parameters, suggested)
        self._showHint()

    def showWarnings(self) -> None:
        """Warn about volumes that do not seem to be what the model needs."""
        model = self.models.current
        if self.panel.parameters is None or model is None:
            return
        selected = self.selected()
        extracts = self.panel.parameters.brain.value != "none"
        state = ([(node.GetID(), node.GetMTime()) if node else None for node in selected], model, extracts)
        if self._inspected == state:
            return  # inspecting voxels takes time, and other settings do not affect the result
        self._inspected = state
        pairs = [(node, modality) for node, modality in zip(selected, model.modalities, strict=True) if node is not None]
        texts: list[str] = []
        if pairs:
            from KDNetSegmentationLib.Volumes import warnings_for  # noqa: PLC0415 - needs numpy

            found = [warnings_for(node, modality, model, extracts=extracts) for node, modality in pairs]
            texts = [text for warnings in found for text in warnings]
        self.panel.ui.warningLabel.text = "<br>".join(f"⚠ {text}" for text in texts)
        self.panel.ui.warningLabel.visible = bool(texts)

    def _followVolumes(self, chosen: list[vtkMRMLScalarVolumeNode]) -> bool:
        """Select the best model for the volumes, unless the user selected one; return whether it changed."""
        parameters = self.panel.parameters
        if parameters is None or len(chosen) > 1:
            return False
        if not self.models.follow(self.volumes.scans(chosen), parameters.model):
            return False
        self._show()
        return True

    def _show(self) -> None:
        """Show the list of models and the selected one."""
        selector = self.panel.ui.modelSelector
        blocked = selector.blockSignals(True)
        selector.clear()
        for title in self.models.titles():
            selector.addItem(title)
        selector.currentIndex = self.models.index
        selector.blockSignals(blocked)
        self._showModel()

    def _showModel(self) -> None:
        """Show the model card and an input for each modality, and remember the model in the scene."""
        model, parameters = self.models.current, self.panel.parameters
        self.panel.ui.modelCard.text = card_html(model) if model else ""
        nothing = _("No model is available. Import one under Models.")
        self.panel.ui.modelSummary.text = summary_text(model) if model else nothing
        self.panel.ui.modelDetailsButton.visible = model is not None
        modalities = model.modalities if model else ("",)
        for index in range(1, 5):
            label, selector = (getattr(self.panel.ui, f"{name}{index}") for name in ("inputLabel", "inputSelector"))
            label.visible = selector.visible = index <= len(modalities)
            modality = display_name(modalities[index - 1]) if index <= len(modalities) else ""
            label.text = _("{modality} volume:").format(modality=modality) if modality else _("Input volume:")
        if parameters is not None and model is not None and parameters.model != model.path.name:
            parameters.model = model.path.name
        self.complete()
        self.showWarnings()
        self.panel.update()

    def _showLists(self) -> None:
        """List only what can be segmented or replaced, and offer sample data while there is nothing."""
        maps, masks = hidden_from_lists()
        for index in range(1, 5):
            _hide(getattr(self.panel.ui, f"inputSelector{index}"), maps)
        _hide(self.panel.ui.outputSelector, masks)
        self.panel.ui.sampleButton.visible = not candidate_volumes()

    def _showHint(self) -> None:
        """Say why the model is suggested, and what it cannot show."""
        model, parameters, texts = self.models.current, self.panel.parameters, []
        if model is not None and parameters is not None:
            if self.models.isSuggestion(parameters.model):
                texts.append(reason_text(model, self.models.models, self.volumes.scans([])))
            note = enhancement_note(model)
            texts.append(f"⚠ {note}" if note else "")
        self.panel.ui.modelHint.text = " ".join(filter(None, texts))
        self.panel.ui.modelHint.visible = any(texts)


def _hide(selector: Any, identifiers: list[str]) -> None:
    """Leave nodes out of a list."""
    model = selector.sortFilterProxyModel()
    if list(model.hiddenNodeIDs) != identifiers:
        model.hiddenNodeIDs = identifiers
