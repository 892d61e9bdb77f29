"""Count the volumes in a file from its header alone."""

from __future__ import annotations

from pathlib import Path

from kdnet.data.volumes.io import NIFTI_SUFFIXES, itk_format
from kdnet.data.volumes.itk_files import count_itk_volumes
from kdnet.data.volumes.nifti import read_nifti_header
from kdnet.foreign import reading


def count_volumes(path: Path) -> int:
    """Return the number of 3D volumes in a file, as further axes or components; 1 for a plain 3D file.

    Raises:
        DataError: if the file cannot be read; names the file.
    """
    with reading(path, "export it again or exclude the case"):
        if path.name.lower().endswith(NIFTI_SUFFIXES):
            return read_nifti_header(path).volumes
        return count_itk_volumes(path, itk_format(path))
