"""Segment a validation case with a network's current weights, and load the result over the case."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kdnet.errors import KDNetError
from kdnet.schema.network_id import NetworkId
from KDNetLib.CaseLoader import CaseLoader, CaseRequest
from KDNetLib.CaseNodes import LoadedCase
from KDNetLib.Command import Command
from KDNetLib.TemporaryFolders import make_temporary_folder
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.Formatting import network_title
from KDNetTrainingLib.Logic import TrainingLogic
from KDNetTrainingLib.Runs import Run


class ValidationOverlay:
    """Computes and loads one overlay at a time.

    Args:
        logic: runs the network in a process of its own.
        onLoaded: called when case, reference, and overlay are in the scene.
        onFailed: called with the reason on failure.
    """

    def __init__(
        self, logic: TrainingLogic, onLoaded: Callable[[LoadedCase], None], onFailed: Callable[[Failure], None]
    ) -> None:
        self._logic, self._onLoaded, self._onFailed = logic, onLoaded, onFailed
        self._folder: Path | None = None
        self._command: Command | None = None
        self._loader = CaseLoader(self._loaded, self._failed)

    @property
    def busy(self) -> bool:
        """Whether an overlay is being computed or loaded."""
        return self._folder is not None

    def start(self, run: Run, network: NetworkId) -> None:
        """Segment a validation case with the current weights of ``network``; an overlay in progress is canceled."""
        self.cancel()
        self._folder = make_temporary_folder()
        self._command = self._logic.startPreview(
            run,
            network.key,
            self._folder / "labels.nii.gz",
            onFinished=lambda answer: self._load(run, network, answer),
            onFailed=self._failed,
        )

    def cancel(self) -> None:
        """Stop all processes; what is already in the scene stays."""
        if self._command is not None:
            self._command.cancel()
            self._command = None
        self._loader.cancel()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _load(self, run: Run, network: NetworkId, answer: Mapping[str, Any]) -> None:
        self._command = None
        title = _("{network}, step {step}").format(network=network_title(network), step=answer["step"])
        labelmaps = {title: Path(answer["labelmap"])}
        background = next(iter(network.modalities), "")
        try:
            data = self._logic.data_folder(run)
        except KDNetError as error:
            self._failed(Failure(str(error)))
            return
        self._loader.load(CaseRequest(data, str(answer["case"]), answer["labels"], labelmaps, background=background))

    def _loaded(self, case: LoadedCase) -> None:
        self.cancel()
        self._onLoaded(case)

    def _failed(self, failure: Failure) -> None:
        self._command = None
        self.cancel()
        self._onFailed(failure)
