"""Reading and writing volumes: NIfTI, NRRD, MetaImage and DICOM folders through SimpleITK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from kdnet.data.volume import Grid, Volume
from kdnet.errors import DataError
from kdnet.files import replacing

LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
IMAGE_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
SHEAR_LIMIT = 0.01  # largest cosine between two axes that still counts as a rounding error


def read_volume(path: Path, component: int | None = None) -> Volume:
    """Read one scalar volume.

    Args:
        path: a NIfTI, NRRD or MetaImage file, or a folder with one DICOM series.
        component: index along the fourth axis of a 4D file.

    Raises:
        DataError: naming the file and what is wrong with it.
    """
    image = _read(path)
    if component is not None:
        image = _component(image, component, path)
    _check_scalar_3d(image, path)
    voxels = sitk.GetArrayFromImage(image).T
    if np.issubdtype(voxels.dtype, np.floating) and not np.isfinite(voxels).all():
        raise DataError(f"{path} holds NaN or infinite values: export the volume again without them.")
    return Volume(voxels, _grid(image))


def read_grid(path: Path) -> Grid:
    """Read shape and geometry alone; of a 4D file those of its first three axes.

    Raises:
        DataError: naming the file and what is wrong with it.
    """
    if path.is_dir() or path.name.endswith((".nhdr", ".mhd")):
        return read_volume(path).grid
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return read_volume(path).grid
    size, spacing, origin = reader.GetSize()[:3], reader.GetSpacing()[:3], reader.GetOrigin()[:3]
    dimension = reader.GetDimension()
    direction = np.array(reader.GetDirection()).reshape(dimension, dimension)[:3, :3]
    if len(size) < 3:
        raise DataError(f"{path} is a 2D image: choose a 3D volume.")
    i, j, k = size
    return Grid((i, j, k), _affine(direction, spacing, origin))


def write_volume(path: Path, volume: Volume) -> None:
    """Write ``volume`` atomically and compressed, in the format of the suffix, with exactly its geometry.

    Raises:
        KDNetError: when the file cannot be written.
    """
    with replacing(path) as temporary:
        try:
            sitk.WriteImage(to_sitk(volume), str(temporary), useCompression=True)
        except RuntimeError as error:
            raise OSError(0, _last_line(error)) from error


def to_sitk(volume: Volume) -> sitk.Image:
    """The volume as a SimpleITK image."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.voxels.T))
    affine = LPS_RAS @ volume.grid.affine
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing([float(value) for value in spacing])
    image.SetOrigin([float(value) for value in affine[:3, 3]])
    image.SetDirection([float(value) for value in (affine[:3, :3] / spacing).ravel()])
    return image


def check_volume(volume: Volume, name: str) -> None:
    """Refuse a volume that no network could segment.

    Args:
        volume: to be segmented.
        name: file or node, for the message.

    Raises:
        DataError: for absurd spacing or size, or voxels that are all alike.
    """
    spacing, shape = volume.grid.spacing, volume.grid.shape
    extent = [size * step for size, step in zip(shape, spacing, strict=True)]
    told = " x ".join(f"{step:.3g}" for step in spacing)
    if min(spacing) < 0.05 or max(spacing) > 20:
        raise DataError(f"{name} has a spacing of {told} mm, which no head scan has: correct its spacing.")
    if max(extent) > 1000:
        raise DataError(f"{name} is {max(extent):.0f} mm long, which no head scan is: correct its spacing or crop it.")
    if min(shape) < 8:
        raise DataError(f"{name} has only {min(shape)} voxels along one axis: choose a volume with at least 8.")
    first = volume.voxels.flat[0]
    if not (volume.voxels != first).any():
        raise DataError(f"{name} holds the value {first:g} everywhere: choose a volume that shows something.")


def _read(path: Path) -> sitk.Image:
    if path.is_dir():
        return _read_dicom(path)
    if not path.exists():
        raise DataError(f"{path} does not exist: correct its name.")
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        if path.name.endswith((".nii", ".nii.gz")) and "orthonormal" in str(error):
            return _read_unorthonormal(path)
        raise DataError(f"{path} cannot be read ({_last_line(error)}): export it again or choose another.") from error


def _read_dicom(folder: Path) -> sitk.Image:
    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not series:
        raise DataError(f"{folder} holds no DICOM series: choose a folder with the files of one MR series.")
    if len(series) > 1:
        raise DataError(f"{folder} holds {len(series)} DICOM series: choose a folder with only one.")
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0])
    try:
        return sitk.ReadImage(names)
    except RuntimeError as error:
        raise DataError(f"{folder} cannot be read ({_last_line(error)}): export the DICOM series again.") from error


def _read_unorthonormal(path: Path) -> sitk.Image:
    """Read a NIfTI whose axes are not quite perpendicular, for which ITK has no direction matrix.

    Rounding errors are removed (polar decomposition gives the nearest rotation); a real shear is refused.
    """
    file = nibabel.load(path)
    affine = np.asarray(file.affine, dtype=np.float64)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    axes = affine[:3, :3] / spacing
    if np.abs(axes.T @ axes - np.eye(3)).max() > SHEAR_LIMIT:
        raise DataError(f"{path} has axes that are not perpendicular: resample it onto a straight grid first.")
    left, _, right = np.linalg.svd(axes)
    affine[:3, :3] = left @ right * spacing
    voxels = np.asarray(file.dataobj)
    i, j, k = voxels.shape[:3]
    return to_sitk(Volume(voxels, Grid((i, j, k), affine)))


def _component(image: sitk.Image, component: int, path: Path) -> sitk.Image:
    if image.GetDimension() == 4 and component < image.GetSize()[3]:
        return image[:, :, :, component]
    if image.GetDimension() == 3 and component < image.GetNumberOfComponentsPerPixel():
        return sitk.VectorIndexSelectionCast(image, component)
    raise DataError(f"{path} has no channel {component}: correct the data set's description.")


def _check_scalar_3d(image: sitk.Image, path: Path) -> None:
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise DataError(f"{path} holds colours or vectors: choose a volume with one value per voxel.")
    if image.GetDimension() == 4:
        raise DataError(f"{path} is 4D with {image.GetSize()[3]} volumes: choose or export one 3D volume.")
    if image.GetDimension() != 3 or image.GetSize()[2] == 1:
        raise DataError(f"{path} is a 2D image: choose a 3D volume.")


def _grid(image: sitk.Image) -> Grid:
    i, j, k = image.GetSize()
    direction = np.array(image.GetDirection()).reshape(3, 3)
    return Grid((i, j, k), _affine(direction, image.GetSpacing(), image.GetOrigin()))


def _affine(direction: NDArray[np.float64], spacing: Any, origin: Any) -> NDArray[np.float64]:
    affine = np.eye(4)
    affine[:3, :3] = direction * np.asarray(spacing)
    affine[:3, 3] = origin
    return np.asarray(LPS_RAS @ affine)


def _last_line(error: Exception) -> str:
    """ITK's own sentence, without the file and line of its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].removeprefix("sitk::ERROR:").strip().rstrip(".") if lines else type(error).__name__
