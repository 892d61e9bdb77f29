"""Read a DICOM series: the slice headers are validated first, then GDCM decodes the pixels.

A series is a file per slice, or one or several multi-frame files, whose frames are treated as slices. It is named by its
folder, or by one of its files where the folder holds several series.

GDCM's own series reader makes up missing positions, orientations and spacings, straightens sheared stacks, and gives
all slices the data type of the first. So the geometry comes from the headers alone, each slice is decoded
by itself with its own rescale slope, and a series that is not one regular stack is refused.
"""

from __future__ import annotations

import filecmp
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from kdnet.data.volumes.dicom_file import MAGIC, PREAMBLE, DicomHeader, read_dicom_header
from kdnet.data.volumes.dicom_frame import is_complete
from kdnet.data.volumes.dicom_multi_frame import frames_of, single_file
from kdnet.data.volumes.dicom_stack import Stack, stack_of
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.integrity import require_reasonable, require_regular
from kdnet.errors import DataError
from kdnet.foreign import reason

SOP_CLASS, INSTANCE, SERIES, FRAMES = 0x00080016, 0x00080018, 0x0020000E, 0x00280008

ROWS, COLUMNS = 0x00280010, 0x00280011

SAMPLES, PHOTOMETRIC = 0x00280002, 0x00280004

ALLOCATED, STORED, HIGH_BIT = 0x00280100, 0x00280101, 0x00280102

INTERCEPT, SLOPE = 0x00281052, 0x00281053

IMAGE_TYPE = 0x00080008

GRAY = ("MONOCHROME1", "MONOCHROME2", "")

MULTI_FRAME = (  # SOP classes with per-frame geometry in functional groups
    "1.2.840.10008.5.1.4.1.1.4.1",
    "1.2.840.10008.5.1.4.1.1.4.3",
    "1.2.840.10008.5.1.4.1.1.4.4",
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.2.2",
)


def is_series(path: Path) -> bool:
    """Return whether a path names a DICOM series: a folder, or a file of the series."""
    if path.is_dir():
        return True
    try:
        with path.open("rb") as stream:
            return stream.read(PREAMBLE + len(MAGIC))[PREAMBLE:] == MAGIC
    except OSError:
        return False


def series_files(path: Path) -> list[Path]:
    """Return the files of a series, sorted: all of a folder, or those beside a file that are of the same series.

    Raises:
        DataError: naming a file that cannot be read.
    """
    if path.is_dir():
        return sorted(path.iterdir())
    headers = image_headers(sorted(path.parent.iterdir()))
    series = {header.text(SERIES) for header in headers if header.path.name == path.name}
    return [header.path for header in headers if header.text(SERIES) in series]


def read_series(folder: Path) -> Volume:
    """Read a DICOM series.

    Args:
        folder: folder with this series alone, or a file of the series.

    Raises:
        DataError: naming the folder or file, if there is no series or several, or if it is not one regular stack of
            complete slices.
    """
    return read_stack(series_stack(folder))


def read_stack(stack: Stack) -> Volume:
    """Read the voxels of a series whose headers are known.

    Raises:
        DataError: naming the file that cannot be decoded.
    """
    slices = [_pixels(header) for header in stack.headers]
    # every slice has the data type that its own slope and intercept require
    kind = np.result_type(*{plane.dtype for plane in slices})
    kind = np.dtype(np.float32) if kind.kind == "f" else kind
    voxels = np.empty(stack.grid.shape, dtype=kind, order="F")
    for k, plane in enumerate(slices):
        voxels[:, :, k] = plane.T
    return Volume(voxels, stack.grid, stack.doubts)


def series_stack(folder: Path, files: Sequence[Path] | None = None) -> Stack:
    """Return the slices of a DICOM series, sorted, with their grid.

    Args:
        folder: folder with this series alone, or a file of the series.
        files: files of the series, if the folder also holds others.

    Raises:
        DataError: as :func:`read_series`.
    """
    headers = image_headers(series_files(folder) if files is None else sorted(files))
    if not headers:
        raise DataError(f"{folder} does not contain a DICOM series: choose a folder with the files of one MR series.")
    series = {header.text(SERIES) for header in headers}
    if len(series) > 1:
        raise DataError(f"{folder} contains {len(series)} DICOM series: name a file of the one that is meant.")
    return checked_stack(folder, headers)


def checked_stack(name: Path, headers: Sequence[DicomHeader]) -> Stack:
    """Return the slices of one series, wherever its files are, sorted, with their grid.

    Args:
        name: folder of the series, for messages.
        headers: headers of its images, in any order; at least one.

    Raises:
        DataError: if they are not one regular stack of complete slices.
    """
    headers = [frame for header in headers for frame in frames_of(header)]
    for header in headers:
        _check_image(header)
    rows, columns = (headers[0].integer(tag) for tag in (ROWS, COLUMNS))
    require_reasonable((columns, rows, len(headers)), name)
    return stack_of(name, headers)


def image_headers(paths: Sequence[Path]) -> list[DicomHeader]:
    """Return the headers of all images among files, without copies of the same file.

    Reports, presentation states and other files are skipped.

    Raises:
        DataError: naming a file that is damaged, or not DICOM although its name says so.
    """
    headers: list[DicomHeader] = []
    seen: dict[tuple[str, str], Path] = {}
    for path in paths:
        if not path.is_file() or path.name.startswith("."):
            continue
        header = read_dicom_header(path)
        if header is None and path.suffix.lower() in (".dcm", ".ima"):
            raise DataError(f"{path} is empty or not a DICOM file: copy or export the series again.")
        if header is None or (header.pixel_bytes is None and ROWS not in header.values):
            continue
        twin = seen.setdefault((header.text(SERIES), header.text(INSTANCE)), path)
        if twin == path or not filecmp.cmp(twin, path, shallow=False):  # some tools give all slices one identifier
            headers.append(header)
    return headers


def _check_image(header: DicomHeader) -> None:
    """Refuse an image that is not a complete grayscale slice."""
    path = header.path
    frames = header.text(FRAMES) or "1"
    if header.frame is None and (header.text(SOP_CLASS) in MULTI_FRAME or frames != "1"):
        raise DataError(
            f"{path} is a multi-frame DICOM file that does not describe each of its frames: "
            "convert it to NIfTI first, for example with dcm2niix."
        )
    if "MOSAIC" in header.text(IMAGE_TYPE).upper():
        raise DataError(
            f"{path} is a mosaic (many slices in one image): convert it to NIfTI first, for example with dcm2niix."
        )
    if header.integer(SAMPLES, 1) != 1 or header.text(PHOTOMETRIC) not in GRAY:
        raise DataError(f"{path} contains color data: choose a series with one value per voxel.")
    rows, columns = header.integer(ROWS), header.integer(COLUMNS)
    allocated = header.integer(ALLOCATED)
    stored = header.integer(STORED, allocated)
    if min(rows, columns) < 1 or allocated not in (8, 16, 32) or not 0 < stored <= allocated:
        raise DataError(f"{path} does not specify its matrix size or bit depth: export the DICOM series again.")
    if header.integer(HIGH_BIT, stored - 1) >= allocated:
        raise DataError(f"{path} has an invalid high bit: export the DICOM series again.")
    if header.pixel_bytes is None:
        raise DataError(f"{path} has no pixel data: export the DICOM series again.")
    size = rows * columns * allocated // 8
    if 0 <= header.pixel_bytes < size or (header.pixel_bytes < 0 and not is_complete(header, size)):
        raise DataError(f"{path} is truncated (its pixel data ends early): copy or export the DICOM series again.")
    for tag in (SLOPE, INTERCEPT):
        if header.text(tag) and header.numbers(tag, 1) is None:
            raise DataError(f"{path} has an invalid rescale slope or intercept: export the DICOM series again.")
    if header.numbers(SLOPE, 1) == (0.0,):
        raise DataError(f"{path} has a rescale slope of 0: export the DICOM series again.")


def _pixels(header: DicomHeader) -> NDArray[Any]:
    """Return the rescaled values of a slice, ``[row, column]``."""
    require_regular(header.path)
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    try:
        with single_file(header) as path:
            reader.SetFileName(str(path))
            plane: NDArray[Any] = sitk.GetArrayFromImage(reader.Execute())
    except RuntimeError as error:
        raise DataError(f"{header.path} cannot be read ({reason(error)}): export the DICOM series again.") from error
    return plane.reshape(header.integer(ROWS), header.integer(COLUMNS))
