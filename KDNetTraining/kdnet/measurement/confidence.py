"""Judge lesions by how certain the network is of them, and set doubtful ones apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.masks import label_mask
from kdnet.measurement.parts import Part, connected_parts
from kdnet.measurement.symmetry import Mirror
from kdnet.schema.formatting import plural
from kdnet.schema.labels import LabelTable, Region
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


def mirrored_shares(parts: Sequence[Part], marked: NDArray[np.bool_], scan: Volume) -> list[float]:
    """Return for each part which share of it has a mirror image that is marked too, 0 to 1.

    Args:
        parts: parts of what is marked.
        marked: all that is marked ``[i, j, k]``.
        scan: the scan, on the same grid.
    """
    mirror = Mirror.of(scan) if parts else None
    if mirror is None:
        return [0.0] * len(parts)
    return [mirror.share(part.box, part.mask, marked, scan.grid) for part in parts]


def judged_parts(
    labelmap: Volume, region: Region, maps: Mapping[str, Volume], confidence: LesionConfidence, scan: Volume | None
) -> tuple[Part, ...]:
    """Return the connected parts of a region with the confidence in each, which is None where it cannot be known.

    Args:
        labelmap: labels ``[i, j, k]``.
        region: the region.
        maps: by region, its probability in percent, right within labels at least.
        confidence: of the model.
        scan: the scan, on the same grid; needed where symmetry counts.
    """
    voxels, voxel_ml = np.asarray(labelmap.voxels), labelmap.grid.voxel_ml
    parts = connected_parts(voxels, region, voxel_ml)
    if not confidence.weights.keys() <= maps.keys() or (confidence.symmetry and scan is None):
        return parts
    scores = {name: np.asarray(maps[name].voxels) for name in confidence.weights}
    shares = [0.0] * len(parts)
    if confidence.symmetry and scan is not None:
        shares = mirrored_shares(parts, label_mask(voxels, region.values), scan)
    return tuple(
        replace(part, confidence=confidence.of(peaks(part, scores, voxel_ml), share))
        for part, share in zip(parts, shares, strict=True)
    )


def judge(
    labelmap: Volume, labels: LabelTable, maps: Mapping[str, Volume], confidence: LesionConfidence, scan: Volume
) -> Judged:
    """Remove the doubtful lesions of a labelmap.

    Args:
        labelmap: labels ``[i, j, k]``.
        labels: their meaning.
        maps: by region, its probability in percent, right within labels at least.
        confidence: of the model.
        scan: the first scan of the case, as the network received it.
    """
    voxels = np.asarray(labelmap.voxels)
    region = next(region for region in labels.regions if region.name == confidence.region)
    parts = judged_parts(labelmap, region, maps, confidence, scan)
    certain: list[Part] = []
    doubtful: list[Part] = []
    for part in parts:
        is_doubtful = part.confidence is not None and part.confidence < confidence.limit
        (doubtful if is_doubtful else certain).append(part)
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
