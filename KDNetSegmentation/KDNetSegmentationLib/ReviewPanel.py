"""The buttons that go through the cases of a batch, one after the other, with scan and segmentation in the views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import slicer
from kdnet.errors import KDNetError
from KDNetLib.Availability import offer
from KDNetLib.Shortcuts import bind_shortcut
from slicer.i18n import tr as _

from KDNetSegmentationLib.Protocols import PanelProtocol
from KDNetSegmentationLib.Review import Decision, Review, ReviewCase

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from slicer import vtkMRMLNode

    from KDNetSegmentationLib.Answers import CaseOutcome


class ReviewPanel:
    """Loads one case at a time; the nodes of the case before are removed.

    Args:
        panel: the whole panel.
        decided: called when a decision was made, with the decision by case name.
    """

    def __init__(self, panel: PanelProtocol, decided: Callable[[], None]) -> None:
        self.panel, self._decided = panel, decided
        self.review: Review | None = None
        self._model: ModelInfo | None = None
        self._nodes: list[vtkMRMLNode] = []
        ui = panel.ui
        for button, action in (
            (ui.previousButton, lambda *_: self.go(-1)),
            (ui.nextButton, lambda *_: self.go(1)),
            (ui.acceptButton, lambda *_: self.decide(Decision.ACCEPTED)),
            (ui.markButton, lambda *_: self.decide(Decision.MARKED)),
        ):
            button.clicked.connect(action)
        self._shortcuts = [
            bind_shortcut(ui.batchSection, keys, button.click)
            for keys, button in (("Ctrl+N", ui.nextButton), ("Ctrl+P", ui.previousButton))
        ]

    def take(self, outcomes: Sequence[CaseOutcome], folder: Path, model: ModelInfo) -> None:
        """Offer the cases of a batch that have a labelmap."""
        cases = [
            ReviewCase(case["name"], Path(case["scan"]), Path(case["labelmap"]))
            for case in outcomes
            if case["labelmap"] and case["scan"]
        ]
        self._nodes = []  # those of an earlier batch stay, now that another is looked at
        self.review, self._model = Review(folder, cases) if cases else None, model
        self._show()

    def status(self, name: str) -> str:
        """Return what was decided on a case, for users; empty if nothing was."""
        case = next((case for case in self.review.cases if case.name == name), None) if self.review is not None else None
        decision = self.review.decision(case) if self.review is not None and case is not None else Decision.NONE
        return {Decision.NONE: "", Decision.ACCEPTED: _("Accepted."), Decision.MARKED: _("To correct.")}[decision]

    def go(self, steps: int) -> None:
        """Show the next case, or the one before."""
        case = self.review.go(steps) if self.review is not None else None
        if case is not None:
            self._open(case)
        self._show()

    def decide(self, decision: Decision) -> None:
        """Record a decision, and show the next case."""
        if self.review is None or self.review.current is None:
            return
        try:
            self.review.decide(decision)
        except KDNetError as error:
            self.panel.showMessage(str(error))
            return
        self._decided()
        self.go(1)

    def sceneClosed(self) -> None:
        """Forget the nodes of a scene that closes; the case is loaded again on request."""
        self._nodes = []

    def _open(self, case: ReviewCase) -> None:
        """Load a case in place of the one before."""
        from KDNetSegmentationLib.CaseFiles import load_case  # noqa: PLC0415 - numpy

        assert self._model is not None
        try:
            volume, segmentation = load_case(case, self._model)
        except (KDNetError, RuntimeError) as error:  # Slicer's readers raise RuntimeError
            self.panel.showMessage(str(error))
            return
        for node in self._nodes:
            if node.GetScene() is not None:
                slicer.mrmlScene.RemoveNode(node)
        self._nodes = [segmentation, volume]
        self.panel.showCase(volume)
        self.panel.showMessage(_("Case {name} is shown.").format(name=Path(case.name).name))

    def _show(self) -> None:
        ui, review = self.panel.ui, self.review
        count = len(review.cases) if review is not None else 0
        index = review.index if review is not None else -1
        nothing = "" if count else _("Segment a folder first.")
        unseen = nothing or ("" if index >= 0 else _("Click Next to show the first case."))
        first, last = _("This is the first case."), _("This is the last case.")
        offer(ui.previousButton, _("Show the case before (Ctrl+P)."), unseen or ("" if index > 0 else first))
        offer(ui.nextButton, _("Show the next case (Ctrl+N)."), nothing or ("" if index + 1 < count else last))
        offer(ui.acceptButton, _("Record in review.csv that the segmentation is right, and show the next case."), unseen)
        offer(ui.markButton, _("Record in review.csv that the segmentation must be corrected, and show the next."), unseen)
        text = ""
        if review is not None and index >= 0:
            accepted, marked = review.counts()
            text = _("Case {number} of {count}. {accepted} accepted, {marked} to correct.")
            text = text.format(number=index + 1, count=count, accepted=accepted, marked=marked)
        ui.reviewLabel.text = text
        ui.reviewLabel.visible = bool(text)
