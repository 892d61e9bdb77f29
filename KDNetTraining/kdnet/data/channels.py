"""How many volumes a file holds, by its header alone."""

from __future__ import annotations

from pathlib import Path

import SimpleITK as sitk

from kdnet.foreign import reading


def count_volumes(path: Path) -> int:
    """Return the length of the fourth axis of a file, or its number of components; 1 for a plain 3D file.

    Raises:
        DataError: naming a file that cannot be read.
    """
    with reading(path, "export it again or leave the case out"):
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        size = reader.GetSize()
        return int(size[3]) if len(size) > 3 else int(reader.GetNumberOfComponents())
