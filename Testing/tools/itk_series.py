"""DICOM series as ITK writes them, for tests that need a readable series rather than a particular header."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk


def write_series(
    folder: Path,
    voxels: np.ndarray,
    spacing: tuple[float, float, float] = (1.0, 1.0, 2.0),
    *,
    tags: Mapping[str, str] | None = None,
    without: Collection[int] = (),
    compressor: str = "",
) -> Path:
    """Write ``voxels`` ``[i, j, k]`` as one axial MR series, a file per slice; return the folder.

    Args:
        folder: created if needed.
        spacing: along i, j, k in mm.
        tags: further or other attributes of every slice, by tag such as ``"0008|0060"``.
        without: slices that are not written.
        compressor: ITK's name of a compressor, such as ``"JPEG2000"``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.T))
    image.SetSpacing(spacing)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    if compressor:
        writer.SetUseCompression(True)
        writer.SetCompressor(compressor)
    for k in (k for k in range(voxels.shape[2]) if k not in without):
        plane = image[:, :, k]
        attributes = {
            "0008|0060": "MR",
            "0020|000d": "1.2",
            "0020|000e": "1.2.3",
            "0018|0050": f"{spacing[2]:g}",
            "0020|0013": str(k + 1),
            "0020|0032": f"0\\0\\{k * spacing[2]:g}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        for tag, value in {**attributes, **(tags or {})}.items():
            plane.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{k:03d}.dcm"))
        writer.Execute(plane)
    return folder
