"""Compute lesion-wise agreement as defined by the BraTS 2023 challenge.

The definition is that of the published script (https://github.com/rachitsaluja/BraTS-2023-Metrics) and of Saluja et al.,
"BraTS 2023 lesion-wise metrics": the reference is dilated, and parts that touch after dilation are one lesion. A lesion is
found when a connected component of the prediction overlaps the dilated lesion; all such components together are compared
with the lesion. A component that overlaps none is a false positive. Lesions up to a task-specific volume are ignored,
found or not. Components are connected through faces, edges and corners (26 neighbors).

Dilation is counted in voxels, as in the script, which was written for 1 mm grids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from kdnet.data.volumes.masks import bounding_box
from kdnet.evaluation.metrics import score_region

HD95_NO_LESION = 374.0
"""HD95 in mm of a lesion that was missed and of a false part, as in the script."""
CORNERS = ndimage.generate_binary_structure(3, 3)
EDGES = ndimage.generate_binary_structure(3, 2)


@dataclass(frozen=True)
class LesionRules:
    """What counts as one lesion.

    Attributes:
        dilation: how many times the reference is dilated with 18-connectivity, in voxels.
        smallest_mm3: reference lesions of this volume or less are ignored.
    """

    dilation: int
    smallest_mm3: float


RULES: Mapping[str, LesionRules] = MappingProxyType(
    {
        "gli": LesionRules(3, 50),
        "ssa": LesionRules(3, 50),
        "ped": LesionRules(3, 50),
        "men": LesionRules(1, 50),
        "met": LesionRules(1, 2),
    }
)
"""Rules of the tasks of BraTS 2023: glioma, Sub-Saharan Africa, pediatric, meningioma, metastases."""


@dataclass(frozen=True)
class LesionScore:
    """Lesion-wise agreement of one region of one case.

    Attributes:
        found: reference lesions that the prediction overlaps.
        missed: reference lesions that it does not.
        false: connected components of the prediction that overlap no reference lesion, however small.
        dice: sum of the Dice of all reference lesions, divided by their number plus that of false positives; 1 where
            neither mask holds anything that counts.
        hd95: mean HD95 in mm over the same lesions and false positives, where those without a match count as
            :data:`HD95_NO_LESION`; 0 where nothing counts.
        f1: 2 found / (2 found + missed + false); 1 where there is nothing to find and no false positive.
    """

    found: int
    missed: int
    false: int
    dice: float
    hd95: float
    f1: float


def score_lesions(
    prediction: NDArray[np.bool_], reference: NDArray[np.bool_], spacing: Sequence[float], rules: LesionRules
) -> LesionScore:
    """Compare two masks ``[i, j, k]`` on one grid, lesion by lesion.

    Args:
        prediction: mask of the region.
        reference: likewise.
        spacing: of the grid along i, j, k in mm.
        rules: lesion rules of the task.

    Raises:
        ValueError: when the shapes differ.

    Example:
        >>> import numpy as np
        >>> reference = np.zeros((30, 30, 30), bool)
        >>> reference[2:7, 2:7, 2:7] = reference[20:25, 20:25, 20:25] = True
        >>> prediction = reference.copy()
        >>> prediction[20:25] = False
        >>> score_lesions(prediction, reference, (1, 1, 1), RULES["gli"])
        LesionScore(found=1, missed=1, false=0, dice=0.5, hd95=187.0, f1=0.6666666666666666)
    """
    if prediction.shape != reference.shape:
        raise ValueError(f"masks of shapes {prediction.shape} and {reference.shape} cannot be compared")
    either = prediction | reference
    box = bounding_box(either, margin=rules.dilation + 1)
    if box is None:
        return _summed([], 0)
    parts, count = ndimage.label(prediction[box], CORNERS)
    lesions = _lesions(reference[box], rules.dilation)
    touched: set[int] = set()
    matches: list[tuple[float, float] | None] = []
    for number, place in enumerate(ndimage.find_objects(lesions), start=1):
        near = _grown(place, rules.dilation, lesions.shape)
        lesion = lesions[near] == number
        reached = np.unique(parts[near][_dilated(lesion, rules.dilation)])
        reached = reached[reached > 0]
        touched.update(reached.tolist())
        if np.count_nonzero(lesion) * prod(spacing) > rules.smallest_mm3:
            matches.append(_match(np.isin(parts, reached), lesions == number, spacing) if len(reached) else None)
    return _summed(matches, count - len(touched))


def _match(found: NDArray[np.bool_], lesion: NDArray[np.bool_], spacing: Sequence[float]) -> tuple[float, float]:
    score = score_region("lesion", found, lesion, spacing=spacing)
    return score.dice, score.hd95


def _summed(matches: Sequence[tuple[float, float] | None], false: int) -> LesionScore:
    """Combine the Dice and HD95 of all lesions that count; None stands for a missed lesion."""
    found = [match for match in matches if match is not None]
    unmatched, total = len(matches) - len(found) + false, len(matches) + false
    if not total:
        return LesionScore(0, 0, 0, 1.0, 0.0, 1.0)
    return LesionScore(
        len(found),
        len(matches) - len(found),
        false,
        sum(dice for dice, _ in found) / total,
        (sum(hd95 for _, hd95 in found) + HD95_NO_LESION * unmatched) / total,
        2 * len(found) / (2 * len(found) + unmatched),
    )


def _lesions(reference: NDArray[np.bool_], dilation: int) -> NDArray[np.int32]:
    """Label the lesions of the reference from 1; parts that touch after dilation share a label."""
    groups, _ = ndimage.label(_dilated(reference, dilation), CORNERS)
    return np.asarray(np.where(reference, groups, 0), dtype=np.int32)


def _dilated(mask: NDArray[np.bool_], times: int) -> NDArray[np.bool_]:
    return np.asarray(ndimage.binary_dilation(mask, EDGES, iterations=times)) if times else mask


def _grown(box: tuple[slice, ...], margin: int, shape: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(
        slice(max(0, part.start - margin), min(size, part.stop + margin)) for part, size in zip(box, shape, strict=True)
    )
