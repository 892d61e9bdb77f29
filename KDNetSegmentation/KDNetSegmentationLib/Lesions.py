"""The lesions of a segmentation in the scene, of which each can be kept or dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kdnet.schema.lesions import LesionTable

if TYPE_CHECKING:
    import numpy as np
    from KDNetLib.ModelInfo import ModelInfo
    from numpy.typing import NDArray
    from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode


@dataclass(frozen=True, eq=False)
class LesionMap:
    """The lesions of a labelmap, and where they are.

    Attributes:
        table: their measurements; positions are in world coordinates.
        numbers: number of each voxel's lesion, 0 elsewhere, uint16 ``[k, j, i]``, within a box around the segmentation.
        corner: first voxel ``(k, j, i)`` of that box.
        others: volumes in mL of smaller lesions, which are not measured.
        source: digest of the labelmap that was measured.
        dropped: labels of doubtful lesions that are not in the segments at first, uint8 ``[k, j, i]``; None if all are.
    """

    table: LesionTable
    numbers: NDArray[np.uint16]
    corner: tuple[int, ...]
    others: tuple[float, ...]
    source: str
    dropped: NDArray[np.uint8] | None = None

    @classmethod
    def received(cls, answer: Mapping[str, Any], voxels: NDArray[np.uint8]) -> LesionMap:
        """Read what the worker found in the labelmap ``voxels`` ``[k, j, i]``, and in the doubtful lesions beside it."""
        import numpy as np  # noqa: PLC0415

        numbers = np.load(answer["numbers"], allow_pickle=False)
        dropped = np.load(answer["dropped"], allow_pickle=False) if answer.get("dropped") else None
        return cls(
            LesionTable.from_json(answer["lesions"]),
            numbers,
            tuple(answer["corner"]),
            tuple(answer["others"]),
            digest(voxels if dropped is None else np.where(voxels > 0, voxels, dropped)),
            dropped,
        )

    @property
    def box(self) -> tuple[slice, ...]:
        """The box as slices of an array ``[k, j, i]`` of the whole volume."""
        sizes = zip(self.corner, self.numbers.shape, strict=True)
        return tuple(slice(start, start + size) for start, size in sizes)


class LesionSelection:
    """Drops lesions from the segments of a segmentation, and restores them.

    Args:
        node: the segmentation.
        volumeNode: the segmented volume.
        model: model whose labels the segments are.
    """

    def __init__(self, node: vtkMRMLSegmentationNode, volumeNode: vtkMRMLScalarVolumeNode, model: ModelInfo) -> None:
        self.node, self.volumeNode, self.model = node, volumeNode, model
        self.lesions: LesionMap | None = None
        self._dropped: NDArray[np.uint8] | None = None

    def take(self, lesions: LesionMap) -> None:
        """Take the lesions of a new result; doubtful ones are dropped."""
        self.lesions, self._dropped = lesions, lesions.dropped

    def isCurrent(self) -> bool:
        """Return whether the lesions are those of the segmentation as it is now."""
        return self.lesions is not None and self.lesions.source == digest(self.everything())

    def everything(self) -> NDArray[np.uint8]:
        """Return the labelmap ``[k, j, i]`` of the segmentation as it is now, with the lesions that were dropped.

        Raises:
            DataError: if its segments are not labels of the model.
        """
        import numpy as np  # noqa: PLC0415

        voxels = self._labelmap()
        if self._dropped is None or self._dropped.shape != voxels.shape:
            return voxels
        return np.where(voxels > 0, voxels, self._dropped)

    def isKept(self, number: int) -> bool:
        """Return whether a lesion is in the segments."""
        if self._dropped is None or self.lesions is None:
            return True
        return not self._dropped[self.lesions.box][self.lesions.numbers == number].any()

    def keep(self, number: int, kept: bool) -> None:
        """Restore a lesion, or drop it from the segments; corrections elsewhere stay.

        Raises:
            DataError: if the segments are not labels of the model.
        """
        import numpy as np  # noqa: PLC0415

        if self.lesions is None or kept == self.isKept(number):
            return
        voxels = self._labelmap()
        if self._dropped is None:
            self._dropped = np.zeros_like(voxels)
        inside = self.lesions.numbers == number
        shown, hidden = voxels[self.lesions.box], self._dropped[self.lesions.box]
        source, target = (hidden, shown) if kept else (shown, hidden)
        moved = inside & (source > 0)
        values = np.unique(source[moved])
        placed = moved & (target == 0) if kept else moved  # what was painted meanwhile stays
        target[placed] = source[placed]
        source[moved] = 0
        self._write(voxels, values.tolist())

    def _labelmap(self) -> NDArray[np.uint8]:
        from KDNetLib.SegmentationNode import labelmap_of  # noqa: PLC0415 - numpy

        return labelmap_of(self.node, self.model.labels, self.volumeNode)

    def _write(self, voxels: NDArray[np.uint8], values: list[int]) -> None:
        from KDNetLib.SegmentationNode import replace_labels  # noqa: PLC0415 - numpy

        replace_labels(self.node, self.model.labels, voxels, self.volumeNode, values)


def digest(voxels: NDArray[np.generic]) -> str:
    """Return a digest of the content of an array."""
    import hashlib  # noqa: PLC0415

    import numpy as np  # noqa: PLC0415

    return hashlib.blake2b(np.ascontiguousarray(voxels).data, digest_size=16).hexdigest()
