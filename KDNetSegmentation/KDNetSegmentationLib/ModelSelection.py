"""Selection of the model, which follows the volume until the user selects one; without widgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from kdnet.schema.former_names import current_file
from KDNetLib.ModelInfo import ModelInfo

from KDNetSegmentationLib.ModelRanking import ScanKind, best_model, rank


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
        """Replace the list, and select the file ``wanted``, else the one selected before, else the best.

        Args:
            models: the available models.
            wanted: file name, for example from a scene; a former name of a shipped model is accepted.
            remembered: file name in the parameter node, empty if the scene holds no selection yet.
        """
        wanted, before = current_file(wanted), self.file
        self.models = tuple(models)
        files = [model.path.name for model in self.models]
        name = wanted or before
        self.current = self.models[files.index(name)] if name in files else max(self.models, key=rank, default=None)
        if wanted in files:
            self._suggested = wanted if wanted == self._suggested else ""
        elif wanted or not remembered or before not in files:
            self._suggested = self.file

    def select(self, index: int) -> None:
        """Select a model on behalf of the user, who is not overruled later."""
        self.current = self.models[index] if 0 <= index < len(self.models) else None
        self._suggested = ""

    def follow(self, scans: Iterable[ScanKind], remembered: str) -> bool:
        """Suggest the best model for one of ``scans``, the first of them breaking ties.

        Args:
            scans: what the volumes appear to be, the most likely input first.
            remembered: file name in the parameter node.

        Returns:
            Whether another model is selected now; never if the user selected one.
        """
        if self.current is None or not self.isSuggestion(remembered):
            return False
        best = best_model(self.models, scans)
        if best is None or best is self.current:
            return False
        self.current = best
        self._suggested = self.file
        return True

    def isSuggestion(self, remembered: str) -> bool:
        """Return whether the selected model is only a suggestion.

        Args:
            remembered: file name in the parameter node.
        """
        return remembered in ("", self._suggested)
