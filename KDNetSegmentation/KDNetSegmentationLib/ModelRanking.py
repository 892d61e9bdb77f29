"""Which model fits a scan, and which of those that fit is best; without a scene."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from KDNetLib.ModelInfo import ModelInfo

TUMOR_REGIONS = frozenset({"ET", "TC", "WT"})

ENOUGH_CASES = 10
"""From so many test cases on, the mean Dice decides between two models."""


@dataclass(frozen=True)
class ScanKind:
    """What a scan appears to be.

    Attributes:
        modality: such as ``"t1ce"``; empty if unknown.
        synthetic: whether it is a phantom instead of a patient.
    """

    modality: str = ""
    synthetic: bool = False


def suits(model: ModelInfo, scan: ScanKind) -> bool:
    """Return whether a model may be suggested for a scan: its modality, the same kind of data, and the same body part."""
    return model.modalities == (scan.modality,) and model.synthetic == scan.synthetic and finds_tumors(model)


def finds_tumors(model: ModelInfo) -> bool:
    """Return whether a model segments brain tumors, judging by its regions and labels; others are the user's choice."""
    regions = {region.name for region in model.labels.regions}
    return bool(regions & TUMOR_REGIONS) or any("tumor" in label.name.casefold() for label in model.labels.labels)


def rank(model: ModelInfo) -> tuple[bool, bool, bool, int, float]:
    """Return what sorts models, the best last.

    Kind of lesion, real data before synthetic, one scan before several, test cases up to enough, mean Dice.
    """
    dice = model.dice
    return (
        finds_tumors(model),
        not model.synthetic,
        len(model.modalities) == 1,
        min(model.testedCases, ENOUGH_CASES),
        sum(dice.values()) / len(dice) if dice else 0.0,
    )


def best_model(models: Sequence[ModelInfo], scans: Iterable[ScanKind]) -> ModelInfo | None:
    """Return the best model for one of the scans; the earlier of two scans, then of two models, breaks ties."""
    fitting = [model for scan in scans for model in models if suits(model, scan)]
    return max(fitting, key=rank, default=None)
