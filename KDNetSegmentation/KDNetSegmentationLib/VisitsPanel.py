"""The section that compares the result with the segmentation of an earlier visit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kdnet.errors import KDNetError
from kdnet.schema.visits import Category
from KDNetLib.Availability import offer
from KDNetLib.Tables import fill_table
from slicer.i18n import tr as _

from KDNetSegmentationLib.ApplyPanel import stage_text
from KDNetSegmentationLib.Protocols import PanelProtocol

if TYPE_CHECKING:
    from kdnet.schema.visits import Change, LesionChange, RegionComparison, VisitComparison
    from KDNetLib.Worker import Failure

    from KDNetSegmentationLib.Settings import Progress

MINUS = "\N{MINUS SIGN}"


class VisitsPanel:
    """Compares two visits on request.

    Args:
        panel: the whole panel.
    """

    def __init__(self, panel: PanelProtocol) -> None:
        self.panel = panel
        self.running = False
        panel.ui.visitsButton.clicked.connect(self.onCompare)
        self._fill(())

    def update(self, *, free: bool) -> None:
        """Enable the button if there is something to compare and no work is in progress."""
        chosen, button = self.panel.parameters, self.panel.ui.visitsButton
        if chosen is None or chosen.result is None:
            problem = _("Segment a volume first.")
        elif chosen.earlier is None:
            problem = _("Select the segmentation of an earlier visit.")
        else:
            problem = _("Both are the same segmentation.") if chosen.earlier is chosen.result else ""
        button.text = _("Cancel") if self.running else _("Compare visits")
        if self.running:
            offer(button, _("Stop the comparison."))
        else:
            busy = "" if free else _("Wait for the work in progress, or cancel it.")
            offer(button, _("Measure both visits and show them side by side."), problem or busy)

    def onCompare(self, *_arguments: object) -> None:
        """Start the comparison in the worker, or cancel it."""
        chosen = self.panel.parameters
        if self.running:
            self.panel.logic.cancel()
            self.end(_("Canceled."))
            return
        if chosen is None:
            return
        self._showHint("")
        self.running = True
        try:
            self.panel.logic.startVisits(
                chosen.earlier,
                chosen.result,
                model=self.panel.resultModel,
                register=chosen.registerVisits,
                onFinished=self.onFinished,
                onFailed=self.onFailed,
                onProgress=self.onProgress,
            )
        except KDNetError as error:
            self._showHint(str(error))
            self.end(str(error))
        self.panel.update()

    def onProgress(self, progress: Progress) -> None:
        """Show the current stage."""
        self.panel.showMessage(stage_text(progress))
        self.panel.showProgress(0, 0)

    def onFailed(self, failure: Failure) -> None:
        """Show the reason in this section too."""
        self._fill(())
        self._showHint(failure.message)
        self.running = False
        self.panel.showFailure(failure)

    def onFinished(self, comparison: VisitComparison) -> None:
        """Show both visits side by side."""
        rows = [row for region in comparison.regions for row in region_rows(region)]
        self._fill(rows)
        advice = _("Lesions: diameters, and change in volume. RANO categories are arithmetic, not an assessment.")
        self._showHint(" ".join([comparison.registered, *comparison.warnings, advice]))
        self.end(_("Compared {earlier} with {later}.").format(earlier=comparison.earlier, later=comparison.later))

    def end(self, text: str) -> None:
        """Return to the idle state with a message."""
        self.running = False
        self.panel.showMessage(text)
        self.panel.update()

    def _fill(self, rows: Sequence[Sequence[str]]) -> None:
        fill_table(self.panel.ui.visitsTable, ("", _("Earlier"), _("Now"), _("Change")), rows)

    def _showHint(self, text: str) -> None:
        self.panel.ui.visitsHint.text = text
        self.panel.ui.visitsHint.visible = bool(text)


def region_rows(region: RegionComparison) -> list[tuple[str, str, str, str]]:
    """Return the rows of one region: volume, sum of products, RANO categories, and its lesions."""
    name, volume, product = region.name, region.milliliters, region.product
    rows = [
        (f"{name} (mL)", f"{volume.earlier:.2f}", f"{volume.later:.2f}", change_text(volume, digits=2)),
        (_("{region} RANO by volume").format(region=name), "", "", category_text(region.by_volume)),
    ]
    if region.targets:
        title = _("{region} products (mm²)").format(region=name)
        rows.append((title, f"{product.earlier:.0f}", f"{product.later:.0f}", change_text(product, digits=0)))
    rows.append((_("{region} RANO by product").format(region=name), "", "", category_text(region.by_product)))
    return [*rows, *(lesion_row(name, change) for change in region.lesions)]


def lesion_row(region: str, change: LesionChange) -> tuple[str, str, str, str]:
    """Return the row of lesions that share a place: their diameters, and the change of their volume."""
    numbers = " + ".join(map(str, change.later or change.earlier))
    title = "    " + _("{region} lesion {numbers} (mm)").format(region=region, numbers=numbers)
    volume = _("{change} mL").format(change=change_text(change.milliliters, digits=2))
    outcome = _("new") if not change.earlier else _("gone") if not change.later else volume
    earlier, later = (text.replace(" mm", "") for text in (change.earlier_diameters, change.later_diameters))
    return title, earlier, later, outcome


def change_text(change: Change, *, digits: int) -> str:
    """Return a difference with its sign, and in percent of the earlier value if there is one."""
    percent = "" if change.percent is None else f" ({change.percent:+.0f}%)"
    return f"{change.difference:+.{digits}f}{percent}".replace("-", MINUS)


def category_text(category: Category) -> str:
    """Return a category of RANO for users."""
    return {
        Category.COMPLETE: _("complete response"),
        Category.PARTIAL: _("partial response"),
        Category.STABLE: _("stable disease"),
        Category.PROGRESSIVE: _("progressive disease"),
        Category.NOT_MEASURABLE: _("not measurable"),
    }[category]
