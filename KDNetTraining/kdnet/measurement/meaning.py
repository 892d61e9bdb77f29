"""Read labelmaps of one patient, and what their values mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kdnet.data.references import label_values
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from kdnet.schema.labels import LabelTable, brats_labels, exclusive_labels

MOST_LABELS = 64
BRATS, OLDER_BRATS = frozenset({1, 2, 3}), frozenset({1, 2, 4})


@dataclass(frozen=True, eq=False)
class Labelmaps:
    """Labelmaps that share one meaning.

    Attributes:
        table: their label table.
        volumes: uint8 label values in terms of the table, in the order of the files.
        note: how the meaning was decided, in one sentence; empty if the user named it.
    """

    table: LabelTable
    volumes: tuple[Volume, ...]
    note: str = ""


def read_labelmaps(files: Sequence[Path], table: LabelTable | None) -> Labelmaps:
    """Read labelmaps.

    Args:
        files: paths of the labelmaps.
        table: meaning of their values; None to decide by the values: 1, 2, 3 (or 1, 2, 4) as in BraTS, otherwise each
            value is a label of its own.

    Raises:
        DataError: if a file cannot be read, is not a labelmap, or holds values that are not in the table.
    """
    read = [read_volume(file) for file in files]
    values = [_values(volume, file) for volume, file in zip(read, files, strict=True)]
    held = frozenset[int]().union(*values)
    note = ""
    if table is None:
        table, note = _guessed(held)
    known = {label.value for label in table.labels}
    older = table == brats_labels() and held <= OLDER_BRATS
    for file, found in zip(files, values, strict=True):
        unknown = sorted(set(found) - known - ({4} if older else set()))
        if unknown:
            raise DataError(f"{file} holds the value {unknown[0]}, which is not a label: name the labels with --labels.")
    volumes = []
    for volume in read:
        voxels = np.rint(volume.voxels).astype(np.uint8)
        voxels = np.where(voxels == 4, 3, voxels).astype(np.uint8) if older else voxels
        volumes.append(Volume(voxels, volume.grid, volume.warnings))
    return Labelmaps(table, tuple(volumes), note)


def _guessed(held: frozenset[int]) -> tuple[LabelTable, str]:
    if held - {1} and (held <= BRATS or held <= OLDER_BRATS):
        return brats_labels(), "Label values were taken as those of BraTS; --labels names others."
    names = {value: "Lesion" if held == {1} else f"label {value}" for value in sorted(held)} or {1: "Lesion"}
    return exclusive_labels(names), "Each label value was taken as a label of its own; --labels names others."


def _values(volume: Volume, file: Path) -> tuple[int, ...]:
    whole, others = label_values(volume.voxels)
    if others or len(whole) > MOST_LABELS or (whole and not 0 < min(whole) <= max(whole) <= 255):
        raise DataError(f"{file} is not a labelmap, because it holds other values than labels: choose a segmentation.")
    return whole
