"""events.jsonl: the append-only record of a run and its only progress channel.

The command line's bars, the Slicer panel and a remote viewer all read this file; nothing else reports progress. One
JSON object a line. Every event has ``time`` (seconds since 1970), ``event`` (an :class:`EventKind`) and ``network``
(the path of the network inside the run, such as ``"fold0/seed0/teacher"``, or an empty string for the whole study).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any


class EventKind(StrEnum):
    """What happened, with the values that the event carries."""

    STUDY_STARTED = "study_started"  # networks: list of paths in order, steps: steps per network
    PREPARATION = "preparation"  # what, done, total
    LEFT_OUT = "left_out"  # case, reason
    NETWORK_STARTED = "network_started"  # step, steps, precision: that was settled
    STEP = "step"  # step, steps, losses {total, gt, kd, latent}, learning_rate, seconds_left
    VALIDATION = "validation"  # step, loss, dice {region: mean}
    NETWORK_FINISHED = "network_finished"  # step, model: path in the run folder, seconds
    EVALUATION = "evaluation"  # case, done, total
    STOPPED = "stopped"  # reason
    STUDY_FINISHED = "study_finished"  # report: path in the run folder


@dataclass(frozen=True)
class Event:
    """One line of events.jsonl."""

    time: float
    event: EventKind
    network: str
    values: Mapping[str, Any]


class EventWriter:
    """Appends events to a file; each line is written whole and flushed.

    A partial last line, left by a killed process, is removed when the file is opened.
    """

    def __init__(self, path: Path) -> None:
        _drop_partial_line(path)
        self._stream = path.open("a", encoding="utf-8")

    def write(self, event: EventKind, network: str = "", **values: Any) -> None:
        """Append one event with the current time."""
        line = json.dumps({"time": round(time.time(), 3), "event": event.value, "network": network, **values})
        self._stream.write(line + "\n")
        self._stream.flush()

    def close(self) -> None:
        """Close the file; no event can be written afterwards."""
        self._stream.close()


def read_events(path: Path, offset: int = 0) -> tuple[list[Event], int]:
    """Read whole lines from byte ``offset`` on; return the events and the offset for the next call.

    A line that a writer has not finished yet is left for the next call. Reading this way follows a running training.
    """
    if not path.exists():
        return [], 0
    with path.open("rb") as stream:
        stream.seek(offset)
        content = stream.read()
    whole = content[: content.rfind(b"\n") + 1]
    return [_parse(line) for line in whole.splitlines() if line], offset + len(whole)


def effective(events: list[Event]) -> Iterator[Event]:
    """Leave out steps that a resumed training did again: of two events for one step of a network the later counts."""
    latest: dict[tuple[str, str, int], int] = {}
    for index, event in enumerate(events):
        if "step" in event.values:
            latest[event.network, event.event, int(event.values["step"])] = index
    for index, event in enumerate(events):
        if "step" not in event.values or latest[event.network, event.event, int(event.values["step"])] == index:
            yield event


def _parse(line: bytes) -> Event:
    content = json.loads(line)
    kind = EventKind(content.pop("event"))
    return Event(float(content.pop("time")), kind, str(content.pop("network")), content)


def _drop_partial_line(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb+") as stream:
        content = stream.read()
        stream.truncate(content.rfind(b"\n") + 1)
