"""Which model fits the scans of a patient, and which of those that fit is best; without a scene."""

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
        patient: what identifies its patient; empty if unknown.
    """

    modality: str = ""
    synthetic: bool = False
    patient: str = ""


def suits(model: ModelInfo, scan: ScanKind) -> bool:
    """Return whether a model may be suggested for a scan: its modality, the same kind of data, and the same body part."""
    return model.modalities == (scan.modality,) and model.synthetic == scan.synthetic and finds_tumors(model)


def suits_together(model: ModelInfo, scans: Sequence[ScanKind]) -> bool:
    """Return whether a model of several scans may be suggested: all of them are there, and known to be of one patient."""
    first = scans[0] if scans else ScanKind()
    if len(model.modalities) < 2 or not first.patient or not finds_tumors(model):
        return False
    own = [scan for scan in scans if (scan.patient, scan.synthetic) == (first.patient, model.synthetic)]
    return not set(model.modalities) - {scan.modality for scan in own}


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
    """Return the best model for one of the scans, or for several of them together.

    The earlier of two scans, then of two models, breaks ties.
    """
    scans = list(scans)
    fitting = [model for scan in scans for model in models if suits(model, scan)]
    fitting += [model for model in models if suits_together(model, scans)]
    return max(fitting, key=_accuracy, default=None)


def _accuracy(model: ModelInfo) -> tuple[bool, int, float]:
    """Return what sorts models whose scans are all there, the best last: as :func:`rank`, but any number of scans."""
    tumors, real, _one_scan, cases, dice = rank(model)
    return tumors and real, cases, dice
