"""A phantom in nnU-Net's layout whose channels have names of other data sets, with a hyphen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume, write_volume

CHANNELS = {"T1": "t1", "T2-FLAIR": "flair", "ASL-CBF": "t2"}
"""Name of a channel to the modality of the phantom that it shows."""


def write_nnunet(phantom: Path, root: Path) -> None:
    """Write the cases of a phantom in BraTS layout as nnU-Net raw data with one label."""
    images, labels = root / "imagesTr", root / "labelsTr"
    images.mkdir(parents=True)
    labels.mkdir()
    for case in sorted(path for path in phantom.iterdir() if path.is_dir()):
        for index, modality in enumerate(CHANNELS.values()):
            shutil.copyfile(case / f"{case.name}_{modality}.nii.gz", images / f"{case.name}_{index:04d}.nii.gz")
        found = read_volume(case / f"{case.name}_seg.nii.gz")
        write_volume(labels / f"{case.name}.nii.gz", Volume((found.voxels > 0).astype(np.uint8), found.grid))
    description = {
        "channel_names": {str(index): name for index, name in enumerate(CHANNELS)},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": len(list(labels.iterdir())),
        "file_ending": ".nii.gz",
    }
    (root / "dataset.json").write_text(json.dumps(description))
