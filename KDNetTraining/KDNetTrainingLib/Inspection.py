"""Inspect a data folder and report the cases line by line while the inspection runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdnet.errors import KDNetError
from kdnet.foreign import parse_message, reading
from KDNetLib.Command import Command, failure_message
from KDNetLib.Worker import Failure


@dataclass(frozen=True)
class CaseLine:
    """A case as the table shows it.

    Attributes:
        name: case name.
        modalities: modalities of the case.
        shape, spacing: of its images, empty when none can be read.
        labels: values in its reference.
        problems: messages with remedies; empty for a usable case.
    """

    name: str
    modalities: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    spacing: tuple[float, ...] = ()
    labels: tuple[int, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Summary:
    """The data set as a whole.

    Attributes:
        format: of the folder, for example ``"BraTS"``.
        modalities: in channel order.
        labels: label table suggested by the format, as JSON values.
        folds: folds defined by the data; empty if there are none.
        notes: remarks on the data as a whole, in sentences.
    """

    format: str
    modalities: tuple[str, ...]
    labels: Mapping[str, Any] = field(default_factory=dict)
    folds: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


class Inspection:
    """Inspects a folder in a separate process.

    Args:
        folder: data folder.
        labels: in the syntax of ``kdnet``.
        onCase: called with a case, its number from 1, and the total number.
        onFinished: called with the summary.
        onFailed: called with the reason.
    """

    def __init__(
        self,
        folder: Path,
        labels: str = "auto",
        *,
        onCase: Callable[[CaseLine, int, int], None] = lambda _case, _index, _total: None,
        onFinished: Callable[[Summary], None] = lambda _summary: None,
        onFailed: Callable[[Failure], None] = lambda _failure: None,
    ) -> None:
        self._onCase, self._finished, self._failed = onCase, onFinished, onFailed
        self._summary: Summary | None = None
        self._notes: list[str] = []
        self.command = Command(
            ["inspect", str(folder), "--jsonl", "--labels", labels],
            onLine=self._line,
            onNote=self._notes.append,
            onFinished=lambda _answer: self._end(),
            onFailed=onFailed,
            accepted=(0, 1),  # 1 means that some case has a problem
        )

    def _line(self, line: str) -> None:
        content = parse_message(line)
        if content is None:
            return  # printed by a library
        try:
            with reading("A line of the inspection", "report it", KDNetError):
                if "name" in content:
                    case, index, total = read_case(content), int(content["index"]), int(content["total"])
                else:
                    self._summary = read_summary(content)
                    return
        except KDNetError as error:
            self._notes.append(str(error))
            return
        self._onCase(case, index, total)

    def _end(self) -> None:
        if self._summary is not None:
            self._finished(self._summary)
        else:  # Python's exit code after an exception equals that for a data set with problems
            self._failed(Failure(failure_message(1, self._notes), "\n".join(self._notes)))


def read_case(content: Mapping[str, Any]) -> CaseLine:
    """Read a case from its JSON."""
    return CaseLine(
        name=str(content["name"]),
        modalities=tuple(content.get("modalities", ())),
        shape=tuple(content.get("shape", ())),
        spacing=tuple(content.get("spacing", ())),
        labels=tuple(content.get("labels", ())),
        problems=tuple(content.get("problems", ())),
    )


def read_summary(content: Mapping[str, Any]) -> Summary:
    """Read the summary from its JSON."""
    return Summary(
        format=str(content.get("format", "")),
        modalities=tuple(content.get("modalities", ())),
        labels=content.get("labels") or {},
        folds=tuple(content.get("folds") or ()),
        notes=tuple(map(str, content.get("notes") or ())),
    )
