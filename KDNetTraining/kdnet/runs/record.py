"""The record of a run: its events and files, written by one process, and nothing at all in the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from kdnet.errors import KDNetError
from kdnet.runs.events import EventKind, EventWriter
from kdnet.runs.folder import RunFolder
from kdnet.schema.interruption import Interrupted, Stop, StopMode


class RunRecord:
    """The record in the process that writes.

    Args:
        folder: the run folder, open for writing.
        events: its events.
    """

    def __init__(self, folder: RunFolder, events: EventWriter) -> None:
        self._folder, self._events = folder, events

    def write(self, event: EventKind, network: str = "", **values: Any) -> None:
        """Record one event.

        Raises:
            RunFolderError: if the disk is full.
        """
        self._events.write(event, network, **values)

    def keep(self, write: Callable[[], object]) -> None:
        """Call ``write``, which writes files of the run."""
        write()

    def stopped(self, error: BaseException) -> None:
        """Record why the run ended early, and with which intent if it was asked to."""
        values = {"reason": str(error) or type(error).__name__}
        stop = _stop_of(error)
        if stop is not None:
            values["intent"] = stop.mode.value
        self._folder.reserve.unlink(missing_ok=True)  # makes room for the last event, however full the disk
        with suppress(KDNetError):
            self._events.write(EventKind.STOPPED, **values)


class NoRecord(RunRecord):
    """The record in a process that does not write: nothing happens."""

    def __init__(self) -> None:
        pass

    def write(self, event: EventKind, network: str = "", **values: Any) -> None:
        """Drop the event."""

    def keep(self, write: Callable[[], object]) -> None:
        """Leave the files to the process that writes."""

    def stopped(self, error: BaseException) -> None:
        """Leave the reason to the process that writes."""


@contextmanager
def open_record(folder: RunFolder, request: Mapping[str, Any], *, writes: bool) -> Iterator[RunRecord]:
    """Start or continue the record of a run.

    Args:
        folder: the run folder.
        request: the study request as plain JSON values.
        writes: whether this is the process that writes.

    Raises:
        RunFolderError: if the folder belongs to another request, a newer version, or something else.
    """
    if not writes:
        yield NoRecord()
        return
    folder.begin(dict(request))
    events = EventWriter(folder.events)
    try:
        yield RunRecord(folder, events)
    finally:
        events.close()


def _stop_of(error: BaseException) -> Stop | None:
    if isinstance(error, Interrupted):
        return error.stop
    return Stop(StopMode.PAUSE) if isinstance(error, KeyboardInterrupt) else None
