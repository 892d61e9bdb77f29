"""Deleting a run from disk: the size is measured, the user is asked twice, and Slicer stays responsive."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

import slicer
from kdnet.errors import KDNetError
from kdnet.runs.deletion import delete_run, folder_size
from kdnet.schema.formatting import size
from KDNetLib.PollTimer import PollTimer
from slicer.i18n import tr as _

from KDNetTrainingLib.Runs import Run

Outcome = Callable[[], None]


class RunDeletion:
    """Deletes one run at a time; folders are read and deleted by a thread, because disks may be slow.

    Args:
        parent: widget that the questions belong to.
        say: shows a sentence.
        deleted: called with a run whose folder is gone.
    """

    def __init__(self, parent: Any, say: Callable[[str], None], deleted: Callable[[Run], None]) -> None:
        self._parent, self._say, self._deleted = parent, say, deleted
        self._outcomes: queue.Queue[Outcome] = queue.Queue()
        self._timer = PollTimer(self._poll)
        self.busy = False

    def start(self, run: Run) -> None:
        """Measure the size of the run, then ask."""
        self._in_thread(lambda: folder_size(run.root), lambda count: self._ask(run, count))
        self._say(_("Measuring the size of {run}...").format(run=run.name))

    def cleanup(self) -> None:
        """Stop waiting; a deletion that has begun ends on its own."""
        self._timer.stop()

    def _ask(self, run: Run, count: int) -> None:
        self.busy = False
        text = _("Delete {folder} from disk? It holds {size}: models, results, segmentations and checkpoints.").format(
            folder=run.root, size=size(count)
        )
        again = _("This cannot be undone. Really delete {run} ({size})?").format(run=run.name, size=size(count))
        for question in (text, again):
            if not slicer.util.confirmOkCancelDisplay(question, _("Delete run from disk"), parent=self._parent):
                self._say(_("{run} was not deleted.").format(run=run.name))
                return
        self._in_thread(lambda: delete_run(run.root), lambda _nothing: self._done(run, size(count)))
        self._say(_("Deleting {run}...").format(run=run.name))

    def _done(self, run: Run, freed: str) -> None:
        self.busy = False
        self._deleted(run)
        self._say(_("Deleted {run} and freed {size}.").format(run=run.name, size=freed))

    def _failed(self, reason: str) -> None:
        self.busy = False
        self._say(reason)

    def _in_thread(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        def do() -> None:
            try:
                result = work()
            except (KDNetError, OSError) as error:
                reason = str(error)
                self._outcomes.put(lambda: self._failed(reason))
            else:
                self._outcomes.put(lambda: then(result))

        self.busy = True
        threading.Thread(target=do, name="kdnet deletion", daemon=True).start()
        self._timer.start()

    def _poll(self) -> None:
        try:
            outcome = self._outcomes.get_nowait()
        except queue.Empty:
            return
        self._timer.stop()
        outcome()
