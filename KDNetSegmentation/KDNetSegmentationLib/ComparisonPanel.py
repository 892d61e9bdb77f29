"""The section for comparing the result with a reference segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdnet.errors import KDNetError
from KDNetLib.Availability import offer
from KDNetLib.Tables import fill_table
from slicer.i18n import tr as _

from KDNetSegmentationLib.Protocols import PanelProtocol

if TYPE_CHECKING:
    from KDNetLib.Worker import Failure

    from KDNetSegmentationLib.Answers import RegionScore


class ComparisonPanel:
    """Compares a result with a reference on request.

    Args:
        panel: the whole panel.
    """

    def __init__(self, panel: PanelProtocol) -> None:
        self.panel = panel
        panel.ui.compareButton.clicked.connect(self.onCompare)
        self._fill([])

    def update(self, *, free: bool) -> None:
        """Enable the button if there is something to compare and no work is in progress."""
        chosen = self.panel.parameters
        if chosen is None or None in (chosen.result, chosen.resultVolume):
            problem = _("Segment a volume first.")
        elif chosen.reference is None:
            problem = _("Select the reference segmentation.")
        elif self.panel.resultModel is None:
            problem = _("The model that made the result is not installed here: import it under Models.")
        else:
            problem = "" if free else _("Wait for the work in progress, or cancel it.")
        offer(self.panel.ui.compareButton, _("Compare the result with the reference, region by region."), problem)

    def onCompare(self, *_arguments: object) -> None:
        """Start the comparison in the worker, which has the metrics."""
        chosen, model = self.panel.parameters, self.panel.resultModel
        if chosen is None or model is None:
            return
        try:
            self.panel.logic.startComparison(
                chosen.result,
                chosen.reference,
                chosen.resultVolume,
                model,
                onFinished=self.onFinished,
                onFailed=self.onFailed,
            )
        except KDNetError as error:
            self._showHint(str(error))
        self.panel.update()

    def onFailed(self, failure: Failure) -> None:
        """Show the reason in this section too."""
        self._showHint(failure.message)
        self.panel.showFailure(failure)

    def onFinished(self, scores: Sequence[RegionScore]) -> None:
        """Show the scores."""
        self._fill([(score["region"], f"{score['dice']:.3f}", f"{score['hd95']:.1f}") for score in scores])
        onlyOne = [score["region"] for score in scores if score["empty"] in ("prediction", "reference")]
        hint = _("{regions}: present in only one of the two segmentations; HD95 is the BraTS penalty value.")
        self._showHint(hint.format(regions=", ".join(onlyOne)) if onlyOne else "")
        self.panel.showMessage(_("Compared on the grid of the segmented volume."))
        self.panel.update()

    def _fill(self, rows: Sequence[Sequence[str]]) -> None:
        fill_table(self.panel.ui.comparisonTable, (_("Region"), _("Dice"), _("HD95 (mm)")), rows)

    def _showHint(self, text: str) -> None:
        self.panel.ui.comparisonHint.text = text
        self.panel.ui.comparisonHint.visible = bool(text)
