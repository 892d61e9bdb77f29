"""Inspect a data folder and report the cases line by line while the inspection runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from kdnet.errors import KDNetError
from kdnet.foreign import parse_message, reading
from kdnet.schema.case_report import CaseReport, DatasetReport
from KDNetLib.Command import Command, failure_message
from KDNetLib.Worker import Failure


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
        onCase: Callable[[CaseReport, int, int], None] = lambda _case, _index, _total: None,
        onFinished: Callable[[DatasetReport], None] = lambda _summary: None,
        onFailed: Callable[[Failure], None] = lambda _failure: None,
    ) -> None:
        self._onCase, self._finished, self._failed = onCase, onFinished, onFailed
        self._summary: DatasetReport | None = None
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
                    case, index, total = CaseReport.from_json(content), int(content["index"]), int(content["total"])
                else:
                    self._summary = DatasetReport.from_json(content)
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
