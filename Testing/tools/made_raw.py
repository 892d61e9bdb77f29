"""Raw studies of a small head without skull: DICOM series and NIfTI trees as clinics and data sets have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from kdnet.data.phantom import write_phantom
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import write_volume
from made_series import dicom_series

SHAPE, STEP = (24, 28, 22), 6.0
HEADERS: Mapping[str, Mapping[str, Any]] = {
    "t1": {"SeriesDescription": "AX T1", "ContrastBolusAgent": None, "RepetitionTime": 500, "EchoTime": 10},
    "t1ce": {"SeriesDescription": "AX T1 POST GD", "RepetitionTime": 500, "EchoTime": 10},
    "t2": {"SeriesDescription": "AX T2", "ContrastBolusAgent": None, "RepetitionTime": 4000, "EchoTime": 100},
    "flair": {
        "SeriesDescription": "AX FLAIR",
        "ContrastBolusAgent": None,
        "RepetitionTime": 9000,
        "EchoTime": 120,
        "InversionTime": 2200,
    },
}


def scan(seed: int = 0, *, step: float = STEP, shape: tuple[int, int, int] = SHAPE) -> Volume:
    """A ball of noise in a masked background."""
    random = np.random.default_rng(seed)
    axes = np.meshgrid(*((np.arange(size) - (size - 1) / 2) / (size * 0.4) for size in shape), indexing="ij")
    inside = sum(axis**2 for axis in axes) < 1
    voxels = np.where(inside, random.integers(200, 900, shape), 0).astype(np.int16)
    return Volume(voxels, Grid(shape, np.diag([step, step, step, 1.0])))


def labels() -> Volume:
    """A tumor of two labels on the grid of :func:`scan`."""
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[8:14, 10:16, 8:14] = 2
    voxels[10:12, 12:14, 10:12] = 1
    return Volume(voxels, scan().grid)


def dicom_study(folder: Path, patient: str, uid: str, modalities: Sequence[str] = tuple(HEADERS), **values: object) -> Path:
    """A study with a folder per series."""
    for number, name in enumerate(modalities):
        header = {**HEADERS[name], "PatientID": patient, "StudyInstanceUID": uid, "SeriesNumber": number + 1, **values}
        dicom_series(folder / name, scan(number), **header)
    return folder


def nifti_case(folder: Path, names: Mapping[str, Volume]) -> Path:
    """NIfTI files by name without suffix."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, volume in names.items():
        write_volume(folder / f"{name}.nii.gz", volume)
    return folder


def brats_case(folder: Path, name: str, *, reference: bool = True) -> Path:
    """A case as in BraTS."""
    files = {f"{name}_{modality}": scan(number) for number, modality in enumerate(HEADERS)}
    return nifti_case(folder, files | ({f"{name}_seg": labels()} if reference else {}))


def phantom_tree(folder: Path, cases: int) -> Path:
    """Phantom cases, a folder each as in data sets for download."""
    write_phantom(folder, cases=cases, shape=(28, 33, 26), spacing=6.0)
    return folder
