"""DICOM series with the header of a clinical MR scan, written from a volume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from kdnet.data.volumes.grid import Volume
from made_images import dicom_slice
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

CLINICAL = {
    "SpecificCharacterSet": "ISO_IR 192",
    "PatientName": "Größer^Änne",
    "PatientID": "KD-0042",
    "PatientBirthDate": "19610203",
    "PatientSex": "F",
    "PatientAge": "065Y",
    "StudyDate": "20260911",
    "StudyTime": "101500",
    "StudyDescription": "MRI brain with and without contrast",
    "AccessionNumber": "A123",
    "StudyID": "S1",
    "ReferringPhysicianName": "",
    "SeriesDescription": "AX T1 POST GD",
    "ProtocolName": "Brain tumor",
    "SeriesNumber": 7,
    "SeriesDate": "20260911",
    "Manufacturer": "SIEMENS",
    "ManufacturerModelName": "Skyra",
    "MagneticFieldStrength": 3.0,
    "InstitutionName": "General Hospital",
    "ContrastBolusAgent": "Gadobutrol",
    "ScanningSequence": "SE",
    "RepetitionTime": 600,
    "EchoTime": 9.1,
}


def dicom_series(folder: Path, volume: Volume, **values: object) -> Path:
    """Write a series of a volume whose axes are perpendicular, slice by slice along its third axis."""
    folder.mkdir(parents=True)
    series, study, frame = generate_uid(), generate_uid(), generate_uid()
    lps = np.diag([-1.0, -1.0, 1.0]) @ volume.grid.affine[:3]
    spacing = volume.grid.spacing
    row, column = lps[:, 0] / spacing[0], lps[:, 1] / spacing[1]
    for k in range(volume.grid.shape[2]):
        plane = np.ascontiguousarray(np.asarray(volume.voxels)[:, :, k].T.astype(np.uint16))
        slice_: Dataset = dicom_slice(plane, (0, 0, 0), k + 1, series)
        slice_.ImagePositionPatient = [f"{value:.10g}" for value in lps[:, 2] * k + lps[:, 3]]
        slice_.ImageOrientationPatient = [f"{value:.10g}" for value in (*row, *column)]
        slice_.PixelSpacing = [f"{spacing[1]:.10g}", f"{spacing[0]:.10g}"]
        slice_.SliceThickness = slice_.SpacingBetweenSlices = f"{spacing[2]:.10g}"
        slice_.StudyInstanceUID, slice_.FrameOfReferenceUID = study, frame
        for name, value in {**CLINICAL, **values}.items():
            if value is None:
                if name in slice_:
                    delattr(slice_, name)
            else:
                setattr(slice_, name, value)
        slice_.save_as(folder / f"{k:03d}.dcm", enforce_file_format=True)
    return folder
