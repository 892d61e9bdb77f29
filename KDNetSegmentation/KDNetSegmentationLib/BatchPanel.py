"""The section for segmenting a folder of images."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kdnet.errors import KDNetError
from KDNetLib.Availability import offer
from KDNetLib.Tables import fill_table
from slicer.i18n import tr as _

from KDNetSegmentationLib.Parameters import settings_of
from KDNetSegmentationLib.Protocols import PanelProtocol
from KDNetSegmentationLib.ReviewPanel import ReviewPanel
from KDNetSegmentationLib.Settings import Progress, Settings

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo
    from KDNetLib.Worker import Failure

    from KDNetSegmentationLib.Answers import CaseOutcome
    from KDNetSegmentationLib.Jobs import Cases

UNSET = ("", ".")  # an unset path of a parameter node reads as "."


class BatchPanel:
    """Starts a batch and shows the outcome of each case.

    Args:
        panel: the whole panel.
    """

    def __init__(self, panel: PanelProtocol) -> None:
        self.panel = panel
        self.running = False
        self._names: tuple[str, ...] = ()
        self._cases: list[CaseOutcome] = []
        self._started: tuple[Path, ModelInfo] | None = None  # output folder and model
        self.review = ReviewPanel(panel, self._show)
        panel.ui.batchButton.clicked.connect(self.onButton)
        self._show()

    def update(self, *, free: bool) -> None:
        """Set the button's text and whether it can be clicked."""
        button, chosen = self.panel.ui.batchButton, self.panel.parameters
        button.text = _("Cancel") if self.running else _("Segment folder")
        ready = chosen is not None and str(chosen.batchInput) not in UNSET and str(chosen.batchOutput) not in UNSET
        problem = "" if free else _("Wait for the work in progress, or cancel it.")
        if self.panel.model is None:
            problem = _("Import a model first.")
        elif not ready:
            problem = _("Select an input and an output folder.")
        if self.running:
            offer(button, _("Stop the batch. Finished cases are kept."))
        else:
            offer(button, _("Segment all images of the input folder."), problem)

    def onButton(self, *_arguments: object) -> None:
        """Start a batch, or cancel the running one."""
        if self.running:
            self.panel.logic.cancel()
            self._end()
            self._offerReview(self._cases)
            self.panel.showMessage(_("Canceled. {count} finished cases were kept.").format(count=len(self._cases)))
        else:
            self._start()
        self.panel.update()

    def onProgress(self, progress: Progress) -> None:
        """Show the queue, and the outcome of a case."""
        if progress.names:
            self._names = progress.names
            self._show()
        if progress.case is not None:
            self._cases.append(progress.case)
            self._show()
        if progress.stage == "batch":
            text = _("{done} of {total} cases finished.").format(done=progress.done, total=progress.total)
            self.panel.showMessage(text)
            self.panel.showProgress(progress.done, progress.total)

    def onFinished(self, cases: Cases) -> None:
        """Show a summary, and offer to look through the cases."""
        self._end()
        self._offerReview(cases)
        self.panel.showMessage(batch_summary(cases))
        self.panel.update()

    def onFailed(self, failure: Failure) -> None:
        """Show the reason; finished cases stay."""
        self._end()
        self.panel.showFailure(failure)

    def _offerReview(self, cases: Sequence[CaseOutcome]) -> None:
        if self._started is not None:
            self.review.take(cases, *self._started)
            self._show()

    def _start(self) -> None:
        chosen, model = self.panel.parameters, self.panel.model
        if chosen is None or model is None:
            return
        self._started = Path(chosen.batchOutput), model
        self._names, self._cases = (), []
        self._show()
        try:
            self.panel.logic.startFolder(
                chosen.batchInput,
                chosen.batchOutput,
                model,
                settings=batch_settings(settings_of(chosen)),
                onFinished=self.onFinished,
                onFailed=self.onFailed,
                onProgress=self.onProgress,
            )
        except KDNetError as error:
            self.panel.showMessage(str(error))
        else:
            self.running = self.panel.logic.busy

    def _end(self) -> None:
        self.running = False
        self._show()

    def _show(self) -> None:
        folder = self.panel.parameters.batchInput if self.panel.parameters is not None else ""
        # without the folder that all cases share
        rows = [(Path(case["name"]).name, self._status(case, f"{folder}{os.sep}")) for case in self._cases]
        waiting = [
            (Path(name).name, _("Waiting") if self.running else _("Not segmented")) for name in self._names[len(rows) :]
        ]
        if waiting and self.running:
            waiting[0] = (waiting[0][0], _("Segmenting..."))
        fill_table(self.panel.ui.batchTable, (_("Case"), _("Status")), [*rows, *waiting], stretch=1)

    def _status(self, case: CaseOutcome, folder: str) -> str:
        """Return the outcome of a case, and what was decided on it."""
        return " ".join(filter(None, (self.review.status(case["name"]), case_status(case).replace(folder, ""))))


def batch_settings(settings: Settings) -> Settings:
    """Return the settings for a folder: a brain mask of the scene belongs to one volume, so brains are extracted."""
    return replace(settings, brain="automatic", brainMask=None, brainSegment="") if settings.brain == "mask" else settings


def batch_summary(cases: Cases) -> str:
    """Return how many cases were segmented, failed or skipped, and where the volumes are."""
    counts = Counter(case["state"] for case in cases)
    segmented = _("Segmented {count} of {total} cases, {failed} failed")
    parts = [segmented.format(count=counts["segmented"], total=len(cases), failed=counts["failed"])]
    if counts["done before"]:
        parts.append(_("{count} already segmented").format(count=counts["done before"]))
    if counts["skipped"]:
        parts.append(_("{count} skipped").format(count=counts["skipped"]))
    sentences = [", ".join(parts) + "."]
    if cases.noScans:
        sentences.append(_("Files ignored as labelmaps, masks, or maps: {count}.").format(count=cases.noScans))
    sentences.append(cases.tableProblem or _("Volumes saved to volumes.csv in the output folder."))
    return " ".join(sentences)


def case_status(case: CaseOutcome) -> str:
    """Return the volumes of a case, or why there are none, and its warnings."""
    amounts = ", ".join(f"{amount['name']} {amount['milliliters']:.1f} mL" for amount in case["amounts"])
    if case["state"] == "done before":
        amounts = _("Already segmented. {amounts}").format(amounts=amounts)
    return " ".join([case["error"] or amounts, *(f"⚠ {text}" for text in case["warnings"])])
