"""Published results for comparison with a study on BraTS.

Mean Dice in % on BraTS 2018, one test split, averaged over WT, TC and ET: table 1 of S. Wang et al., "Prototype knowledge
distillation for medical segmentation with missing modality", ICASSP 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TEACHER = 80.93

BASELINES = {"t1": 58.77, "t2": 64.91, "t1ce": 73.69, "flair": 62.07}

METHODS = {
    "KD-Net": {"t1": 57.72, "t2": 62.05, "t1ce": 76.74, "flair": 62.01},
    "PMKL": {"t1": 58.98, "t2": 65.34, "t1ce": 74.32, "flair": 62.56},
    "ProtoKD": {"t1": 63.07, "t2": 65.82, "t1ce": 77.39, "flair": 64.17},
}

REGIONS = {"ET", "TC", "WT"}

SOURCE = "Wang et al., ICASSP 2023, table 1 (BraTS 2018, 285 cases, one split)"

CAVEAT = (
    "Data, split, resolution and budget differ from those of this study: compare shares with care, and Dice not at all."
)


@dataclass(frozen=True)
class PublishedRecovery:
    """Gap recovery of a published method for students of one modality, mean over regions."""

    method: str
    modality: str
    share: float


def published_recoveries(modality: str, regions: Sequence[str]) -> tuple[PublishedRecovery, ...]:
    """Return published gap recoveries for students of ``modality``; those for T1ce if there are none for it.

    Empty when ``regions`` are not those of BraTS.

    Example:
        >>> [(item.method, round(item.share, 2)) for item in published_recoveries("t1ce", ("ET", "TC", "WT"))]
        [('KD-Net', 0.42), ('PMKL', 0.09), ('ProtoKD', 0.51)]
    """
    if set(regions) != REGIONS:
        return ()
    known = modality if modality in BASELINES else "t1ce"
    gap = TEACHER - BASELINES[known]
    return tuple(
        PublishedRecovery(method, known, (dice[known] - BASELINES[known]) / gap) for method, dice in METHODS.items()
    )
