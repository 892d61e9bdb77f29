"""Compute Dice and HD95 of a labelmap against a reference, with the conventions of the BraTS evaluation."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kdnet.data.volumes.masks import bounding_box
from kdnet.monai_part import monai_part
from kdnet.schema.labels import LabelTable
from kdnet.schema.results import HD95_ONE_EMPTY, Empty

__all__ = ["HD95_ONE_EMPTY", "RegionScore", "score_case", "score_region"]

compute_dice = monai_part("monai.metrics.meandice", "compute_dice")
compute_hausdorff_distance = monai_part("monai.metrics.hausdorff_distance", "compute_hausdorff_distance")


@dataclass(frozen=True)
class RegionScore:
    """Agreement in one region.

    Attributes:
        region: region name.
        dice: 0 to 1.
        hd95: the larger of the two directed 95th percentiles of the surface distance, in mm. (Pooling both directions
            before taking the percentile, as some packages do, gives smaller values.)
        empty: which of the two masks is empty.
    """

    region: str
    dice: float
    hd95: float
    empty: Empty = Empty.NEITHER


def score_case(
    prediction: NDArray[np.integer],
    reference: NDArray[np.integer],
    labels: LabelTable,
    spacing: Sequence[float],
) -> tuple[RegionScore, ...]:
    """Compare two labelmaps ``[i, j, k]`` on one grid, region by region, in the order of ``labels.regions``.

    Where both are empty, Dice is 1 and HD95 0; where exactly one is, Dice is 0 and HD95 :data:`HD95_ONE_EMPTY`.

    Args:
        prediction: values of the label table.
        reference: likewise; voxels of :data:`~kdnet.schema.labels.IGNORED` do not count.
        labels: label table whose regions are compared.
        spacing: of the grid along i, j, k in mm.

    Raises:
        ValueError: when the shapes differ, or there is not one spacing per axis.

    Example:
        >>> import numpy as np
        >>> from kdnet.schema.labels import brats_labels
        >>> labelmap = np.full((2, 2, 2), 3, np.uint8)
        >>> score_case(labelmap, labelmap, brats_labels(), (1.0, 1.0, 1.0))[0]
        RegionScore(region='ET', dice=1.0, hd95=0.0, empty=<Empty.NEITHER: 'neither'>)
    """
    if prediction.shape != reference.shape:
        raise ValueError(f"labelmaps of shapes {prediction.shape} and {reference.shape} cannot be compared")
    if len(spacing) != prediction.ndim:
        raise ValueError(f"{len(spacing)} spacings do not fit a labelmap of {prediction.ndim} axes")
    if (ignored := labels.ignored(reference)) is not None:
        prediction = np.where(ignored, 0, prediction)
    return tuple(
        score_region(region.name, np.isin(prediction, region.values), np.isin(reference, region.values), spacing=spacing)
        for region in labels.regions
    )


def score_region(
    name: str, found: NDArray[np.bool_], wanted: NDArray[np.bool_], *, spacing: Sequence[float]
) -> RegionScore:
    """Compare two masks ``[i, j, k]`` like :func:`score_case`.

    Only the box around both is passed to the metrics: its size, not that of the grid, determines the run time, and the
    metrics stay the same (checked by a property test).
    """
    empty = _empty(found, wanted)
    if empty is not Empty.NEITHER:
        return RegionScore(name, *((1.0, 0.0) if empty is Empty.BOTH else (0.0, HD95_ONE_EMPTY)), empty)
    box = bounding_box(found | wanted, margin=1)  # which preserves surfaces at the edge of the box
    pair = [torch.from_numpy(mask[box].copy())[None, None] for mask in (found, wanted)]
    dice = compute_dice(pair[0], pair[1], include_background=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # MONAI calls a function of its own that it has deprecated
        distance = compute_hausdorff_distance(
            pair[0], pair[1], include_background=True, percentile=95, spacing=list(spacing)
        )
    return RegionScore(name, float(dice), float(distance))


def _empty(found: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> Empty:
    if found.any():
        return Empty.NEITHER if wanted.any() else Empty.REFERENCE
    return Empty.PREDICTION if wanted.any() else Empty.BOTH
