"""Read and write volumes: NIfTI, NRRD, MetaImage and DICOM folders.

Each format has its own module that validates a file before a library opens it; any remaining failure becomes a
one-sentence error. Volumes lie where Slicer and other ITK programs show them. NIfTI is written by nibabel: ITK writes a
partial file to a full disk without an error, and could not give a labelmap both transforms of its input.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from kdnet.data.volumes.dicom import is_series, read_series
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.itk_files import LPS_RAS, METAIMAGE, NRRD, ItkFormat, read_itk
from kdnet.data.volumes.nifti import read_nifti, read_nifti_header
from kdnet.errors import DataError
from kdnet.files import atomic_write
from kdnet.foreign import reading, reason

IMAGE_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")

WRITTEN_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".mha")  # single files, which can replace another atomically

NIFTI_SUFFIXES = (".nii", ".nii.gz")

NRRD_SUFFIXES = (".nrrd", ".nhdr")

NIFTI_QFORM = ("qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z", "pixdim")

NIFTI_SFORM = ("sform_code", "srow_x", "srow_y", "srow_z")

REMEDY = "export it again or choose another"


def read_volume(path: Path, component: int | None = None) -> Volume:
    """Read one scalar volume.

    Args:
        path: path of a NIfTI, NRRD or MetaImage file, of a folder with one DICOM series, or of a file of a DICOM series,
            which is read with the others of its series in the same folder.
        component: index along the fourth axis of a 4D file.

    Returns:
        The volume, with any ambiguities of its file in ``warnings``.

    Raises:
        DataError: naming the file and what is wrong with it, whatever its content.
    """
    _require_utf8(path)
    read: Callable[..., Volume]
    if not path.name.lower().endswith(IMAGE_SUFFIXES) and is_series(path):
        read = read_series
    elif path.name.lower().endswith(NIFTI_SUFFIXES):
        read = partial(read_nifti, component=component)
    else:
        read = partial(read_itk, kind=itk_format(path), component=component)
    with reading(path, REMEDY):
        volume = read(path)
        # the extremes are NaN or infinite if any value is, and take no memory
        if volume.voxels.dtype.kind == "f" and not np.isfinite([volume.voxels.min(), volume.voxels.max()]).all():
            raise DataError(f"{path} contains NaN or infinite values: export the volume again without them.")
        return volume


def write_volume(path: Path, volume: Volume, *, like: Path | None = None) -> None:
    """Write ``volume`` atomically and compressed, in the format of the suffix, with its exact geometry.

    Args:
        path: output path, ending in one of ``WRITTEN_SUFFIXES``.
        volume: volume to write.
        like: the file with the same grid. From NIfTI to NIfTI, both transforms are copied bit for bit with their codes,
            so that programs that prefer different ones all show both files in the same place.

    Raises:
        KDNetError: if the file cannot be written, or its suffix means no format or one with two files.
    """
    _require_utf8(path)
    if not path.name.lower().endswith(WRITTEN_SUFFIXES):
        raise DataError(f"{path} does not have the suffix of an image format that can be written: use .nii.gz or .nrrd.")
    with atomic_write(path) as temporary:
        if path.name.lower().endswith(NIFTI_SUFFIXES):
            _write_nifti(temporary, volume, like if like and like.name.lower().endswith(NIFTI_SUFFIXES) else None)
            return
        try:
            sitk.WriteImage(to_sitk(volume), str(temporary), useCompression=True)
        except RuntimeError as error:
            raise OSError(0, reason(error)) from error


def to_sitk(volume: Volume) -> sitk.Image:
    """Return the volume as a SimpleITK image."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.voxels.T))
    _set_geometry(image, volume.grid.affine)
    return image


def check_volume(volume: Volume, name: str) -> None:
    """Refuse a volume that no network could segment.

    Args:
        volume: volume to segment.
        name: file or node, for the message.

    Raises:
        DataError: for unreasonable spacing or size, or constant voxels.
    """
    spacing, shape = volume.grid.spacing, volume.grid.shape
    extent = [size * step for size, step in zip(shape, spacing, strict=True)]
    shown = " x ".join(f"{step:.3g}" for step in spacing)
    if min(spacing) < 0.05 or max(spacing) > 20:
        raise DataError(f"{name} has a spacing of {shown} mm, which is implausible for a head scan: correct its spacing.")
    if max(extent) > 1000:
        raise DataError(
            f"{name} is {max(extent):.0f} mm long, which is implausible for a head scan: correct its spacing or crop it."
        )
    if min(shape) < 8:
        raise DataError(f"{name} has only {min(shape)} voxels along one axis: choose a volume with at least 8.")
    first = volume.voxels.flat[0]
    if not (volume.voxels != first).any():
        raise DataError(f"{name} has the value {first:g} in every voxel: choose a volume with image content.")


def _write_nifti(path: Path, volume: Volume, like: Path | None) -> None:
    image = nibabel.Nifti1Image(volume.voxels, volume.grid.affine, dtype=volume.voxels.dtype)
    image.header.set_xyzt_units("mm")
    image.set_sform(volume.grid.affine, code=1)
    image.set_qform(volume.grid.affine, code=1)
    source = read_nifti_header(like) if like else None
    if source is not None and source.shape[:3] == volume.grid.shape:
        for name in (*NIFTI_QFORM, *NIFTI_SFORM, "xyzt_units"):
            image.header[name] = source.fields[name]
        image = nibabel.Nifti1Image(volume.voxels, None, image.header)
    nibabel.save(image, path)


def _set_geometry(image: sitk.Image, affine: NDArray[np.float64]) -> None:
    """Set the geometry of a three-axis ``image`` from ``affine`` (to RAS)."""
    lps = LPS_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())


def itk_format(path: Path) -> ItkFormat:
    """Return the format of an NRRD or MetaImage file by its suffix.

    Raises:
        DataError: for any other suffix.
    """
    name = path.name.lower()
    if name.endswith(NRRD_SUFFIXES):
        return NRRD
    if name.endswith((".mha", ".mhd")):
        return METAIMAGE
    if path.exists():
        raise DataError(
            f"{path} is not in a supported format: choose a NIfTI, NRRD or MetaImage file, or a folder with a DICOM series."
        )
    raise DataError(f"{path} does not exist: correct its name.")


def _require_utf8(path: Path) -> None:
    try:
        str(path).encode()
    except UnicodeEncodeError as error:  # ITK would terminate the process
        raise DataError(f"{str(path)!a} has a name that is not valid UTF-8: rename it.") from error
