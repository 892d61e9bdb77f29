"""The section for segmenting a folder of images."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

from kdnet.errors import KDNetError
from KDNetLib.Tables import fill_table
from slicer.i18n import tr as _

from KDNetSegmentationLib.Parameters import settings_of
from KDNetSegmentationLib.Settings import Progress


class BatchPanel:
    """Starts a batch and shows the outcome of each case.

    Args:
        panel: the whole panel, for its logic, choices and status.
    """

    def __init__(self, panel: Any) -> None:
        self.panel = panel
        self.running = False
        self._names: tuple[str, ...] = ()
        self._cases: list[Any] = []
        panel.ui.batchButton.clicked.connect(self.onButton)
        self._show()

    def update(self, *, free: bool) -> None:
        """Set the button's text and whether it can be clicked."""
        button = self.panel.ui.batchButton
        chosen = self.panel.parameters
        button.text = _("Cancel") if self.running else _("Segment folder")
        # an unset path reads as "."
        ready = str(chosen.batchInput) not in ("", ".") and str(chosen.batchOutput) not in ("", ".")
        button.enabled = self.running or (free and ready and self.panel.model is not None)

    def onButton(self, *_arguments: Any) -> None:
        """Start a batch, or cancel the running one."""
        if self.running:
            self.panel.logic.cancel()
            self._end()
            self.panel.say(_("Cancelled. {count} cases are done and stay.").format(count=len(self._cases)))
            self.panel.update()
            return
        chosen = self.panel.parameters
        self._names, self._cases = (), []
        self._show()
        try:
            self.panel.logic.startFolder(
                chosen.batchInput,
                chosen.batchOutput,
                self.panel.model,
                settings=settings_of(chosen),
                onFinished=self.onFinished,
                onFailed=self.onFailed,
                onProgress=self.onProgress,
            )
        except KDNetError as error:
            self.panel.say(str(error))
        else:
            self.running = self.panel.logic.busy
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
            text = _("{done} of {total} cases are done.").format(done=progress.done, total=progress.total)
            self.panel.say(text)
            self.panel.showProgress(progress.done, progress.total)

    def onFinished(self, cases: Any) -> None:
        """Show a summary."""
        self._end()
        counts = Counter(case["state"] for case in cases)
        parts = [
            _("Segmented {count} of {total} cases, {failed} failed").format(
                count=counts["segmented"], total=len(cases), failed=counts["failed"]
            )
        ]
        if counts["done before"]:
            parts.append(_("{count} were done before").format(count=counts["done before"]))
        if counts["left out"]:
            parts.append(_("{count} left out").format(count=counts["left out"]))
        text = ", ".join(parts) + ". "
        if cases.noScans:
            text += _("{count} files are labelmaps, masks or maps by their names. ").format(count=cases.noScans)
        self.panel.say(text + (cases.tableProblem or _("Volumes are in volumes.csv of the folder.")))
        self.panel.update()

    def onFailed(self, failure: Any) -> None:
        """Show the reason; finished cases stay."""
        self._end()
        self.panel.onFailed(failure)

    def _end(self) -> None:
        self.running = False
        self._show()

    def _state(self, case: Any) -> str:
        """Describe the outcome of a case, without the folder that all cases share."""
        return _summary(case).replace(f"{self.panel.parameters.batchInput}{os.sep}", "")

    def _show(self) -> None:
        rows = [(Path(case["name"]).name, self._state(case)) for case in self._cases]
        waiting = [(Path(name).name, _("Waiting") if self.running else _("Not done")) for name in self._names[len(rows) :]]
        if waiting and self.running:
            waiting[0] = (waiting[0][0], _("Being segmented..."))
        fill_table(self.panel.ui.batchTable, (_("Case"), _("State")), [*rows, *waiting], stretch=1)


def _summary(case: Any) -> str:
    amounts = ", ".join(f"{amount['name']} {amount['milliliters']:.1f} mL" for amount in case["amounts"])
    if case["state"] == "done before":
        amounts = _("Done before. {amounts}").format(amounts=amounts)
    return " ".join([case["error"] or amounts, *(f"⚠ {text}" for text in case["warnings"])])
