"""Read MetaImage and NRRD files after validating their headers.

ITK provides the geometry. Compressed and raw values are read from the file itself: ITK decompresses incorrectly if a
MetaImage header lacks the compressed size, and does not verify checksums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from kdnet.data.volumes.geometry import SPACING_LIMIT, straight_grid
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.integrity import inflate_whole, read_payload, require_payload
from kdnet.data.volumes.metaimage import CheckedHeader, check_metaimage
from kdnet.data.volumes.nrrd import check_nrrd
from kdnet.errors import DataError

KINDS = {  # value types by ITK pixel type number; a list axis of one makes it a vector of one value
    kind: name
    for name, kinds in {
        "i1": (sitk.sitkInt8, sitk.sitkVectorInt8),
        "u1": (sitk.sitkUInt8, sitk.sitkVectorUInt8),
        "i2": (sitk.sitkInt16, sitk.sitkVectorInt16),
        "u2": (sitk.sitkUInt16, sitk.sitkVectorUInt16),
        "i4": (sitk.sitkInt32, sitk.sitkVectorInt32),
        "u4": (sitk.sitkUInt32, sitk.sitkVectorUInt32),
        "i8": (sitk.sitkInt64, sitk.sitkVectorInt64),
        "u8": (sitk.sitkUInt64, sitk.sitkVectorUInt64),
        "f4": (sitk.sitkFloat32, sitk.sitkVectorFloat32),
        "f8": (sitk.sitkFloat64, sitk.sitkVectorFloat64),
    }.items()
    for kind in kinds
}

LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class ItkFormat:
    """A format read through ITK.

    Attributes:
        reader: ITK's name for it, so that the suffix may be uppercase.
        check: function that validates a header.
    """

    reader: str
    check: Callable[[Path], CheckedHeader]


METAIMAGE = ItkFormat("MetaImageIO", check_metaimage)

NRRD = ItkFormat("NrrdImageIO", check_nrrd)


def read_itk(path: Path, kind: ItkFormat, component: int | None = None) -> Volume:
    """Read one scalar volume.

    Args:
        path: path of the file.
        kind: format of the file.
        component: index along the fourth axis or of the channel of a file with several.

    Raises:
        DataError: naming the file and what is wrong with it.
        RuntimeError: ITK's own, if the file breaks a rule that only ITK knows.
    """
    header = kind.check(path)
    reader = _reader(path, kind, header)
    grid = itk_grid(reader, path)
    _require_volume(reader, component, path)
    payload = header.payload
    if reader.GetNumberOfComponents() > 1 or payload.encoding == "text":
        require_payload(payload, path)
        if payload.encoding == "deflate":  # verifies the checksum
            inflate_whole(payload.path, payload.size, skip=payload.offset, packed=payload.packed)
        values = sitk.GetArrayFromImage(reader.Execute())
    else:
        values = read_payload(payload, KINDS[reader.GetPixelIDValue()], path)
    volumes = max(reader.GetNumberOfComponents(), prod(reader.GetSize()[3:]))
    # vector values are interleaved, volumes of a 4D file are consecutive
    order = (volumes, *grid.shape) if reader.GetNumberOfComponents() > 1 else (*grid.shape, volumes)
    stacked = values.ravel().reshape(order, order="F")
    chosen = stacked[component or 0] if reader.GetNumberOfComponents() > 1 else stacked[..., component or 0]
    return Volume(chosen.copy(order="F") if volumes > 1 else chosen, grid, header.doubts)


def count_itk_volumes(path: Path, kind: ItkFormat) -> int:
    """Return the number of 3D volumes in a file, as further axes or components.

    Raises:
        DataError: naming the file and what is wrong with it.
        RuntimeError: ITK's own.
    """
    reader = _reader(path, kind, kind.check(path))
    return int(prod(reader.GetSize()[3:]) * reader.GetNumberOfComponents())


def itk_grid(image: sitk.Image | sitk.ImageFileReader, path: Path) -> Grid:
    """Return the grid of an image or header read by ITK.

    Raises:
        DataError: for a 2D image or one with sheared axes.
    """
    dimension, size = image.GetDimension(), image.GetSize()
    if dimension < 3:
        raise DataError(f"{path} is a 2D image: choose a 3D volume.")
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)
    lengths = np.linalg.norm(direction[:3, :3], axis=0)
    if (np.abs(lengths - 1) > SPACING_LIMIT).any() or direction[3:, :3].any() or direction[:3, 3:].any():
        raise DataError(f"{path} has a direction matrix that scales or mixes its axes: correct its header.")
    affine = np.eye(4)
    affine[:3, :3] = direction[:3, :3] * np.asarray(image.GetSpacing()[:3])
    affine[:3, 3] = image.GetOrigin()[:3]
    return straight_grid(size[:3], LPS_RAS @ affine, path)


def _reader(path: Path, kind: ItkFormat, header: CheckedHeader) -> sitk.ImageFileReader:
    """Return a reader that has read the header and confirmed the results of the check."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO(kind.reader)
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    if prod(reader.GetSize()) * reader.GetNumberOfComponents() != prod(header.payload.shape):
        raise DataError(f"{path} has an ambiguous header: export it again.")
    if reader.GetPixelIDValue() not in KINDS:
        raise DataError(f"{path} has voxels of an unknown type: export it as integers or floats.")
    return reader


def _require_volume(reader: sitk.ImageFileReader, component: int | None, path: Path) -> None:
    """Refuse a file without a 3D volume, or with several if none is selected."""
    size, components = reader.GetSize(), reader.GetNumberOfComponents()
    volumes = prod(size[3:])
    if component is not None and not 0 <= component < max(components, volumes):
        raise DataError(f"{path} does not have channel {component}: choose an existing one.")
    if components > 1 and (component is None or volumes > 1):
        raise DataError(f"{path} contains colors or vectors: choose a volume with one value per voxel.")
    if volumes > 1 and component is None:
        raise DataError(f"{path} is {len(size)}D with {volumes} volumes: choose one (--channel) or export one separately.")
    if min(size[:3]) == 1:
        raise DataError(f"{path} is a 2D image: choose a 3D volume.")
