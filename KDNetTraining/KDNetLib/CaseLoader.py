"""Read the files of a case in a separate process, and load it into the scene."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kdnet.errors import KDNetError
from kdnet.foreign import reading

from KDNetLib.CaseNodes import LoadedCase, add_case
from KDNetLib.Command import Command, json_answer
from KDNetLib.PollTimer import PollTimer
from KDNetLib.TemporaryFolders import make_temporary_folder
from KDNetLib.Worker import Failure


@dataclass(frozen=True)
class CaseRequest:
    """A case to load.

    Attributes:
        data: data folder.
        case: case name.
        labels: label table as JSON values; the format's default when empty.
        labelmaps: files to overlay, by name.
        modalities: modalities to load; all when empty.
        background: modality that the slice views show; the first one when empty or missing.
    """

    data: Path
    case: str
    labels: Mapping[str, Any] = field(default_factory=dict)
    labelmaps: Mapping[str, Path] = field(default_factory=dict)
    modalities: tuple[str, ...] = ()
    background: str = ""


class CaseLoader:
    """Loads one case at a time: a process reads the files, then the nodes are added to the scene one by one.

    Args:
        onLoaded: called when everything is loaded.
        onFailed: called with the reason on failure.
    """

    def __init__(self, onLoaded: Callable[[LoadedCase], None], onFailed: Callable[[Failure], None]) -> None:
        self._onLoaded, self._onFailed = onLoaded, onFailed
        self._command: Command | None = None
        self._folder: Path | None = None
        self._steps: Iterator[LoadedCase | None] = iter(())
        self._timer = PollTimer(self._step)

    @property
    def busy(self) -> bool:
        """Whether a case is being loaded."""
        return self._folder is not None

    def load(self, request: CaseRequest) -> None:
        """Start loading; a load in progress is canceled."""
        self.cancel()
        self._folder = make_temporary_folder()
        arguments = ["case-files", str(request.data), request.case, "-o", str(self._folder)]
        if request.labels:
            arguments += ["--labels", json.dumps(request.labels)]
        if request.modalities:
            arguments += ["--modalities", ",".join(request.modalities)]
        for name, path in request.labelmaps.items():
            arguments += ["--labelmap", f"{name}={path}"]

        def read(answer: Mapping[str, Any]) -> None:
            self._read(answer, request.background)

        self._command = Command(arguments, read=json_answer, onFinished=read, onFailed=self._failed).start()

    def cancel(self) -> None:
        """Cancel loading; what is already in the scene stays."""
        self._timer.stop()
        if self._command is not None:
            self._command.cancel()
            self._command = None
        self._clean()

    def _read(self, answer: Mapping[str, Any], background: str) -> None:
        self._command = None
        self._steps = add_case(answer, background)
        self._timer.start()

    def _step(self) -> None:
        outcome: LoadedCase | Failure | None
        try:
            with reading("The case", "try again", KDNetError):
                outcome = next(self._steps)
        except KDNetError as error:
            outcome = Failure(str(error))
        if outcome is not None:
            self._timer.stop()
            self._clean()
            if isinstance(outcome, Failure):
                self._onFailed(outcome)
            else:
                self._onLoaded(outcome)

    def _failed(self, failure: Failure) -> None:
        self._command = None
        self._clean()
        self._onFailed(failure)

    def _clean(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
