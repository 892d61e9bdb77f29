"""events.jsonl: the append-only record of a run and its only progress channel.

The command line's progress bars, the Slicer panel and a remote viewer read this file; nothing else reports progress. One
JSON object per line. Every event has ``time`` (seconds since 1970), ``event`` (an :class:`EventKind`) and ``network``
(the ``id`` of one of the networks that ``study_started`` lists, or an empty string for the whole study).
"""

from __future__ import annotations

import errno
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from kdnet.errors import RunFolderError
from kdnet.runs.planned_networks import Networks, are_networks, parse_networks
from kdnet.schema.former_names import EVENTS, LOSSES, renamed


class EventKind(StrEnum):
    """Kinds of events, with the values that each carries."""

    STARTED = "started"  # pid: a process starts or continues the run
    WAITING = "waiting"  # runs: folders of the runs waited for
    WARNING = "warning"  # text: a deviation from the request
    STUDY_STARTED = "study_started"  # networks: list of NetworkId in order, labels, teacher: modalities, steps: per network
    PREPARATION = "preparation"  # what, done, total
    EXCLUDED = "excluded"  # case, reason
    NETWORK_STARTED = "network_started"  # step, steps, precision: the one in use
    STEP = "step"  # step, steps, losses (by the names of LossTerms), learning_rate, seconds_left, study_seconds_left
    VALIDATION = "validation"  # step, loss, dice {region: mean}
    NETWORK_FINISHED = "network_finished"  # step, model: path in the run folder, seconds
    EVALUATION = "evaluation"  # case, done, total, study_seconds_left
    STOPPED = "stopped"  # reason, intent: "pause" or "stop", absent after an error
    STUDY_FINISHED = "study_finished"  # report: path in the run folder


@dataclass(frozen=True)
class Event:
    """One line of events.jsonl."""

    time: float
    event: EventKind
    network: str
    values: Mapping[str, Any]


class EventLog(Protocol):
    """Receives the events of a run."""

    def write(self, event: EventKind, network: str = "", **values: Any) -> None:
        """Record one event."""


class NoEvents:
    """An :class:`EventLog` that keeps nothing."""

    def write(self, event: EventKind, network: str = "", **values: Any) -> None:
        """Drop the event."""


NO_EVENTS = NoEvents()


class EventWriter:
    """Appends events to a file; each line is written completely and flushed.

    A partial last line left by a killed process is removed when the file is opened.

    Raises:
        RunFolderError: if the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            _drop_partial_line(path)
            self._stream = path.open("ab", buffering=0)  # a buffer would later write data that a full disk rejected
        except OSError as error:
            raise self._refusal(error) from error

    def write(self, event: EventKind, network: str = "", **values: Any) -> None:
        """Append one event with the current time.

        Raises:
            RunFolderError: if the disk is full; the file then ends with the previous event.
        """
        content = {"time": round(time.time(), 3), "event": event.value, "network": network, **values}
        line = json.dumps(content, allow_nan=False)
        whole = line.encode() + b"\n"
        before = self._stream.seek(0, os.SEEK_END)
        try:
            if self._stream.write(whole) != len(whole):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._stream.truncate(before)
            raise self._refusal(error) from error

    def close(self) -> None:
        """Close the file; no event can be written afterwards."""
        self._stream.close()

    def _refusal(self, error: OSError) -> RunFolderError:
        reason = error.strerror or str(error)
        return RunFolderError(f"{self._path} cannot be written ({reason}): free some space, then resume the run.")


def read_events(path: Path, offset: int = 0, most_bytes: int = -1) -> tuple[list[Event], int]:
    """Read complete lines from byte ``offset``; return the events and the offset for the next call.

    An unfinished line is left for the next call, so that repeated calls follow a running training.
    Event kinds of newer versions and lines damaged by a crash are skipped. A file
    shorter than ``offset`` was restarted and is read from its start. ``most_bytes`` limits the bytes read per call,
    so that an interactive reader can process a long record in small pieces.
    """
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read ({error.strerror}): check it, or choose another run.") from error
    with stream:
        if stream.seek(0, os.SEEK_END) < offset:
            offset = 0
        stream.seek(offset)
        content = stream.read(most_bytes)
    whole = content[: content.rfind(b"\n") + 1]
    events = (_parse(line) for line in whole.split(b"\n") if line)
    return [event for event in events if event is not None], offset + len(whole)


def planned_networks(events: Iterable[Event]) -> Networks:
    """Return the networks that the last ``study_started`` among ``events`` lists, by their names in events."""
    networks: Networks = {}
    for event in events:
        if event.event is EventKind.STUDY_STARTED:
            networks = parse_networks(event.values.get("networks", []))
    return networks


def effective(events: list[Event]) -> Iterator[Event]:
    """Drop steps that a resumed training repeated: of two events for one step of a network, the later one counts."""
    latest: dict[tuple[str, str, int], int] = {}
    for index, event in enumerate(events):
        if "step" in event.values:
            latest[event.network, event.event, int(event.values["step"])] = index
    for index, event in enumerate(events):
        if "step" not in event.values or latest[event.network, event.event, int(event.values["step"])] == index:
            yield event


def _parse(line: bytes) -> Event | None:
    try:
        content = json.loads(line)
        kind = content.pop("event")
        kind = EventKind(EVENTS.get(kind, kind))
        if isinstance(content.get("losses"), dict):
            content["losses"] = renamed(content["losses"], LOSSES)
        event = Event(float(content.pop("time")), kind, str(content.pop("network")), content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None
    return event if _is_sound(event) else None


def _is_sound(event: Event) -> bool:
    """Check whether the values that readers use have the right types; a damaged line may still be JSON."""
    values = event.values
    return REQUIRED.get(event.event, frozenset()) <= values.keys() and all(
        check(values[name]) for name, check in KINDS.items() if name in values
    )


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 53


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < 1e300  # neither NaN nor infinite


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _are_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


def _is_number_or_none(value: Any) -> bool:
    return value is None or _is_number(value)


KINDS: Mapping[str, Callable[[Any], bool]] = MappingProxyType(
    {
        **dict.fromkeys(("step", "steps", "done", "total"), _is_count),
        "networks": are_networks,
        **dict.fromkeys(("runs", "teacher"), _are_texts),
        **dict.fromkeys(("losses", "dice"), _are_numbers),
        **dict.fromkeys(("seconds", "cpu_seconds"), _is_number),
        **dict.fromkeys(("seconds_left", "study_seconds_left"), _is_number_or_none),
        **dict.fromkeys(("case", "reason", "text", "report"), _is_text),
    }
)
"""Value of an event to what it must be, in whichever event it is."""

REQUIRED: Mapping[EventKind, frozenset[str]] = MappingProxyType(
    {
        EventKind.EXCLUDED: frozenset({"case", "reason"}),
        EventKind.STEP: frozenset({"step"}),
        EventKind.VALIDATION: frozenset({"step"}),
    }
)


def _drop_partial_line(path: Path) -> None:
    if not path.exists():
        return
    with path.open("rb+") as stream:
        content = stream.read()
        stream.truncate(content.rfind(b"\n") + 1)
