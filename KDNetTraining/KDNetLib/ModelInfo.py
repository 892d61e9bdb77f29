"""The metadata of a model file, read from its header alone.

No torch is needed, because panels list models before any package is installed. Weights are validated by the worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kdnet.errors import ModelFileError
from kdnet.foreign import reading
from kdnet.schema.modalities import format_modalities
from kdnet.schema.model_header import parse_header, read_header_text

if TYPE_CHECKING:
    from kdnet.schema.labels import LabelTable

SYNTHETIC = "phantom"  # format of the training data of such models


@dataclass(frozen=True)
class ModelInfo:
    """The metadata of a model file.

    Attributes:
        path: the file.
        name: display name.
        role: ``"student"``, ``"baseline"`` or ``"teacher"``.
        modalities: required modalities, in channel order.
        labels: labels that it segments.
        spacing: spacing of its grid in mm.
        figures: performance figures.
        trainingData: training data.
        intendedUse: intended use.
        limits: known limitations.
        license: license terms.
        bundled: whether it ships with the extension and cannot be removed.
    """

    path: Path
    name: str
    role: str
    modalities: tuple[str, ...]
    labels: LabelTable
    spacing: tuple[float, ...]
    figures: Mapping[str, Any] = field(default_factory=dict)
    trainingData: Mapping[str, Any] = field(default_factory=dict)
    intendedUse: str = ""
    limits: str = ""
    license: str = ""
    bundled: bool = False

    @property
    def title(self) -> str:
        """Name and required modalities in one line, for a list."""
        return f"{self.name} ({format_modalities(self.modalities)})"

    @property
    def synthetic(self) -> bool:
        """Whether the model was trained on synthetic heads, so that it finds nothing useful in a patient."""
        return self.trainingData.get("format") == SYNTHETIC

    @property
    def testedCases(self) -> int:
        """Number of test cases behind its figures; 0 if it was not tested."""
        count = self.figures.get("test_cases", 0)
        return count if isinstance(count, int) and self.figures.get("dice") else 0

    @property
    def dice(self) -> Mapping[str, float]:
        """Mean Dice by region of the test cases, else of the validation cases; empty if neither is known."""
        for key in ("dice", "validation_dice"):
            dice = self.figures.get(key)
            if isinstance(dice, Mapping) and dice and all(isinstance(value, int | float) for value in dice.values()):
                return dice
        return {}


def read_model_info(path: Path, *, bundled: bool = False) -> ModelInfo:
    """Read the header of a model file.

    Raises:
        ModelFileError: if it is not a model file.
    """
    from kdnet.schema.labels import LabelTable  # noqa: PLC0415 - needs numpy

    card = parse_header(path, read_header_text(path)).card
    with reading(f"the model card of {path}", "choose another model file or copy it again", ModelFileError):
        return ModelInfo(
            path=path,
            name=str(card["name"]),
            role=str(card["role"]),
            modalities=tuple(card["modalities"]),
            labels=LabelTable.from_json(card["labels"]),
            spacing=tuple(float(step) for step in card["preprocessing"]["spacing"]),
            figures=dict(card["figures"]),
            trainingData=dict(card["training_data"]),
            intendedUse=str(card.get("intended_use", "")),
            limits=str(card.get("limits", "")),
            license=str(card["license"]),
            bundled=bundled,
        )


def is_model_file(path: str | Path) -> bool:
    """Return whether a file is a model file, judging by its header."""
    try:
        read_model_info(Path(path))
    except (ModelFileError, OSError):
        return False
    return True
