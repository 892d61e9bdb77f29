"""Enhanced MR files, as Philips and newer scanners write them: one file, a frame per slice, geometry in functional groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from kdnet.data.volumes.grid import Volume
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid

ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"

CLINICAL = {
    "SpecificCharacterSet": "ISO_IR 192",
    "PatientName": "Größer^Änne",
    "PatientID": "KD-0042",
    "StudyDate": "20260911",
    "StudyTime": "101500",
    "StudyID": "S1",
    "AccessionNumber": "A123",
    "SeriesDescription": "T1W_TSE tra CE",
    "SeriesNumber": 501,
    "Manufacturer": "Philips",
    "ManufacturerModelName": "Ingenia",
    "EchoPulseSequence": "SPIN",
    "ImageType": ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"],
    "ContentDate": "20260911",
    "ContentTime": "101500",
    "InstanceNumber": 1,
    "PatientPosition": "HFS",
}

Edit = Callable[[Dataset, int], object]


def item(**values: object) -> list[Dataset]:
    """A sequence of one item."""
    made = Dataset()
    for name, value in values.items():
        setattr(made, name, value)
    return [made]


def frame_of(affine: np.ndarray, k: int, echo: float = 9.0) -> Dataset:
    """The functional groups of slice k of a stack with this RAS affine."""
    position = np.array([-1, -1, 1]) * (affine[:3, 2] * k + affine[:3, 3])
    frame = Dataset()
    frame.FrameContentSequence = item(StackID="1", InStackPositionNumber=k + 1, TemporalPositionIndex=1)
    frame.PlanePositionSequence = item(ImagePositionPatient=[f"{value:.10g}" for value in position])
    frame.MREchoSequence = item(EffectiveEchoTime=float(echo))
    frame.PixelValueTransformationSequence = item(RescaleIntercept="0", RescaleSlope="1", RescaleType="US")
    frame.MRImageFrameTypeSequence = item(
        FrameType=["ORIGINAL", "PRIMARY", "M_FFE", "M"], ComplexImageComponent="MAGNITUDE"
    )
    return frame


def enhanced(
    path: Path,
    volume: Volume,
    order: Sequence[int] | None = None,
    edit: Edit = lambda _frame, _k: None,
    *,
    syntax: str = ExplicitVRLittleEndian,
    compressed: Sequence[bytes] = (),
    undefined: bool = False,
    **values: object,
) -> Path:
    """Write a volume of uint16 as one Enhanced MR file.

    Args:
        path: file to write.
        volume: voxels ``[i, j, k]``; the axes of its grid are perpendicular.
        order: slice of each frame; may name slices several times.
        edit: changes the functional groups of each frame, given its number.
        syntax: transfer syntax.
        compressed: the encoded frames, for an encapsulated syntax.
        undefined: whether the sequences end with delimiters.
        values: further or other attributes.
    """
    order = range(volume.grid.shape[2]) if order is None else order
    lps, spacing = np.diag([-1.0, -1.0, 1.0]) @ volume.grid.affine[:3], volume.grid.spacing
    file = Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = syntax
    file.SOPClassUID = file.file_meta.MediaStorageSOPClassUID = ENHANCED_MR
    file.SOPInstanceUID = file.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    file.Modality, file.StudyInstanceUID, file.SeriesInstanceUID = "MR", generate_uid(), generate_uid()
    file.FrameOfReferenceUID = generate_uid()
    file.Rows, file.Columns, file.NumberOfFrames = volume.grid.shape[1], volume.grid.shape[0], len(order)
    file.BitsAllocated, file.BitsStored, file.HighBit, file.PixelRepresentation = 16, 16, 15, 0
    file.SamplesPerPixel, file.PhotometricInterpretation = 1, "MONOCHROME2"
    shared = Dataset()
    axes = (*(lps[:, 0] / spacing[0]), *(lps[:, 1] / spacing[1]))
    shared.PlaneOrientationSequence = item(ImageOrientationPatient=[f"{value:.10g}" for value in axes])
    shared.PixelMeasuresSequence = item(
        PixelSpacing=[f"{spacing[1]:.10g}", f"{spacing[0]:.10g}"],
        SliceThickness=f"{spacing[2]:.10g}",
        SpacingBetweenSlices=f"{spacing[2]:.10g}",
    )
    shared.MRTimingAndRelatedParametersSequence = item(RepetitionTime="600", FlipAngle="90")
    file.SharedFunctionalGroupsSequence = [shared]
    frames = [frame_of(volume.grid.affine, k) for k in order]
    for number, frame in enumerate(frames):
        edit(frame, number)
    file.PerFrameFunctionalGroupsSequence = frames
    for name, value in {**CLINICAL, **values}.items():
        setattr(file, name, value)
    planes = np.stack([np.asarray(volume.voxels)[:, :, k].T for k in order]).astype("<u2")
    file.PixelData = planes.astype(">u2").tobytes() if syntax == ExplicitVRBigEndian else planes.tobytes()
    if compressed:
        file.PixelData = encapsulate(list(compressed), has_bot=len(compressed) % 2 == 0)
        file["PixelData"].is_undefined_length = True
    if undefined:
        for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
            file[name].is_undefined_length = True
            for part in file[name]:
                part.is_undefined_length_sequence_item = True
    path.parent.mkdir(parents=True, exist_ok=True)
    little = syntax != ExplicitVRBigEndian
    file.save_as(path, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=little, enforce_file_format=True)
    return path.parent
