"""Decoding: from the scores of a network to one plausible label per voxel, the same wherever a model is used.

A model whose card has no :class:`~kdnet.schema.decoding.Decoding` labels each voxel by itself, as in version 0.1. With one:

1. A region counts only within the regions that contain it: TC within WT, ET within TC.
2. Parts (26-connected) below a size go to the region around them, outermost region first.
3. Holes (6-connected, enclosed) below a size go to the region, innermost region first.
4. Thin rims on the outer side of the region within: where the label that a region has to itself (TC: the necrotic core)
   lies between the region within (ET) and the outside (edema), and is too thin to hold a ball, it goes to ET or edema by
   score. A network that averages over the boundary of ET passes through the scores of the core there, so such a rim says
   nothing about necrosis; a core inside ET is never touched.
5. Parts and holes once more, because step 4 changes regions.

Sizes are in mm³ and mm, so that they mean the same on every grid. The result is stable: decoding it again changes nothing
(checked by property tests), since each step leaves nothing for those before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch
from numpy.typing import NDArray

from kdnet.data.volumes.masks import bounding_box, label_mask
from kdnet.schema.decoding import Decoding, RegionDecoding
from kdnet.schema.labels import LabelMode, LabelTable

Mask = NDArray[np.bool_]

ROUNDING = 1e-5  # relative; sizes that are whole voxels count as such


@dataclass(frozen=True)
class VoxelLabels:
    """What the scores say of each voxel by itself.

    Attributes:
        labels: uint8 ``[i, j, k]``.
        inward: where the scores rather have the region within than the region around, bool ``[i, j, k]``; known where a
            rim may be.
    """

    labels: NDArray[np.uint8]
    inward: Mask


def decode(
    logits: torch.Tensor, spacing: Sequence[float], table: LabelTable, decoding: Decoding | None
) -> NDArray[np.uint8]:
    """Return the labelmap of ``logits`` ``[channel, i, j, k]``, uint8 on their grid.

    Args:
        logits: scores of the whole image.
        spacing: of their grid along i, j, k in mm.
        table: meaning of the channels.
        decoding: of the model's card.

    Example:
        >>> from kdnet.schema.labels import brats_labels
        >>> logits = torch.full((3, 5, 5, 5), -1.0)
        >>> logits[:, 2, 2, 2] = 1.0
        >>> one = Decoding((RegionDecoding("WT", smallest_part=8.0),))
        >>> tuple(int(decode(logits, (1, 1, 1), brats_labels(), settings).max()) for settings in (None, one))
        (3, 0)
    """
    voxels = label_voxels(logits, table, decoding)
    if decoding is not None:
        make_plausible(voxels, spacing, table, decoding)
    return voxels.labels


def label_voxels(logits: torch.Tensor, table: LabelTable, decoding: Decoding | None) -> VoxelLabels:
    """Return what the scores ``[channel, i, j, k]`` say of each voxel by itself (step 1)."""
    labels = table.decode(logits[None], nested=decoding is not None)[0].cpu().numpy()
    inward = np.zeros(labels.shape, dtype=bool)
    if decoding is None or table.mode is not LabelMode.REGIONS:
        return VoxelLabels(labels, inward)
    for item in _compartments(table):
        if decoding.of(item.name).thinnest_rim and item.within is not None:
            mask = label_mask(labels, item.values)
            inside = torch.from_numpy(mask).to(logits.device)
            within, own = (logits[channel][inside].sigmoid() for channel in (item.within, item.channel))
            around = 1.0 if item.around is None else logits[item.around][inside].sigmoid()
            inward[mask] = (within > around - own).cpu().numpy()
    return VoxelLabels(labels, inward)


def make_plausible(voxels: VoxelLabels, spacing: Sequence[float], table: LabelTable, decoding: Decoding) -> None:
    """Carry out steps 2 to 5 on ``voxels.labels``, in place; it may be a view.

    Only the box around the labels is looked at, so that the time grows with the tumor, not with the scan.

    Args:
        voxels: output of :func:`label_voxels`.
        spacing: along i, j, k in mm.
        table: label table.
        decoding: of the model's card.
    """
    box = bounding_box(voxels.labels != 0)
    if box is None:
        return
    # with background around it, what touches the edge of the scan is not a hole
    labels, inward = np.pad(voxels.labels[box], 1), np.pad(voxels.inward[box], 1)
    both = [(item, _Rules.of(decoding.of(item.name), spacing)) for item in _compartments(table)]
    for item, rule in both:
        _remove_parts(labels, item, rule.part)
    for item, rule in reversed(both):
        _fill_holes(labels, item, rule.hole)
    for item, rule in both:
        if _give_rims(labels, inward, item, rule, spacing):
            _remove_parts(labels, item, rule.part)
            for changed, sizes in reversed(both):
                if changed.channel in (item.within, item.channel):
                    _fill_holes(labels, changed, sizes.hole)
    voxels.labels[box] = labels[1:-1, 1:-1, 1:-1]


@dataclass(frozen=True)
class _Compartment:
    """A region (or exclusive label) and its place among the others.

    Attributes:
        name: its name.
        channel: of its scores.
        values: labels in it.
        own: the label that no region within it has.
        outside: the label around it, 0 for background.
        fillable: labels that a hole in it may have.
        around: channel of the smallest region around it, if any.
        within: channel of the only region within it, if there is exactly one.
        inner: the label that this region has to itself.
    """

    name: str
    channel: int
    values: tuple[int, ...]
    own: int
    outside: int
    fillable: tuple[int, ...]
    around: int | None = None
    within: int | None = None
    inner: int = 0


@dataclass(frozen=True)
class _Rules:
    """Sizes of a region on a grid.

    Attributes:
        part: smallest number of voxels of a part.
        hole: smallest number of voxels of a hole.
        radius: of the ball that a rim must hold in mm; 0 keeps all rims.
    """

    part: int
    hole: int
    radius: float

    @classmethod
    def of(cls, sizes: RegionDecoding, spacing: Sequence[float]) -> _Rules:
        voxel = float(np.prod(spacing))
        part, hole = (math.ceil(size / voxel * (1 - ROUNDING)) for size in (sizes.smallest_part, sizes.smallest_hole))
        return cls(part, hole, sizes.thinnest_rim / 2)


def _compartments(table: LabelTable) -> tuple[_Compartment, ...]:
    """Return all compartments, outermost first."""
    if table.mode is LabelMode.EXCLUSIVE:
        return tuple(
            _Compartment(label.name, channel, (label.value,), label.value, 0, (0,))
            for channel, label in enumerate(table.labels, start=1)
        )
    own, parents = dict(table.overwrite_order()), table.parents()
    found = []
    for channel, value in own.items():
        region, around = table.regions[channel], parents[channel]
        within = [child for child, parent in enumerate(parents) if parent == channel]
        containing = [own[other] for other in own if set(region.values) < set(table.regions[other].values)]
        found.append(
            _Compartment(
                region.name,
                channel,
                region.values,
                value,
                0 if around is None else own[around],
                (0, *containing),
                around,
                within[0] if len(within) == 1 else None,
                own[within[0]] if len(within) == 1 else 0,
            )
        )
    return tuple(found)


def _remove_parts(labels: NDArray[np.uint8], item: _Compartment, smallest: int) -> None:
    """Give parts of fewer than ``smallest`` voxels to what is around the region."""
    mask = label_mask(labels, item.values)
    box = bounding_box(mask) if smallest > 1 else None
    if box is None:
        return
    parts = _connected(mask[box], diagonally=True)
    small = np.bincount(parts.ravel()) < smallest
    small[0] = False
    if small.any():
        labels[box][small[parts]] = item.outside


def _fill_holes(labels: NDArray[np.uint8], item: _Compartment, smallest: int) -> None:
    """Give enclosed holes of fewer than ``smallest`` voxels to the region, unless they hold another region."""
    mask = label_mask(labels, item.values)
    box = bounding_box(mask, margin=1) if smallest > 1 else None
    if box is None:
        return
    part = labels[box]
    holes = _connected(~mask[box], diagonally=False)
    small = np.bincount(holes.ravel()) < smallest
    small[[0, holes[0, 0, 0]]] = False  # the region itself, and what surrounds it
    if small.any():
        small[holes[~label_mask(part, (*item.fillable, *item.values))]] = False
        part[small[holes]] = item.own


def _give_rims(labels: NDArray[np.uint8], inward: Mask, item: _Compartment, rule: _Rules, spacing: Sequence[float]) -> bool:
    """Give thin rims between the region within and the outside to one of them; return whether there were any.

    A thin piece (6-connected) is one that no ball within the label covers. It is a rim if it touches both. Whole pieces are
    given, because a rim that is cut would leave another rim.
    """
    box = bounding_box(labels == item.own, margin=1) if rule.radius and item.within is not None else None
    if box is None:
        return False
    part = labels[box]
    own, inside = part == item.own, label_mask(part, item.values)
    pieces = _connected(own & ~_opened(own, rule.radius, spacing), diagonally=False)
    near_within = _beside(inside & ~own)
    rim = (_touched(pieces, near_within) & _touched(pieces, _beside(~inside)))[pieces]
    if not rim.any():
        return False
    # grown from the region within, so that no specks of it come about
    grown = _connected(rim & inward[box], diagonally=False)
    part[rim] = item.outside
    part[_touched(grown, near_within)[grown]] = item.inner
    return True


def _connected(mask: Mask, *, diagonally: bool) -> NDArray[np.uint32]:
    """Return the number of its connected piece for each voxel of ``mask``, 0 elsewhere."""
    search = sitk.ConnectedComponentImageFilter()
    search.SetFullyConnected(diagonally)
    search.SetNumberOfWorkUnits(1)  # a tumor is small, and threads wait for each other on a busy machine
    return np.asarray(sitk.GetArrayFromImage(search.Execute(_as_image(mask))))


def _opened(mask: Mask, radius: float, spacing: Sequence[float]) -> Mask:
    """Return what balls within ``mask`` cover, which must not touch the edge of the array.

    A ball is the voxels whose centers are at most ``radius`` mm from that of its center.
    """
    limit = (radius * (1 + ROUNDING)) ** 2
    centers = _squared_distance(~mask, spacing) > limit
    return np.asarray(_squared_distance(centers, spacing) <= limit) if centers.any() else centers


def _squared_distance(mask: Mask, spacing: Sequence[float]) -> NDArray[np.float32]:
    """Return the squared distance in mm² to the center of the closest voxel of ``mask``, at most 0 within it."""
    image = _as_image(mask)
    image.SetSpacing([float(step) for step in reversed(spacing)])
    distance = sitk.SignedMaurerDistanceMap(image, insideIsPositive=False, squaredDistance=True, useImageSpacing=True)
    return np.asarray(sitk.GetArrayFromImage(distance))


def _as_image(mask: Mask) -> sitk.Image:
    return sitk.GetImageFromArray(np.ascontiguousarray(mask).view(np.uint8))


def _beside(mask: Mask) -> Mask:
    """Return the voxels that share a face with one of ``mask``, and some of ``mask`` itself."""
    found = np.zeros_like(mask)
    for axis in range(3):
        here, there = (np.moveaxis(array, axis, 0) for array in (mask, found))
        there[1:] |= here[:-1]
        there[:-1] |= here[1:]
    return found


def _touched(pieces: NDArray[np.uint32], mask: Mask) -> Mask:
    """Return for each number in ``pieces`` whether one of its voxels is in ``mask``; never so for 0."""
    found = np.zeros(int(pieces.max()) + 1, dtype=bool)
    found[pieces[mask]] = True
    found[0] = False
    return found
