"""The scans and masks used to train the brain student, listed in one CSV file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kdnet.data.preprocessing.prepare import prepare_image, prepare_share
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from kdnet.foreign import read_rows
from kdnet.schema.preprocessing import Preprocessing

COLUMNS = ("person", "modality", "scan", "mask", "held_out")


@dataclass(frozen=True)
class BrainCase:
    """A scan with its brain mask.

    Attributes:
        person: the subject; all scans of a subject are held out together.
        modality: for example ``"t1"``.
        scan: whole-head image file.
        mask: brain mask file on the scan's grid, produced by the teacher.
        held_out: whether it is reserved for testing.
    """

    person: str
    modality: str
    scan: Path
    mask: Path
    held_out: bool


@dataclass(frozen=True, eq=False)
class PreparedHead:
    """A scan prepared as network input.

    Attributes:
        image: float16 ``[i, j, k]`` from 0 to 1, along right, anterior, superior.
        share: float16 ``[i, j, k]``, the brain fraction of each voxel.
        weight: relative sampling weight.
    """

    image: NDArray[np.float16]
    share: NDArray[np.float16]
    weight: float


def read_brain_cases(path: Path) -> list[BrainCase]:
    """Read a CSV file with the columns ``COLUMNS``; paths are relative to its folder; ``held_out`` is 0 or 1.

    Raises:
        DataError: naming the file and what is wrong with it.
    """
    rows = read_rows(path, COLUMNS)
    cases = [
        BrainCase(
            row["person"],
            row["modality"].lower(),
            path.parent / row["scan"],
            path.parent / row["mask"],
            row["held_out"] == "1",
        )
        for row in rows
    ]
    mixed = {case.person for case in cases if case.held_out} & {case.person for case in cases if not case.held_out}
    if mixed:
        raise DataError(f"{path} holds out some scans of {min(mixed)} but not all: hold out all or none of a person.")
    return cases


def prepare_heads(cases: Sequence[BrainCase], preprocessing: Preprocessing) -> list[PreparedHead]:
    """Read and prepare ``cases``.

    A rare modality is oversampled, but not so much that its few heads are memorized: weights are the inverse square root
    of the number of scans.
    """
    counts = Counter(case.modality for case in cases)
    heads = []
    for case in cases:
        image, transform = prepare_image([read_volume(case.scan)], preprocessing, [str(case.scan)])
        share = prepare_share(read_volume(case.mask), transform)
        weight = counts[case.modality] ** -0.5
        heads.append(PreparedHead(image[0].astype(np.float16), share.astype(np.float16), weight))
    return heads
