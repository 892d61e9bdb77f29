"""One process records a run; in the others the record does nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from kdnet.errors import KDNetError
from kdnet.runs.events import EventKind, read_events
from kdnet.runs.folder import RunFolder
from kdnet.runs.record import open_record
from kdnet.schema.interruption import Interrupted, Stop, StopMode


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Interrupted(Stop(StopMode.STOP)), {"reason": "stopped", "intent": "stop"}),
        (Interrupted(Stop(StopMode.PAUSE, "SIGTERM")), {"reason": "paused by SIGTERM", "intent": "pause"}),
        (KeyboardInterrupt(), {"reason": "KeyboardInterrupt", "intent": "pause"}),
        (KDNetError("stopped by SIGINT, says a file name"), {"reason": "stopped by SIGINT, says a file name"}),
    ],
    ids=str,
)
def test_the_end_is_recorded_with_its_intent(tmp_path: Path, error: BaseException, expected: dict[str, str]) -> None:
    folder = RunFolder(tmp_path)
    with open_record(folder, {}, writes=True) as record:
        record.write(EventKind.WARNING, text="a")
        record.keep((tmp_path / "file").touch)
        record.stopped(error)
    events = read_events(folder.events)[0]
    assert [event.event for event in events] == [EventKind.WARNING, EventKind.STOPPED]
    assert events[-1].values == expected
    assert (tmp_path / "file").exists()


def test_another_process_writes_nothing(tmp_path: Path) -> None:
    with open_record(RunFolder(tmp_path), {}, writes=False) as record:
        record.write(EventKind.STARTED, pid=1)
        record.keep((tmp_path / "file").touch)
        record.stopped(KeyboardInterrupt())
    assert not list(tmp_path.iterdir())
