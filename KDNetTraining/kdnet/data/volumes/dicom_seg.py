"""Write a labelmap as a DICOM Segmentation object that refers to the series it was made from.

The object is made by highdicom, an optional package. It belongs to the patient, study and frame of reference of the source
series and refers to each of its slices, so that an archive files it beside them. Where the slices of the source are not
exactly evenly spaced (positions are often rounded to 0.1 mm), the frames are, because readers of segmentations expect it;
ITK places the scan in the same way.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

import kdnet
from kdnet.data.volumes.dicom import is_series, series_stack
from kdnet.data.volumes.dicom_stack import LPS_RAS, Stack
from kdnet.data.volumes.geometry import reordered, require_same_grid
from kdnet.data.volumes.grid import Volume
from kdnet.errors import DataError, PackageError
from kdnet.files import atomic_write
from kdnet.foreign import reading
from kdnet.schema.labels import Code, Label, Terminology

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

SAME_PLACE_MM = 1e-3
SERIES_NUMBER = 300  # usually above those of a scanner, so that viewers list the result last
BRAIN = Code("SCT", "12738006", "Brain")
LESION = Terminology(Code("SCT", "49755003", "Morphologically Altered Structure"), Code("SCT", "52988006", "Lesion"))
"""For labels without a code of their own; their name is the label of the segment."""

PATIENT = ("PatientBirthDate", "PatientID", "PatientName", "PatientSex")
STUDY = ("AccessionNumber", "ReferringPhysicianName", "StudyDate", "StudyID", "StudyTime")
REQUIRED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "FrameOfReferenceUID")


@dataclass(frozen=True)
class Algorithm:
    """What made a segmentation.

    Attributes:
        name: name of the model.
        version: version of kdnet that trained it.
    """

    name: str
    version: str = kdnet.__version__


def require_highdicom() -> Any:
    """Import highdicom.

    Raises:
        PackageError: saying how to install it.
    """
    try:
        import highdicom  # noqa: PLC0415 - optional
    except ImportError as error:
        raise PackageError(
            "DICOM SEG needs the package highdicom, which is not installed: install it with pip install highdicom."
        ) from error
    return highdicom


def require_series(scan: Path) -> None:
    """Refuse a scan that is not a DICOM series.

    Raises:
        DataError: naming the scan.
    """
    if not is_series(scan):
        raise DataError(f"{scan} is not a DICOM series, which a DICOM SEG must refer to: give the folder of the series.")


def write_dicom_seg(
    path: Path,
    labelmap: Volume,
    series: Path,
    labels: Sequence[Label],
    algorithm: Algorithm,
    files: Sequence[Path] | None = None,
) -> None:
    """Write a labelmap as DICOM SEG (binary, one segment per label that occurs), atomically.

    Args:
        path: file to write.
        labelmap: label values ``[i, j, k]`` on the grid of the series; its axes may have another order or direction.
        series: folder of the series, or one of its files.
        labels: meaning of the values.
        algorithm: what made it.
        files: files of the series, if the folder also holds others.

    Raises:
        PackageError: if highdicom is missing.
        DataError: if the scan is not a DICOM series, lacks identifiers, or has another grid.
        KDNetError: if the file cannot be written.
    """
    highdicom = require_highdicom()
    require_series(series)
    stack = series_stack(series, files)
    labelmap = reordered(labelmap, stack.grid)
    require_same_grid(labelmap.grid, stack.grid, "the labelmap", series, "choose the series that was segmented")
    sources = _sources(series, stack)
    _even_out(_places(sources, stack), stack)
    present = [label for label in labels if (labelmap.voxels == label.value).any()] or list(labels)
    with reading(series, "export the DICOM series again", verb="convert"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about values of the source that are unusual, and copied as they are
        segmentation = _segmentation(highdicom, sources, _planes(labelmap, stack, present), present, algorithm)
    with atomic_write(path) as temporary:
        segmentation.save_as(temporary)


def _segmentation(
    highdicom: Any, sources: Sequence[Dataset], planes: NDArray[np.uint8], labels: Sequence[Label], algorithm: Algorithm
) -> Any:
    from pydicom.sr.codedict import codes  # noqa: PLC0415 - comes with highdicom

    made_by = highdicom.AlgorithmIdentificationSequence(
        algorithm.name, family=codes.DCM.ArtificialIntelligence, version=algorithm.version
    )
    return highdicom.seg.Segmentation(
        sources,
        planes,
        highdicom.seg.SegmentationTypeValues.BINARY,
        [_segment(highdicom, number, label, made_by) for number, label in enumerate(labels, start=1)],
        series_instance_uid=highdicom.UID(),
        series_number=SERIES_NUMBER,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer="KDNet",
        manufacturer_model_name="kdnet",
        software_versions=kdnet.__version__,
        device_serial_number=kdnet.__version__,
        content_label="TUMOR",
        content_description="For research use only",
        series_description=f"Segmentation ({algorithm.name})"[:64],
        omit_empty_frames=bool(planes.any()),
    )


def _segment(highdicom: Any, number: int, label: Label, algorithm: Any) -> Any:
    terminology = label.terminology or LESION
    return highdicom.seg.SegmentDescription(
        number,
        label.name[:64],
        _concept(highdicom, terminology.category),
        _concept(highdicom, terminology.type),
        highdicom.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm,
        anatomic_regions=[_concept(highdicom, BRAIN)],
        display_color=highdicom.color.CIELabColor.from_rgb(*label.color),
    )


def _concept(highdicom: Any, code: Code) -> Any:
    return highdicom.sr.CodedConcept(code.value, code.scheme, code.meaning)


def _planes(labelmap: Volume, stack: Stack, labels: Sequence[Label]) -> NDArray[np.uint8]:
    """Return segment numbers ``[slice, row, column]``, the slices in the order of the files or of their frames."""
    numbers = np.zeros(256, np.uint8)
    for number, label in enumerate(labels, start=1):
        numbers[label.value] = number
    assert len(stack.headers) == labelmap.grid.shape[2]
    order = np.argsort([header.frame or 0 for header in stack.headers], kind="stable")
    return np.ascontiguousarray(numbers[labelmap.voxels].T[order])


@dataclass(frozen=True)
class _Place:
    """Where the header of a slice says that it lies: the data set itself, or the functional groups of a frame."""

    position: Dataset
    orientation: Dataset
    measures: Dataset


def _sources(series: Path, stack: Stack) -> list[Dataset]:
    """Return the header of each slice, or that of the one multi-frame file."""
    if all(header.frame is None for header in stack.headers):
        return [_source(header.path) for header in stack.headers]
    if len({header.path for header in stack.headers}) > 1:
        raise DataError(f"{series} is a series of several multi-frame files, which a DICOM SEG cannot refer to.")
    return [_source(stack.headers[0].path)]


def _places(sources: Sequence[Dataset], stack: Stack) -> list[_Place]:
    """Return the places of the slices, in the order of the stack."""
    if stack.headers[0].frame is None:
        return [_Place(source, source, source) for source in sources]
    shared = sources[0].SharedFunctionalGroupsSequence[0]
    frames = sources[0].PerFrameFunctionalGroupsSequence

    def group(frame: Dataset, name: str) -> Dataset:
        return (frame if name in frame else shared)[name][0]

    return [
        _Place(
            *(
                group(frames[header.frame], f"{name}Sequence")
                for name in ("PlanePosition", "PlaneOrientation", "PixelMeasures")
            )
        )
        for header in stack.headers
    ]


def _even_out(places: Sequence[_Place], stack: Stack) -> None:
    """Set the distance of the slices (in memory), and move them to even distances along their normal if they are not."""
    axes = LPS_RAS[:, None] * stack.grid.affine[:3, :3]
    row, column, _ = (axes / np.linalg.norm(axes, axis=0)).T
    for place in places:  # some scanners store the gap between the slices here
        place.measures.SpacingBetweenSlices = f"{stack.grid.spacing[2]:.10g}"
    first = LPS_RAS * stack.grid.affine[:3, 3]
    positions = first + np.arange(len(places))[:, None] * stack.grid.spacing[2] * np.cross(row, column)
    found = np.array([[float(value) for value in place.position.ImagePositionPatient] for place in places])
    if np.linalg.norm(found - positions, axis=1).max() <= SAME_PLACE_MM:
        return
    for place, position in zip(places, positions, strict=True):
        place.position.ImagePositionPatient = [f"{value:.10g}" for value in position]
        place.orientation.ImageOrientationPatient = [f"{value:.10g}" for value in (*row, *column)]


def _source(path: Path) -> Dataset:
    """Return the header of a slice, with empty values where those that every object has are missing."""
    from pydicom import dcmread  # noqa: PLC0415 - comes with highdicom

    with reading(path, "export the DICOM series again"):
        header = dcmread(path, stop_before_pixels=True, force=True)
        missing = [name for name in REQUIRED if not header.get(name)]
        if missing:
            raise DataError(f"{path} has no {missing[0]}, which a DICOM SEG must refer to: export the DICOM series again.")
        for name in (*PATIENT, *STUDY):
            if name not in header:
                setattr(header, name, "")
        return header
