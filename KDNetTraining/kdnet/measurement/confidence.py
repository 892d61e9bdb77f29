"""Judge lesions by how certain the network is of them, and set doubtful ones apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kdnet.data.volumes.grid import Volume
from kdnet.measurement.parts import Part, connected_parts
from kdnet.schema.formatting import plural
from kdnet.schema.labels import LabelTable
from kdnet.schema.lesion_confidence import PEAK_ML, LesionConfidence


@dataclass(frozen=True, eq=False)
class Judged:
    """A labelmap whose lesions have been judged.

    Attributes:
        labelmap: uint8, without the doubtful lesions.
        dropped: the labels of the doubtful lesions, 0 elsewhere; uint8 ``[i, j, k]``.
        doubtful: their volumes in mL.
        parts: all lesions.
        kept: those that are not doubtful.
    """

    labelmap: Volume
    dropped: NDArray[np.uint8]
    doubtful: tuple[float, ...]
    parts: tuple[Part, ...]
    kept: tuple[Part, ...]

    @property
    def sentence(self) -> str:
        """What was removed, without a remedy; empty if nothing was."""
        if not self.doubtful:
            return ""
        count, total = len(self.doubtful), sum(self.doubtful)
        parts = plural(count, "{count} doubtful lesion", "{count} doubtful lesions")
        if not self.labelmap.voxels.any():
            return f"Nothing certain was found: {parts} ({total:.1f} mL) removed, about which the model is rarely right"
        return f"{parts} ({total:.1f} mL) removed, about which the model is rarely right"


def peaks(part: Part, maps: Mapping[str, NDArray[np.generic]], voxel_ml: float) -> dict[str, float]:
    """Return how certain the network is of a part by region: the mean probability in its most certain part, 0 to 1.

    Args:
        part: the part.
        maps: by region, its probability ``[i, j, k]`` in percent.
        voxel_ml: volume of a voxel.
    """
    return {name: peak(scores[part.box][part.mask], voxel_ml) for name, scores in maps.items()}


def peak(percent: NDArray[np.generic], voxel_ml: float) -> float:
    """Return the mean probability, 0 to 1, of the voxels with the highest ones that fill :data:`PEAK_ML`.

    Args:
        percent: probabilities of the voxels of a lesion in percent, in any order.
        voxel_ml: volume of a voxel.

    Example:
        >>> peak(np.array([90, 10, 70]), 0.5)
        0.8
    """
    count = min(max(1, round(PEAK_ML / voxel_ml)), percent.size)
    highest = np.partition(percent, percent.size - count)[percent.size - count :]
    return float(highest.mean()) / 100


def judge(labelmap: Volume, labels: LabelTable, maps: Mapping[str, Volume], confidence: LesionConfidence) -> Judged:
    """Remove the doubtful lesions of a labelmap.

    Args:
        labelmap: labels ``[i, j, k]``.
        labels: their meaning.
        maps: by region, its probability in percent, right within labels at least.
        confidence: of the model.
    """
    voxels = np.asarray(labelmap.voxels)
    region = next(region for region in labels.regions if region.name == confidence.region)
    scores = {name: np.asarray(maps[name].voxels) for name in confidence.weights}
    voxel_ml = labelmap.grid.voxel_ml
    parts = connected_parts(voxels, region, voxel_ml)
    certain: list[Part] = []
    doubtful: list[Part] = []
    for part in parts:
        is_certain = confidence.of(peaks(part, scores, voxel_ml)) >= confidence.limit
        (certain if is_certain else doubtful).append(part)
    kept, dropped = voxels.copy(order="K") if doubtful else voxels, np.zeros_like(voxels)
    for part in doubtful:
        dropped[part.box][part.mask] = voxels[part.box][part.mask]
        kept[part.box][part.mask] = 0
    return Judged(
        Volume(kept, labelmap.grid, labelmap.warnings),
        dropped,
        tuple(sorted((part.milliliters for part in doubtful), reverse=True)),
        parts,
        tuple(certain),
    )
