"""Judge lesions by how certain the network is of them, and set doubtful ones apart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kdnet.data.volumes.grid import Volume
from kdnet.schema.formatting import plural
from kdnet.schema.labels import LabelTable, Region
from kdnet.schema.lesion_confidence import PEAK_ML, LesionConfidence

CORNERS = ndimage.generate_binary_structure(3, 3)


@dataclass(frozen=True, eq=False)
class Part:
    """A connected part of a region.

    Attributes:
        box: its bounding box.
        mask: bool ``[i, j, k]`` within the box.
        milliliters: its volume.
        peaks: by region, the mean probability in its most certain part, 0 to 1.
    """

    box: tuple[slice, ...]
    mask: NDArray[np.bool_]
    milliliters: float
    peaks: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Judged:
    """A labelmap whose lesions have been judged.

    Attributes:
        labelmap: uint8, without the doubtful lesions.
        dropped: the labels of the doubtful lesions, 0 elsewhere; uint8 ``[i, j, k]``.
        doubtful: their volumes in mL.
    """

    labelmap: Volume
    dropped: NDArray[np.uint8]
    doubtful: tuple[float, ...]

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


def region_parts(
    voxels: NDArray[np.generic], region: Region, maps: Mapping[str, NDArray[np.generic]], voxel_ml: float
) -> Iterator[Part]:
    """Yield the connected parts of a region, with how certain the network is of each.

    Args:
        voxels: labels ``[i, j, k]``.
        region: the region.
        maps: by region, its probability in percent.
        voxel_ml: volume of a voxel.
    """
    inside = voxels == region.values[0]
    for value in region.values[1:]:
        inside |= voxels == value
    if not inside.any():
        return
    (window,) = ndimage.find_objects(inside.astype(np.uint8))
    numbers, _ = ndimage.label(inside[window], CORNERS)
    for number, small in enumerate(ndimage.find_objects(numbers), start=1):
        mask = numbers[small] == number
        box = tuple(
            slice(part.start + whole.start, part.stop + whole.start) for part, whole in zip(small, window, strict=True)
        )
        found = {name: peak(scores[box][mask], voxel_ml) for name, scores in maps.items()}
        yield Part(box, mask, float(np.count_nonzero(mask)) * voxel_ml, found)


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
    kept, dropped = voxels, np.zeros_like(voxels)
    doubtful = []
    for part in region_parts(voxels, region, scores, labelmap.grid.voxel_ml):
        if confidence.of(part.peaks) < confidence.limit:
            kept = voxels.copy(order="K") if kept is voxels else kept
            dropped[part.box][part.mask] = voxels[part.box][part.mask]
            kept[part.box][part.mask] = 0
            doubtful.append(part.milliliters)
    return Judged(Volume(kept, labelmap.grid, labelmap.warnings), dropped, tuple(sorted(doubtful, reverse=True)))
