"""Training cases without patients in nnU-Net's layout, which nnU-Net and kdnet read in place."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from kdnet.data.phantom import write_phantom
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume, write_volume

NAME = "Dataset001_Bench"
BRAIN = ((96, 112, 88), 2.0)  # a head at 2 mm: voxels along i, j, k, and their size
REGIONS = {"whole tumor": [1, 2, 3], "tumor core": [1, 3], "enhancing tumor": 3}


def write_set(
    folder: Path,
    cases: int,
    modalities: Sequence[str] = ("t1ce",),
    *,
    shape: tuple[int, int, int] = BRAIN[0],
    spacing: float = BRAIN[1],
) -> Path:
    """Draw phantoms, and write them as raw data of nnU-Net below ``folder``; return the data set's folder."""
    root = folder / NAME
    for name in ("imagesTr", "labelsTr"):
        (root / name).mkdir(parents=True)
    with tempfile.TemporaryDirectory() as name:
        write_phantom(Path(name), cases=cases, shape=shape, spacing=spacing)
        for case in sorted(Path(name).iterdir()):
            for index, modality in enumerate(modalities):
                shutil.move(case / f"{case.name}_{modality}.nii.gz", root / "imagesTr" / f"{case.name}_{index:04d}.nii.gz")
            found = read_volume(case / f"{case.name}_seg.nii.gz")
            labels = np.where(found.voxels == 4, 3, found.voxels).astype(np.uint8)  # nnU-Net wants values without gaps
            write_volume(root / "labelsTr" / f"{case.name}.nii.gz", Volume(labels, found.grid))
    (root / "dataset.json").write_text(json.dumps(description(modalities, cases)))
    return root


def link_set(folder: Path, cases: Sequence[Path], modalities: Sequence[str]) -> Path:
    """Lay out folders of BraTS cases as raw data of nnU-Net below ``folder``, by links; return the data set's folder."""
    root = folder / NAME
    for name in ("imagesTr", "labelsTr"):
        (root / name).mkdir(parents=True)
    for case in cases:
        for index, modality in enumerate(modalities):
            link = root / "imagesTr" / f"{case.name}_{index:04d}.nii.gz"
            link.symlink_to((case / f"{case.name}_{modality}.nii.gz").absolute())
        (root / "labelsTr" / f"{case.name}.nii.gz").symlink_to((case / f"{case.name}_seg.nii.gz").absolute())
    # by value, because enhancing tumor is 4 until 2021 and 3 since
    labels = {"background": 0, "core": 1, "edema": 2, "enhancing": 3, "enhancing until 2021": 4}
    content = {**description(modalities, len(cases)), "labels": labels}
    del content["regions_class_order"]
    (root / "dataset.json").write_text(json.dumps(content))
    return root


def description(modalities: Sequence[str], cases: int) -> dict[str, object]:
    """Return the ``dataset.json`` of nnU-Net."""
    return {
        "channel_names": {str(index): name for index, name in enumerate(modalities)},
        "labels": {"background": 0, **REGIONS},
        "regions_class_order": [2, 1, 3],
        "numTraining": cases,
        "file_ending": ".nii.gz",
    }
