"""What is to be adapted to which training cases; without widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import slicer
from kdnet.errors import KDNetError, SettingsError
from kdnet.schema.adaptation import FEWEST_PATIENTS
from kdnet.schema.collection import CollectionContent
from kdnet.schema.modalities import format_modalities
from KDNetLib.CollectionFolder import collection_text, query_collection, remembered_collection
from KDNetLib.Command import Command
from KDNetLib.ModelInfo import ModelInfo, read_model_info
from KDNetLib.Worker import Failure
from slicer.i18n import tr as _

from KDNetTrainingLib.AdaptationRequest import AdaptationRequest, adaptation_folder
from KDNetTrainingLib.Choices import Choices

SEGMENTATION_MODULE = "KDNetSegmentation"
FILE = "file"  # the choice of a model that is not in the library


class Adaptation:
    """Combines the choices of the scene with what the model file and the training cases say.

    Args:
        choices: the choices of the scene.
        onChanged: called when more is known about the training cases.

    Attributes:
        models: models of the library.
        content: the training cases; None while unknown.
    """

    def __init__(self, choices: Choices, onChanged: Callable[[], None]) -> None:
        self._choices, self._onChanged = choices, onChanged
        self.models: Sequence[ModelInfo] = ()
        self.content: CollectionContent | None = None
        self._listed: Path | None = None
        self._failure = ""
        self._query: Command | None = None

    @property
    def model(self) -> ModelInfo | None:
        """The chosen model; None if none is, or its file cannot be read."""
        chosen = self._choices.current
        if chosen.adaptModel != FILE:
            return next((model for model in self.models if model.path.name == chosen.adaptModel), None)
        try:
            return read_model_info(chosen.adaptModelFile) if _is_set(chosen.adaptModelFile) else None
        except KDNetError:
            return None

    @property
    def collection(self) -> Path | None:
        """The chosen folder of training cases."""
        folder = self._choices.current.adaptCollection
        return folder if _is_set(folder) else None

    def open(self) -> None:
        """Read the library again, list the training cases again, and complete the choices."""
        try:
            self.models = slicer.util.getModuleLogic(SEGMENTATION_MODULE).models()
        except RuntimeError:  # the module is not there
            self.models = ()
        chosen = self._choices.current
        if self.collection is None:
            chosen.adaptCollection = remembered_collection()
        known = [model.path.name for model in self.models]
        if chosen.adaptModel not in (*known, FILE):
            chosen.adaptModel = known[0] if known else FILE
        self._listed = None

    def listCases(self) -> None:
        """List the training cases, unless this was done before."""
        folder = self.collection
        if folder is None or folder == self._listed:
            return
        self.cancel()
        self._listed, self.content, self._failure = folder, None, ""
        self._query = query_collection(folder, self._finished, self._failed)

    def cancel(self) -> None:
        """Stop the process."""
        if self._query is not None:
            self._query.cancel()
            self._query = None

    def text(self) -> str:
        """Return what is known about the training cases, as sentences."""
        content = self.content
        if content is None or not content.cases:
            return self._failure
        modalities = sorted({name for case in content.cases for name in case.modalities})
        return f"{collection_text(content)} {format_modalities(modalities)}."

    def problem(self) -> str:
        """Return why nothing can be adapted; empty if something can."""
        model, content = self.model, self.content
        if model is None:
            if self._choices.current.adaptModel == FILE and _is_set(self._choices.current.adaptModelFile):
                return _("{file} is not a model file: choose another one.").format(
                    file=self._choices.current.adaptModelFile
                )
            return _("Choose a model.")
        if self.collection is None:
            return _("Choose the folder of the training cases.")
        if content is None:
            return self._failure or _("The training cases are being listed.")
        return self._problem_with(content, model)

    def request(self) -> AdaptationRequest:
        """Return the request for the current choices.

        Raises:
            SettingsError: when something is missing or invalid.
        """
        problem, model, folder = self.problem(), self.model, self.collection
        if problem or model is None or folder is None:
            raise SettingsError(problem)
        chosen = self._choices.current
        run = adaptation_folder(chosen.runsFolder, folder, model.path)
        return AdaptationRequest(
            model.path,
            folder,
            run / f"{model.path.stem} adapted.safetensors",
            run=run,
            unlabeled=chosen.adaptUnlabeled if _is_set(chosen.adaptUnlabeled) else None,
            minutes=chosen.adaptMinutes,
            force=chosen.adaptForce,
            device=chosen.device or "auto",
            threads=chosen.threads,
        )

    def _problem_with(self, content: CollectionContent, model: ModelInfo) -> str:
        usable = [case for case in content.cases if set(model.modalities) <= set(case.modalities)]
        if not content.cases:
            text = _("{folder} has no training cases: add some in KDNetSegmentation.")
            return text.format(folder=content.root)
        if not usable:
            text = _("The model needs {modalities}, which no training case has: choose another model.")
            return text.format(modalities=format_modalities(model.modalities))
        if len({case.patient for case in usable}) < FEWEST_PATIENTS and not self._choices.current.adaptForce:
            return _(
                "All cases are of one patient, so nobody could tell whether the model gets better: add a case of another"
                " patient, or check the box below."
            )
        return ""

    def _finished(self, content: CollectionContent) -> None:
        self._query, self.content = None, content
        self._onChanged()

    def _failed(self, failure: Failure) -> None:
        self._query, self._failure = None, failure.message
        self._onChanged()


def _is_set(path: Path) -> bool:
    return str(path) not in ("", ".")  # an unset path reads as "."
