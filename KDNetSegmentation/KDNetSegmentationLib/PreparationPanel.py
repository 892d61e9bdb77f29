"""The section for what is done to a volume before it is segmented."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import qt
from KDNetLib.Availability import offer
from KDNetLib.Dependencies import HD_BET
from KDNetLib.OptionalPackage import OptionalPackage
from slicer.i18n import tr as _

from KDNetSegmentationLib.Parameters import Brain, Shading, brain_mask_of, set_brain_mask
from KDNetSegmentationLib.PreparationPlan import Plan, preparation_plan
from KDNetSegmentationLib.Protocols import PanelProtocol

if TYPE_CHECKING:
    from slicer import vtkMRMLNode, vtkMRMLScalarVolumeNode

    from KDNetSegmentationLib.Parameters import Parameters

ENABLED, DISABLED = 33, 0  # flags of an item of a list: selectable and enabled, or neither


class PreparationPanel:
    """Shows the choices for brain extraction and shading, and what they mean for the selected volumes.

    Args:
        panel: the whole panel.
        hdBet: the package of HD-BET; replaceable in tests.
    """

    def __init__(self, panel: PanelProtocol, hdBet: OptionalPackage | None = None) -> None:
        self.panel = panel
        self.hdBet = hdBet or OptionalPackage(HD_BET, _("brain extraction with HD-BET"))
        self._plan = Plan()
        self._segments: list[str] = []
        panel.ui.hdBetButton.clicked.connect(self.onInstall)
        panel.ui.brainMaskSelector.currentNodeChanged.connect(self.onMask)
        panel.ui.brainSegmentSelector.currentIndexChanged.connect(self.onSegment)

    def problem(self) -> str:
        """Return why the volumes cannot be prepared as selected; empty if they can."""
        chosen = self.panel.parameters
        if chosen is None:
            return ""
        if chosen.brain is Brain.HD_BET and not self.hdBet.installed:
            return _("HD-BET is not installed. Install it under Preparation, or select another brain extraction.")
        if chosen.brain is Brain.MASK and brain_mask_of(chosen) is None:
            return _("Select the brain mask under Preparation.")
        return ""

    def update(self, volumes: Sequence[vtkMRMLScalarVolumeNode], *, installed: bool) -> None:
        """Show the choices that apply, and what will be done to ``volumes``.

        Args:
            volumes: the selected volumes with voxels.
            installed: whether all required packages are installed.
        """
        chosen, ui = self.panel.parameters, self.panel.ui
        if chosen is None:
            return
        usesMask, hasHdBet = chosen.brain is Brain.MASK, self.hdBet.installed
        ui.hdBetButton.visible = not hasHdBet
        problem = _("HD-BET is being installed.") if self.hdBet.installing else ""
        tip = _("HD-BET is a larger network for brain extraction (Apache License 2.0, download of 290 MB).")
        offer(ui.hdBetButton, tip, problem if installed else _("Install the required packages first."))
        index = list(Brain).index(Brain.HD_BET)
        remedy = _("A larger network, not installed yet: click Install HD-BET.")
        ui.brainSelector.setItemData(index, ENABLED if hasHdBet else DISABLED, qt.Qt.UserRole - 1)
        ui.brainSelector.setItemData(index, _("A larger network.") if hasHdBet else remedy, qt.Qt.ToolTipRole)
        ui.brainMaskLabel.visible = ui.brainMaskSelector.visible = usesMask
        self._showMask(chosen, usesMask=usesMask)
        ui.preparationHint.text = self._hint(chosen, volumes)
        ui.preparationHint.visible = bool(ui.preparationHint.text)

    def onInstall(self, *_arguments: object) -> None:
        """Ask whether to install HD-BET."""
        self.hdBet.offer()
        self.panel.update()

    def onMask(self, node: vtkMRMLNode | None) -> None:
        """Handle the selection of a segmentation or labelmap."""
        if self.panel.parameters is not None:
            set_brain_mask(self.panel.parameters, node)

    def onSegment(self, *_arguments: object) -> None:
        """Handle the selection of a segment."""
        index = self.panel.ui.brainSegmentSelector.currentIndex
        if self.panel.parameters is not None and 0 <= index < len(self._segments):
            self.panel.parameters.brainSegment = self._segments[index]

    def _showMask(self, chosen: Parameters, *, usesMask: bool) -> None:
        """Show the selected mask, and the segments of a segmentation that has several."""
        selector, node = self.panel.ui.brainSegmentSelector, brain_mask_of(chosen)
        blocked = self.panel.ui.brainMaskSelector.blockSignals(True)
        self.panel.ui.brainMaskSelector.setCurrentNode(node)
        self.panel.ui.brainMaskSelector.blockSignals(blocked)
        segmentation = chosen.brainSegmentation.GetSegmentation() if chosen.brainSegmentation is not None else None
        count = segmentation.GetNumberOfSegments() if segmentation is not None else 0
        self._segments = [segmentation.GetNthSegmentID(index) for index in range(count)]
        names = [segmentation.GetNthSegment(index).GetName() for index in range(count)]
        blocked = selector.blockSignals(True)
        selector.clear()
        for name in names:
            selector.addItem(name)
        named = next((index for index, name in enumerate(names) if name.casefold() == "brain"), 0 if count else -1)
        known = chosen.brainSegment in self._segments
        selector.currentIndex = self._segments.index(chosen.brainSegment) if known else named
        selector.blockSignals(blocked)
        self.panel.ui.brainSegmentLabel.visible = selector.visible = usesMask and count > 1

    def _hint(self, chosen: Parameters, volumes: Sequence[vtkMRMLScalarVolumeNode]) -> str:
        model = self.panel.model
        if model is None or not volumes:
            return ""
        self._plan = preparation_plan(volumes, model, self._plan)
        return hint_text(chosen.brain, chosen.shading, self._plan)


def hint_text(brain: Brain, shading: Shading, plan: Plan) -> str:
    """Return what will be done to the selected volumes, in one line."""
    if brain is Brain.NONE or (brain is Brain.AUTOMATIC and not plan.expected and not plan.corrected):
        text = _("No brain extraction")
    elif brain is Brain.MASK:
        text = _("The selected brain mask will be used")
    elif plan.corrected:
        text = _("The corrected brain mask will be used")
    elif brain is Brain.HD_BET:
        text = _("Brain will be extracted by HD-BET")
    elif brain is Brain.STUDENT or plan.skull == "present":
        text = _("Brain will be extracted")
    elif plan.skull == "removed":
        text = _("No brain extraction: no skull found")
    else:
        text = _("Brain will be extracted if there is a skull")
    return _("{brain}, shading corrected").format(brain=text) if shading is Shading.ON else text
