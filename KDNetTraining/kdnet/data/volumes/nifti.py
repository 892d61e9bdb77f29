"""Read NIfTI-1 and NIfTI-2 files: the header is validated first, and the voxels are decompressed once.

nibabel parses the header fields. The voxels are read from the named file itself, because ITK's reader confuses a
file with its neighbor of the other suffix, trusts any offset and hides NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from kdnet.data.volumes.geometry import straight_grid
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.integrity import (
    GZIP_MAGIC,
    inflate_start,
    inflate_whole,
    require_reasonable,
    require_regular,
    truncated,
)
from kdnet.data.volumes.nifti_place import nifti_affine
from kdnet.errors import DataError

KINDS = {348: (nibabel.Nifti1Header, b"n+1\0", b"ni1\0"), 540: (nibabel.Nifti2Header, b"n+2\0", b"ni2\0")}

MAGIC_AT = {348: 344, 540: 4}

LONGEST_HEADER = 544

MOST_OFFSET = 1 << 26  # header extensions stay far below

SCALARS = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8"}

COMPLEX = (32, 1792, 2048)

COLORS = (128, 2304)


@dataclass(frozen=True)
class NiftiHeader:
    """A validated header.

    Attributes:
        fields: nibabel's header, as stored.
        shape: number of voxels along all axes, at least three.
        dtype: type of the stored voxels, with their byte order.
        offset: offset of the first voxel in the (decompressed) file.
        compressed: whether the file is a gzip file.
        scale: slope and intercept, None if voxels are stored unscaled.
    """

    fields: Any
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    compressed: bool
    scale: tuple[float, float] | None

    @property
    def volumes(self) -> int:
        """Number of 3D volumes in the file."""
        return prod(self.shape[3:])


def read_nifti_header(path: Path) -> NiftiHeader:
    """Read and validate the header of a NIfTI file.

    Raises:
        DataError: naming the file, if the header is foreign, damaged or promises more than the file holds.
    """
    size_of_file = require_regular(path)
    with path.open("rb") as stream:
        start = stream.read(LONGEST_HEADER)
    compressed = start.startswith(GZIP_MAGIC)
    if compressed:
        if path.name.lower().endswith(".nii"):
            raise DataError(f"{path} is compressed: rename it to end in .nii.gz.")
        start = inflate_start(path, LONGEST_HEADER)
    fields, size = _fields(start, path)
    shape, dtype = _shape(fields, path), _dtype(fields, path)
    header = NiftiHeader(fields, shape, dtype, _offset(fields, size, path), compressed, _scale(fields, path))
    require_reasonable(shape, path)
    if not compressed and size_of_file < header.offset + prod(shape) * dtype.itemsize:
        raise truncated(path)
    return header


def read_nifti(path: Path, component: int | None = None) -> Volume:
    """Read one volume of a NIfTI file.

    Args:
        path: path of the file.
        component: index of the volume in a file with several.

    Raises:
        DataError: naming the file and what is wrong with it.
    """
    header = read_nifti_header(path)
    _require_volume(header, component, path)
    affine, doubts = nifti_affine(header.fields, header.shape[:3], path)
    grid = straight_grid(header.shape[:3], affine, path)
    volumes = _stored(header, path).reshape((*header.shape[:3], header.volumes), order="F")
    chosen = volumes[..., component or 0]
    # a copy releases the other volumes
    return Volume(_scaled(chosen.copy(order="F") if header.volumes > 1 else chosen, header.scale), grid, doubts)


def _fields(start: bytes, path: Path) -> tuple[Any, int]:
    for order, mark in (("little", "<"), ("big", ">")):
        size = int.from_bytes(start[:4], order)  # type: ignore[arg-type]
        if size not in KINDS:
            continue
        if len(start) < size:
            raise truncated(path)
        kind, single, pair = KINDS[size]
        magic = start[MAGIC_AT[size] : MAGIC_AT[size] + 4]
        if magic == pair:
            raise DataError(f"{path} stores its voxels in another file: save it as one .nii or .nii.gz file.")
        if magic != single:
            break
        return kind(start[:size], endianness=mark, check=False), size
    raise DataError(f"{path} is not a NIfTI file: export it again or choose another.")


def _shape(fields: Any, path: Path) -> tuple[int, ...]:
    dimensions = int(fields["dim"][0])
    shape = tuple(int(length) for length in fields["dim"][1 : 1 + max(dimensions, 0)])
    if not 1 <= dimensions <= 7 or min(shape) < 1:
        raise DataError(f"{path} has axes of length zero (dim {fields['dim'].tolist()}): export it again.")
    if dimensions < 3:
        raise DataError(f"{path} is a 2D image: choose a 3D volume.")
    return shape


def _dtype(fields: Any, path: Path) -> np.dtype[Any]:
    code = int(fields["datatype"])
    if code in COMPLEX:
        raise DataError(f"{path} contains complex numbers: export its magnitude.")
    if code in COLORS:
        raise DataError(f"{path} contains colors or vectors: choose a volume with one value per voxel.")
    if code not in SCALARS:
        raise DataError(f"{path} has voxels of an unknown type ({code}): export it as integers or floats.")
    stored: np.dtype[Any] = np.dtype(fields.endianness + SCALARS[code])
    return stored


def _offset(fields: Any, size: int, path: Path) -> int:
    offset = float(fields["vox_offset"])
    if not size + 4 <= offset <= MOST_OFFSET or offset != int(offset):
        raise DataError(f"{path} has an invalid voxel offset ({offset:g} bytes): export it again.")
    return int(offset)


def _scale(fields: Any, path: Path) -> tuple[float, float] | None:
    slope, intercept = float(fields["scl_slope"]), float(fields["scl_inter"])
    if slope == 0 or np.isnan(slope):  # not scaled, by definition of the format
        return None
    if not np.isfinite([slope, intercept]).all():
        raise DataError(
            f"{path} has an invalid voxel scaling (slope {slope:g}, intercept {intercept:g}): correct its header."
        )
    return None if (slope, intercept) == (1, 0) else (slope, intercept)


def _require_volume(header: NiftiHeader, component: int | None, path: Path) -> None:
    if int(header.fields["intent_code"]) in range(1003, 1012) and header.volumes > 1:
        raise DataError(f"{path} contains colors or vectors: choose a volume with one value per voxel.")
    if component is not None and not 0 <= component < header.volumes:
        raise DataError(f"{path} does not have channel {component}: choose an existing one.")
    if component is None and header.volumes > 1:
        dimensions = sum(length > 1 for length in header.shape[3:]) + 3
        raise DataError(
            f"{path} is {dimensions}D with {header.volumes} volumes: choose one (--channel) or export one separately."
        )
    if min(header.shape[:3]) == 1:
        raise DataError(f"{path} is a 2D image: choose a 3D volume.")


def _stored(header: NiftiHeader, path: Path) -> NDArray[Any]:
    count = prod(header.shape)
    if not header.compressed:
        stored = np.fromfile(path, dtype=header.dtype, count=count, offset=header.offset)
        if stored.size < count:
            raise truncated(path)
        return stored
    size = header.offset + count * header.dtype.itemsize
    return np.frombuffer(inflate_whole(path, size), dtype=header.dtype, count=count, offset=header.offset)


def _scaled(stored: NDArray[Any], scale: tuple[float, float] | None) -> NDArray[Any]:
    """Return ``stored`` in native byte order and aligned, with slope and intercept applied."""
    if scale is None:
        native = stored.astype(stored.dtype.newbyteorder("="), copy=False)
        return np.require(native, requirements=["ALIGNED", "WRITEABLE"])
    single = stored.dtype.itemsize <= 2 or (stored.dtype.kind, stored.dtype.itemsize) == ("f", 4)
    scaled: NDArray[Any] = stored.astype(np.float32 if single else np.float64)
    with np.errstate(over="ignore", invalid="ignore"):  # non-finite results are refused by the caller that reads the volume
        np.multiply(scaled, scale[0], out=scaled)
        np.add(scaled, scale[1], out=scaled)
    return scaled
