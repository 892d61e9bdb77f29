"""What the inspection of a data folder tells, line by line, while it goes on."""

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
        name: of the case.
        modalities: that it has.
        shape, spacing: of its images, empty when none can be read.
        labels: values in its reference.
        problems: sentences with remedies; empty for a usable case.
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
        labels: label table that the format suggests, as JSON values.
        folds: that the data gives; empty when it gives none.
        notes: about the data as a whole, in sentences.
    """

    format: str
    modalities: tuple[str, ...]
    labels: Mapping[str, Any] = field(default_factory=dict)
    folds: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


class Inspection:
    """Inspects a folder in a process of its own.

    Args:
        folder: with the data.
        labels: as ``kdnet`` takes them.
        onCase: called with a case, its number from 1 on, and the number of all.
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
            accepted=(0, 1),  # 1 tells that some case has a problem
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
        else:  # Python's exit code after an exception is that of a data set with problems
            self._failed(Failure(failure_message(1, self._notes), "\n".join(self._notes)))


def read_case(content: Mapping[str, Any]) -> CaseLine:
    """A case from its JSON."""
    return CaseLine(
        name=str(content["name"]),
        modalities=tuple(content.get("modalities", ())),
        shape=tuple(content.get("shape", ())),
        spacing=tuple(content.get("spacing", ())),
        labels=tuple(content.get("labels", ())),
        problems=tuple(content.get("problems", ())),
    )


def read_summary(content: Mapping[str, Any]) -> Summary:
    """The summary from its JSON."""
    return Summary(
        format=str(content.get("format", "")),
        modalities=tuple(content.get("modalities", ())),
        labels=content.get("labels") or {},
        folds=tuple(content.get("folds") or ()),
        notes=tuple(map(str, content.get("notes") or ())),
    )
