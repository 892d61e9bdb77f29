"""Reading MetaImage and NRRD files with ITK, after their headers have been judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from kdnet.data.geometry import SPACING_LIMIT, straight_grid
from kdnet.data.integrity import require_payload
from kdnet.data.metaimage import CheckedHeader, check_metaimage
from kdnet.data.nrrd import check_nrrd
from kdnet.data.volume import Grid, Volume
from kdnet.errors import DataError

LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True)
class ItkFormat:
    """One of the formats that ITK reads here.

    Attributes:
        reader: ITK's name of it, so that the suffix may be in upper case.
        check: judges a header.
    """

    reader: str
    check: Callable[[Path], CheckedHeader]


METAIMAGE = ItkFormat("MetaImageIO", check_metaimage)
NRRD = ItkFormat("NrrdImageIO", check_nrrd)


def read_itk(path: Path, kind: ItkFormat, component: int | None = None) -> Volume:
    """Read one scalar volume.

    Args:
        path: of the file.
        kind: its format.
        component: index along the fourth axis or of the channel of a file with several.

    Raises:
        DataError: naming the file and what is wrong with it.
        RuntimeError: ITK's own, where the file breaks a rule that only ITK knows.
    """
    header = kind.check(path)
    require_payload(header.payload, path)
    reader = _reader(path, kind, header)
    grid = itk_grid(reader, path)
    image = reader.Execute()
    if component is not None:
        image = _component(image, component, path)
    while image.GetDimension() > 3 and image.GetSize()[-1] == 1:
        image = image[(slice(None),) * (image.GetDimension() - 1) + (0,)]
    _require_scalar_3d(image, path)
    return Volume(sitk.GetArrayFromImage(image).T, grid, header.doubts)


def read_itk_grid(path: Path, kind: ItkFormat) -> Grid:
    """Read shape and place alone; of a 4D file those of its first three axes.

    Raises:
        DataError: naming the file and what is wrong with it.
        RuntimeError: ITK's own.
    """
    return itk_grid(_reader(path, kind, kind.check(path)), path)


def itk_grid(image: sitk.Image | sitk.ImageFileReader, path: Path) -> Grid:
    """Return the grid of what ITK has read.

    Raises:
        DataError: for an image of two axes or one whose axes are sheared.
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
    """A reader that has read the header, and found in it what the check found."""
    reader = sitk.ImageFileReader()
    reader.SetImageIO(kind.reader)
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    if prod(reader.GetSize()) * reader.GetNumberOfComponents() != prod(header.payload.shape):
        raise DataError(f"{path} has a header that can be read in two ways: export it again.")
    return reader


def _component(image: sitk.Image, component: int, path: Path) -> sitk.Image:
    if image.GetDimension() == 4 and 0 <= component < image.GetSize()[3]:
        return image[:, :, :, component]
    if image.GetDimension() == 3 and 0 <= component < image.GetNumberOfComponentsPerPixel():
        return (
            image
            if component == 0 and image.GetNumberOfComponentsPerPixel() == 1
            else (sitk.VectorIndexSelectionCast(image, component))
        )
    raise DataError(f"{path} has no channel {component}: choose one that it has.")


def _require_scalar_3d(image: sitk.Image, path: Path) -> None:
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise DataError(f"{path} holds colours or vectors: choose a volume with one value per voxel.")
    if image.GetDimension() > 3:
        volumes = prod(image.GetSize()[3:])
        raise DataError(f"{path} is {image.GetDimension()}D with {volumes} volumes: choose one (--channel) or export it.")
    if min(image.GetSize()) == 1:
        raise DataError(f"{path} is a 2D image: choose a 3D volume.")
