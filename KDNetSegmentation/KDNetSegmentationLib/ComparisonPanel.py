"""The section for comparing the result with a reference segmentation."""

from collections.abc import Callable
from typing import Any

from kdnet.errors import KDNetError
from KDNetLib.Tables import fill_table
from slicer.i18n import tr as _


class ComparisonPanel:
    """Compares a result with a reference on request.

    Args:
        panel: the whole panel, for its logic, choices and status.
    """

    def __init__(self, panel: Any) -> None:
        self.panel = panel
        panel.ui.compareButton.clicked.connect(self.onCompare)
        fill_table(panel.ui.comparisonTable, (_("Region"), _("Dice"), _("HD95 (mm)")), [])

    def update(self, *, free: bool) -> None:
        """Enable the button if there is something to compare and no work is in progress."""
        chosen = self.panel.parameters
        ready = chosen.result is not None and chosen.reference is not None and chosen.resultVolume is not None
        self.panel.ui.compareButton.enabled = free and ready and self.panel.model is not None

    def onCompare(self, *_arguments: Any) -> None:
        """Start the comparison in the worker, which has the metrics."""
        chosen = self.panel.parameters
        begin: Callable[..., None] = self.panel.logic.startComparison
        try:
            begin(
                chosen.result,
                chosen.reference,
                chosen.resultVolume,
                self.panel.model,
                onFinished=self.onFinished,
                onFailed=self.onFailed,
            )
        except KDNetError as error:
            self._hint(str(error))
        self.panel.update()

    def onFailed(self, failure: Any) -> None:
        """Show the reason in this section."""
        self._hint(failure.message)
        self.panel.onFailed(failure)

    def _hint(self, text: str) -> None:
        self.panel.ui.comparisonHint.text = text
        self.panel.ui.comparisonHint.visible = bool(text)

    def onFinished(self, scores: Any) -> None:
        """Show the scores."""
        rows = [(score["region"], f"{score['dice']:.3f}", f"{score['hd95']:.1f}") for score in scores]
        fill_table(self.panel.ui.comparisonTable, (_("Region"), _("Dice"), _("HD95 (mm)")), rows)
        only_one = [score["region"] for score in scores if score.get("empty") in ("prediction", "reference")]
        hint = _("Only one of the two contains {regions}, for which HD95 is the penalty of BraTS.")
        self._hint(hint.format(regions=", ".join(only_one)) if only_one else "")
        self.panel.say(_("Compared on the grid of the volume that was segmented."))
        self.panel.update()
