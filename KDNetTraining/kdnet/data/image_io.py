"""Reading and writing volumes: NIfTI, NRRD, MetaImage and DICOM folders.

SimpleITK reads, so that a volume lies where Slicer and other ITK programs see it. NIfTI is written by nibabel, because ITK
writes half a file to a full disk without an error, and because only so a labelmap can have both of its input's transforms.
"""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import SimpleITK as sitk
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from kdnet.data.integrity import require_whole
from kdnet.data.volume import Grid, Volume
from kdnet.errors import DataError
from kdnet.files import replacing

ODD_NIFTI = (ImageFileError, HeaderDataError, ValueError, OSError)  # of nibabel

LPS_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
IMAGE_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd")
NIFTI_SUFFIXES = (".nii", ".nii.gz")
NIFTI_QFORM = ("qform_code", "quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z", "pixdim")
NIFTI_SFORM = ("sform_code", "srow_x", "srow_y", "srow_z")
SLICE_GAP_LIMIT = 0.1  # largest unevenness of DICOM slices, in parts of their distance
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
    if np.issubdtype(voxels.dtype, np.complexfloating):
        raise DataError(f"{path} holds complex numbers: export its magnitude.")
    if np.issubdtype(voxels.dtype, np.floating) and not (np.isfinite(voxels).all() and _is_finite(path, component)):
        raise DataError(f"{path} holds NaN or infinite values: export the volume again without them.")
    return Volume(voxels, _grid(image, path), _doubts(path))


def volume_warnings(path: Path, volume: Volume) -> tuple[str, ...]:
    """Return what a user should know about a volume that was read but whose file leaves something in doubt.

    For example a NIfTI file that says nothing about how the patient lies, whose left and right are a guess. Nothing is read
    again: the reader has left its remarks in ``volume.warnings``.

    Args:
        path: that the volume was read from, to name it.
        volume: as ``read_volume`` returned it.

    Returns:
        One sentence each, which names the file, the doubt and what to check; empty for a volume without doubts.
    """
    return tuple(f"{path} {doubt}" for doubt in volume.warnings)


def read_grid(path: Path) -> Grid:
    """Read shape and geometry alone; of a 4D file those of its first three axes.

    Raises:
        DataError: naming the file and what is wrong with it.
    """
    if path.is_dir() or path.name.endswith((".nhdr", ".mhd")):
        return _grid(_read(path), path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return _grid(_read(path), path)
    return _grid(reader, path)


def write_volume(path: Path, volume: Volume, *, like: Path | None = None) -> None:
    """Write ``volume`` atomically and compressed, in the format of the suffix, with exactly its geometry.

    Args:
        path: ending in one of ``IMAGE_SUFFIXES``.
        volume: to write.
        like: the file whose grid this is. From NIfTI to NIfTI both of its transforms are then taken over to the bit, with
            their codes, so that programs which disagree on which of them counts all see the two at one place.

    Raises:
        KDNetError: when the file cannot be written.
    """
    with replacing(path) as temporary:
        if path.name.endswith(NIFTI_SUFFIXES):
            _write_nifti(temporary, volume, like if like and like.name.lower().endswith(NIFTI_SUFFIXES) else None)
            return
        try:
            sitk.WriteImage(to_sitk(volume), str(temporary), useCompression=True)
        except RuntimeError as error:
            raise OSError(0, _last_line(error)) from error


def to_sitk(volume: Volume) -> sitk.Image:
    """The volume as a SimpleITK image."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(volume.voxels.T))
    _set_geometry(image, volume.grid.affine)
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
    try:
        str(path).encode()
    except UnicodeEncodeError as error:  # ITK would end the process
        raise DataError(f"{str(path)!a} has a name that is no UTF-8: rename it.") from error
    if path.is_dir():
        return _read_dicom(path)
    if not path.exists():
        raise DataError(f"{path} does not exist: correct its name.")
    require_whole(path)
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        if path.name.lower().endswith(NIFTI_SUFFIXES) and "orthonormal" in str(error):
            return _read_unorthonormal(path)
        raise DataError(f"{path} cannot be read ({_last_line(error)}): export it again or choose another.") from error


def _read_dicom(folder: Path) -> sitk.Image:
    series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not series:
        raise DataError(f"{folder} holds no DICOM series: choose a folder with the files of one MR series.")
    if len(series) > 1:
        raise DataError(f"{folder} holds {len(series)} DICOM series: choose a folder with only one.")
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series[0])
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(names)
    reader.MetaDataDictionaryArrayUpdateOn()
    try:
        image = reader.Execute()
    except RuntimeError as error:
        raise DataError(f"{folder} cannot be read ({_last_line(error)}): export the DICOM series again.") from error
    if len(names) > 2:
        distances = np.linalg.norm(np.diff(_slice_positions(reader, len(names)), axis=0), axis=1)
        if np.ptp(distances) > SLICE_GAP_LIMIT * np.median(distances):
            raise DataError(f"{folder} lacks slices or has them unevenly spaced: export the whole DICOM series again.")
    return image


def _slice_positions(reader: sitk.ImageSeriesReader, count: int) -> NDArray[np.float64]:
    """Image Position (Patient) of each slice; zeros where a file has none."""
    tag = "0020|0032"
    positions = [reader.GetMetaData(i, tag) if reader.HasMetaDataKey(i, tag) else "0\\0\\0" for i in range(count)]
    return np.array([[float(value) for value in position.split("\\")] for position in positions])


def _read_unorthonormal(path: Path) -> sitk.Image:
    """Read a NIfTI whose axes are not quite perpendicular, for which ITK has no direction matrix.

    Rounding errors are removed (polar decomposition gives the nearest rotation); a real shear is refused.
    """
    file = nibabel.load(path)
    affine = np.asarray(file.affine, dtype=np.float64)
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    if not spacing.all():
        raise DataError(f"{path} has a voxel of no size: correct its header.")
    axes = affine[:3, :3] / spacing
    if np.abs(axes.T @ axes - np.eye(3)).max() > SHEAR_LIMIT:
        raise DataError(f"{path} has axes that are not perpendicular: resample it onto a straight grid first.")
    left, _, right = np.linalg.svd(axes)
    affine[:3, :3] = left @ right * spacing
    voxels = np.asarray(file.dataobj)
    if voxels.dtype.names:
        raise DataError(f"{path} holds colours or vectors: choose a volume with one value per voxel.")
    image = sitk.GetImageFromArray(np.ascontiguousarray(voxels.T), isVector=False)
    if voxels.ndim in (3, 4):
        _set_geometry(image, affine)
    return image


def _write_nifti(path: Path, volume: Volume, like: Path | None) -> None:
    image = nibabel.Nifti1Image(volume.voxels, volume.grid.affine, dtype=volume.voxels.dtype)
    image.header.set_xyzt_units("mm")
    image.set_sform(volume.grid.affine, code=1)
    image.set_qform(volume.grid.affine, code=1)
    source = _nifti_header(like) if like else None
    if source is not None and source.get_data_shape()[:3] == volume.grid.shape:
        for name in (*NIFTI_QFORM, *NIFTI_SFORM, "xyzt_units"):
            image.header[name] = source[name]
        image = nibabel.Nifti1Image(volume.voxels, None, image.header)
    nibabel.save(image, path)


def _nifti_header(path: Path) -> nibabel.Nifti1Header | None:
    """The header as it is stored; None where nibabel is stricter than ITK, which has read the file."""
    try:
        header: nibabel.Nifti1Header = nibabel.load(path).header
    except ODD_NIFTI:
        return None
    return header


def _doubts(path: Path) -> tuple[str, ...]:
    """What the header of a NIfTI file leaves open about the place of its voxels."""
    header = _nifti_header(path) if path.name.lower().endswith(NIFTI_SUFFIXES) else None
    if header is None or header["qform_code"] > 0 or header["sform_code"] > 0:
        return ()
    return ("does not say how the patient lies (neither qform nor sform): check that left and right are not exchanged.",)


def _is_finite(path: Path, component: int | None) -> bool:
    """Whether a NIfTI file of floats holds neither NaN nor infinity, in whose place ITK silently puts 0."""
    if not path.name.lower().endswith(NIFTI_SUFFIXES):
        return True
    try:
        stored = nibabel.load(path).dataobj
    except ODD_NIFTI as error:
        raise DataError(f"{path} cannot be read ({_last_line(error)}): export it again or choose another.") from error
    return stored.dtype.kind != "f" or bool(np.isfinite(stored if component is None else stored[..., component]).all())


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


def _grid(image: sitk.Image | sitk.ImageFileReader, path: Path) -> Grid:
    dimension, size = image.GetDimension(), image.GetSize()
    if dimension < 3:
        raise DataError(f"{path} is a 2D image: choose a 3D volume.")
    direction = np.array(image.GetDirection()).reshape(dimension, dimension)[:3, :3]
    affine = np.eye(4)
    affine[:3, :3] = direction * np.asarray(image.GetSpacing()[:3])
    affine[:3, 3] = image.GetOrigin()[:3]
    return Grid((size[0], size[1], size[2]), np.asarray(LPS_RAS @ affine))


def _set_geometry(image: sitk.Image, affine: NDArray[np.float64]) -> None:
    """Give ``image`` of three axes, or four, the place of ``affine`` (to RAS)."""
    more = image.GetDimension() - 3
    lps = LPS_RAS @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    direction = np.eye(3 + more)
    direction[:3, :3] = lps[:3, :3] / spacing
    image.SetSpacing([*spacing.tolist(), *[1.0] * more])
    image.SetOrigin([*lps[:3, 3].tolist(), *[0.0] * more])
    image.SetDirection(direction.ravel().tolist())


def _last_line(error: Exception) -> str:
    """ITK's own sentence, without the file and line of its source."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1].removeprefix("sitk::ERROR:").strip().rstrip(".") if lines else type(error).__name__
