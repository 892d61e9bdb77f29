"""Which scans of a folder to correct first, by the uncertainty of a model; without widgets."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from kdnet.schema.ranking import Ranked
from KDNetLib.Command import Command, json_answer
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

PROGRESS = re.compile(r"(\d+) of (\d+): ")  # as kdnet rank reports it


class ScanRanking:
    """Runs ``kdnet rank`` in a process of its own.

    Args:
        onChanged: called when there is something new to show.

    Attributes:
        scans: the scans, the most uncertain first.
        message: what to show to the user.
    """

    def __init__(self, onChanged: Callable[[], None]) -> None:
        self._onChanged = onChanged
        self._command: Command | None = None
        self.scans: tuple[Ranked, ...] = ()
        self.message = ""

    @property
    def busy(self) -> bool:
        """Whether scans are being ranked."""
        return self._command is not None

    def start(self, model: Path, folder: Path, device: str) -> None:
        """Rank the scans in ``folder``."""
        self.scans, self.message = (), _("Searching for scans...")
        self._command = Command(
            ["rank", str(model), str(folder), "--device", device, "--json"],
            onNote=self._note,
            read=_read,
            onFinished=self._finished,
            onFailed=self._failed,
            accepted=(0, 1),  # 1 means that some scan could not be segmented
        ).start()

    def cancel(self, message: str = "") -> None:
        """Stop the process."""
        if self._command is not None:
            self._command.cancel()
            self._command, self.message = None, message

    def _note(self, line: str) -> None:
        found = PROGRESS.match(line)
        if found:
            self.message = _("{done} of {total} scans ranked.").format(done=found[1], total=found[2])
            self._onChanged()

    def _finished(self, scans: tuple[Ranked, ...]) -> None:
        self._command, self.scans = None, scans
        self.message = _("Click a scan to load it. Uncertainty is 1 minus the expected Dice.")
        self._onChanged()

    def _failed(self, failure: Failure) -> None:
        self._command, self.message = None, failure.message
        self._onChanged()


def _read(answer: str) -> tuple[Ranked, ...]:
    return tuple(Ranked.from_json(item) for item in json_answer(answer)["cases"])
