"""Selection of the model, which follows the volume until the user selects one; without widgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from KDNetLib.ModelInfo import ModelInfo
from KDNetLib.ModelLibrary import current_file


class ModelSelection:
    """The available models, the selected one, and whether it is only a suggestion."""

    def __init__(self) -> None:
        self.models: tuple[ModelInfo, ...] = ()
        self.current: ModelInfo | None = None
        self._suggested = ""  # file name of the suggested model

    @property
    def index(self) -> int:
        """Position of the selected model, -1 if there is none."""
        return self.models.index(self.current) if self.current in self.models else -1

    @property
    def file(self) -> str:
        """File name of the selected model, empty if there is none."""
        return self.current.path.name if self.current else ""

    def titles(self) -> list[str]:
        """Return a distinct title for each model; the file name distinguishes models with the same title."""
        counts = Counter(model.title for model in self.models)
        return [model.title if counts[model.title] == 1 else f"{model.title} - {model.path.name}" for model in self.models]

    def refill(self, models: Sequence[ModelInfo], wanted: str = "", *, remembered: str = "") -> None:
        """Replace the list, and select the file ``wanted``, else the one selected before, else the first.

        Args:
            models: the available models.
            wanted: file name, for example from a scene; a former name of a shipped model is accepted.
            remembered: file name in the parameter node, empty if the scene holds no selection yet.
        """
        wanted, before = current_file(wanted), self.file
        self.models = tuple(models)
        files = [model.path.name for model in self.models]
        name = wanted or before
        self.current = self.models[files.index(name) if name in files else 0] if self.models else None
        if wanted in files:
            self._suggested = wanted if wanted == self._suggested else ""
        elif wanted or not remembered or before not in files:
            self._suggested = self.file

    def select(self, index: int) -> None:
        """Select a model on behalf of the user, who is not overruled later."""
        self.current = self.models[index] if 0 <= index < len(self.models) else None
        self._suggested = ""

    def follow(self, modalities: Iterable[str], remembered: str) -> bool:
        """Suggest the first model that takes just one of ``modalities``, in their order; keep the current one if it does.

        Args:
            modalities: what the volumes appear to be, the most likely input first; unknown ones are empty.
            remembered: file name in the parameter node.

        Returns:
            Whether another model is selected now; never if the user selected one.
        """
        if self.current is None or remembered not in ("", self._suggested):
            return False
        for modality in modalities:
            fitting = [model for model in self.models if model.modalities == (modality,)]
            if self.current in fitting:
                return False
            if fitting:
                self.current = fitting[0]
                self._suggested = self.file
                return True
        return False
