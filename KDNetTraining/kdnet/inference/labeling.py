"""From scores on the network's grid to labels on the grid of the scan.

Labels are computed from resampled scores, which gives smoother edges than resampled labels; in slabs, because scores of the
whole grid would take gigabytes; and only where a label is possible, because most of a scan has none. What is left of the
decoding (:mod:`kdnet.inference.decoding`) needs whole parts of a tumor, so it follows on the labelmap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from kdnet.data.preprocessing.prepare import CropTransform
from kdnet.data.preprocessing.resampling import resample_axis, used_range
from kdnet.inference.decoding import VoxelLabels, label_voxels, make_plausible
from kdnet.schema.decoding import Decoding
from kdnet.schema.labels import LabelMode, LabelTable
from kdnet.schema.segmentation import Progress, ProgressCallback, Stage

SLAB_VOXELS = 1 << 20  # original voxels that are resampled and labeled at a time

SLAB_ROWS = 16  # at most, so that a slab reaches little beyond the labels in it

Box = tuple[slice, slice, slice]


class _Labels:
    """The labelmap while it is filled box by box.

    Attributes:
        labelmap: uint8 on the grid of the stored volume, in the order of files.
    """

    def __init__(self, transform: CropTransform, table: LabelTable, decoding: Decoding | None) -> None:
        self.labelmap = np.zeros(transform.original.shape, dtype=np.uint8, order="F")
        self._inside = transform.cropped(self.labelmap)
        self._all_inward = np.zeros(transform.original.shape, dtype=bool, order="F")
        self._inward = transform.cropped(self._all_inward)
        self._spacing, self._table, self._decoding = transform.spacing, table, decoding
        self._boxes: list[Box] = []

    def fill(self, box: Box, scores: torch.Tensor) -> None:
        """Label each voxel of a box of the crop box by its scores ``[channel, i, j, k]``."""
        voxels = label_voxels(scores, self._table, self._decoding)
        self._inside[box], self._inward[box] = voxels.labels, voxels.inward
        if voxels.labels.any():
            self._boxes.append(box)

    def filled(self) -> VoxelLabels:
        """Return what the scores say of each voxel of the volume."""
        return VoxelLabels(self.labelmap, self._all_inward)

    def finish(self) -> NDArray[np.uint8]:
        """Carry out what is left of the decoding once all boxes are filled, and return the labelmap."""
        if self._decoding is not None and self._boxes:
            box = tuple(
                slice(min(part.start for part in parts), max(part.stop for part in parts))
                for parts in zip(*self._boxes, strict=True)
            )
            voxels = VoxelLabels(self._inside[box], self._inward[box])
            make_plausible(voxels, self._spacing, self._table, self._decoding)
        return self.labelmap


def label(
    logits: torch.Tensor,
    transform: CropTransform,
    table: LabelTable,
    progress: ProgressCallback,
    decoding: Decoding | None = None,
) -> NDArray[np.uint8]:
    """Return the labelmap of ``logits`` ``[channel, i, j, k]``, uint8 on the grid of the stored volume.

    Only positions within reach of a voxel with a label are resampled. Weights are at least 0 and sum to 1, so elsewhere
    no score can exceed its threshold, and the result is that of resampling everywhere.

    Args:
        logits: scores of the network.
        transform: from the volume to the network's grid.
        table: meaning of the channels.
        progress: called after each slab.
        decoding: of the model's card.
    """
    return _labeled(logits, transform, table, progress, decoding).finish()


def label_each_voxel(logits: torch.Tensor, transform: CropTransform, table: LabelTable, decoding: Decoding) -> VoxelLabels:
    """Return what the scores say of each voxel by itself, on the grid of the stored volume.

    :func:`label` continues from there; learning a decoding tries several.
    """
    return _labeled(logits, transform, table, lambda _progress: None, decoding).filled()


def _labeled(
    logits: torch.Tensor,
    transform: CropTransform,
    table: LabelTable,
    progress: ProgressCallback,
    decoding: Decoding | None,
) -> _Labels:
    labels = _Labels(transform, table, decoding)
    matrices = transform.matrices(back=True)
    possible = _possible(logits, table.mode)
    for slab in _slabs(matrices, progress):
        box = _reach(possible, matrices, slab)
        if box is not None:
            labels.fill(box, _resampled(logits, matrices, box))
    return labels


def label_with_maps(
    logits: torch.Tensor,
    transform: CropTransform,
    table: LabelTable,
    progress: ProgressCallback,
    decoding: Decoding | None = None,
    *,
    everywhere: bool = True,
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.uint8]]]:
    """Return the labelmap, and by region (or label) name its probability in percent, all on the grid of the volume.

    Args:
        logits: ``[channel, i, j, k]``.
        transform: from the volume to the network's grid.
        table: meaning of the channels.
        progress: called after each slab.
        decoding: of the model's card; probabilities are as the network gives them, whatever the labels.
        everywhere: whether probabilities are needed beyond labels; otherwise they may be 0 there, which is as fast as
            :func:`label`.
    """
    names = [item.name for item in (table.regions if table.mode is LabelMode.REGIONS else table.labels)]
    first = table.channels - len(names)  # exclusive labels are preceded by a background channel
    shape = transform.original.shape
    labels = _Labels(transform, table, decoding)
    maps = {name: np.zeros(shape, dtype=np.uint8, order="F") for name in names}
    inside_maps = [transform.cropped(voxels) for voxels in maps.values()]
    matrices = transform.matrices(back=True)
    possible = None if everywhere else _possible(logits, table.mode)
    for slab in _slabs(matrices, progress):
        box = _whole(matrices, slab) if possible is None else _reach(possible, matrices, slab)
        if box is None:
            continue
        scores = _resampled(logits, matrices, box)
        labels.fill(box, scores)
        percent = (table.probabilities(scores[None])[0] * 100).round().to(torch.uint8).numpy()
        for index, part in enumerate(inside_maps):
            part[box] = percent[first + index]
    return labels.finish(), maps


def _slabs(matrices: Sequence[torch.Tensor], progress: ProgressCallback) -> Iterator[slice]:
    """Yield slices of the first axis of the crop box, and report each when it is done."""
    length, second, third = (matrix.shape[0] for matrix in matrices)
    thickness = min(max(1, SLAB_VOXELS // (second * third)), SLAB_ROWS)
    for start in range(0, length, thickness):
        slab = slice(start, min(start + thickness, length))
        yield slab
        progress(Progress(Stage.LABEL, slab.stop, length))


def _possible(logits: torch.Tensor, mode: LabelMode) -> torch.Tensor:
    """Return where a voxel of the network's grid has a label, bool ``[i, j, k]``."""
    if mode is LabelMode.REGIONS:
        return logits.amax(dim=0) > 0
    return logits[1:].amax(dim=0) >= logits[0]


def _reach(possible: torch.Tensor, matrices: Sequence[torch.Tensor], slab: slice) -> Box | None:
    """Return the part of ``slab`` within reach of a possible label, None if there is none."""
    low, high = used_range(matrices[0][slab])
    flat = possible[low:high].any(dim=0)
    if not flat.any():
        return None
    second, third = (_reaching(matrix, flat.any(dim=other)) for matrix, other in zip(matrices[1:], (1, 0), strict=True))
    return slab, second, third


def _whole(matrices: Sequence[torch.Tensor], slab: slice) -> Box:
    return slab, slice(0, matrices[1].shape[0]), slice(0, matrices[2].shape[0])


def _reaching(matrix: torch.Tensor, possible: torch.Tensor) -> slice:
    """Return the range of target positions with weight on the range of ``possible`` source positions."""
    indices = torch.nonzero(possible).ravel()
    rows = torch.nonzero(matrix[:, int(indices[0]) : int(indices[-1]) + 1].any(dim=1)).ravel()
    # a much coarser target may have no weight at all on a source position
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else slice(0, 0)


def _resampled(logits: torch.Tensor, matrices: Sequence[torch.Tensor], box: Box) -> torch.Tensor:
    """Return the scores ``[channel, i, j, k]`` in ``box``, a part of the crop box."""
    parts = [matrix[part] for matrix, part in zip(matrices, box, strict=True)]
    for axis in (-2, -3, -1):
        matrix = parts[axis]
        if not matrix.shape[0]:
            return logits.new_empty((len(logits), *(part.shape[0] for part in parts)))
        low, high = used_range(matrix)
        logits = resample_axis(logits.narrow(axis, low, high - low), axis, matrix[:, low:high])
    return logits
