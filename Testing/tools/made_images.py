"""Small image files of every format, to be damaged, placed and read by the tests."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
from kdnet.data.volumes.grid import Grid, Volume
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SHAPE = (12, 14, 10)
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"


def noise(shape: tuple[int, ...] = SHAPE, kind: str = "int16") -> np.ndarray:
    return np.random.default_rng(0).integers(1, 900, shape).astype(kind)


def volume(affine: np.ndarray | None = None, kind: str = "int16") -> Volume:
    return Volume(noise(kind=kind), Grid(SHAPE, np.diag([2.0, 2.0, 3.0, 1.0]) if affine is None else affine))


def nifti(path: Path, affine: np.ndarray | None = None, *, version: int = 1, **codes: int) -> Path:
    """A NIfTI file with the same qform and sform, unless their codes say that one is missing."""
    affine = np.diag([2.0, 2.0, 3.0, 1.0]) if affine is None else affine
    image = (nibabel.Nifti1Image if version == 1 else nibabel.Nifti2Image)(noise(), affine)
    image.set_sform(affine, codes.get("sform", 1))
    image.set_qform(affine, codes.get("qform", 1))
    nibabel.save(image, path)
    return path


def patch(path: Path, offset: int, layout: str, *values: float) -> Path:
    """Overwrite numbers in a file."""
    content = bytearray(path.read_bytes())
    struct.pack_into(layout, content, offset, *values)
    path.write_bytes(content)
    return path


def metaimage(path: Path, content: bytes | None = None, **fields: object) -> Path:
    """A MetaImage file with these fields in its header; None leaves a field out."""
    i, j, k = SHAPE
    known: dict[str, object] = {
        "ObjectType": "Image",
        "NDims": 3,
        "BinaryData": True,
        "BinaryDataByteOrderMSB": False,
        "CompressedData": False,
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "0 0 0",
        "ElementSpacing": "2 2 3",
        "DimSize": f"{i} {j} {k}",
        "ElementType": "MET_SHORT",
    }
    known |= {"ElementDataFile": "LOCAL"} | fields
    last = known.pop("ElementDataFile")
    lines = [f"{name} = {value}\n" for name, value in known.items() if value is not None]
    lines += [f"ElementDataFile = {last}\n"]
    path.write_bytes("".join(lines).encode() + (noise().T.tobytes() if content is None else content))
    return path


def nrrd(path: Path, content: bytes | None = None, **fields: object) -> Path:
    """An NRRD file with these fields (``_`` for a space) in its header; None leaves a field out."""
    i, j, k = SHAPE
    known: dict[str, object] = {
        "type": "short",
        "dimension": 3,
        "space": "left-posterior-superior",
        "sizes": f"{i} {j} {k}",
        "space directions": "(2,0,0) (0,2,0) (0,0,3)",
        "endian": "little",
        "encoding": "raw",
        "space origin": "(0,0,0)",
    }
    known |= {name.replace("_", " "): value for name, value in fields.items()}
    lines = [f"{name}: {value}\n" for name, value in known.items() if value is not None]
    header = "NRRD0005\n# a comment\n" + "".join(lines) + "\n"
    path.write_bytes(header.encode() + (noise().T.tobytes() if content is None else content))
    return path


def slices() -> np.ndarray:
    """Voxels of a DICOM series, ``[slice, row, column]``."""
    return noise(SHAPE, "uint16").T


def dicom_slice(plane: np.ndarray, position: tuple[float, float, float], number: int, series: str) -> Dataset:
    """One MR slice of 2 x 2 mm in axial orientation."""
    slice_ = Dataset()
    slice_.file_meta = FileMetaDataset()
    slice_.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    slice_.SOPClassUID = slice_.file_meta.MediaStorageSOPClassUID = MR_IMAGE
    slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    slice_.Modality, slice_.PatientID, slice_.StudyInstanceUID, slice_.SeriesInstanceUID = "MR", "1", "1.2.3", series
    slice_.InstanceNumber, slice_.Rows, slice_.Columns = number, *plane.shape
    slice_.PixelSpacing, slice_.SliceThickness, slice_.SpacingBetweenSlices = [2, 2], 3, 3
    slice_.ImageOrientationPatient, slice_.ImagePositionPatient = [1, 0, 0, 0, 1, 0], list(position)
    slice_.BitsAllocated, slice_.BitsStored, slice_.HighBit = 16, 16, 15
    slice_.PixelRepresentation, slice_.SamplesPerPixel = 0, 1
    slice_.PhotometricInterpretation, slice_.PixelData = "MONOCHROME2", plane.tobytes()
    return slice_


def series(folder: Path, edit: Callable[[Dataset, int], object] = lambda _slice, _k: None, *, count: int = 0) -> Path:
    """A DICOM series 3 mm apart; ``edit`` changes the header of slice k."""
    folder.mkdir(parents=True, exist_ok=True)
    uid = generate_uid()
    for k, plane in enumerate(slices()[: count or None]):
        slice_ = dicom_slice(np.ascontiguousarray(plane), (0.0, 0.0, 3.0 * k), k + 1, uid)
        edit(slice_, k)
        slice_.save_as(folder / f"{k:03d}.dcm", enforce_file_format=True)
    return folder
