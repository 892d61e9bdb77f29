"""Judge a DICOM series by its headers: modality, kind, and whether its slices form a volume."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from kdnet.curation.candidate import Candidate, too_thin
from kdnet.curation.raw_case import Source
from kdnet.data.volumes.dicom import IMAGE_TYPE, checked_stack, read_stack
from kdnet.data.volumes.dicom_file import DicomHeader, read_dicom_header
from kdnet.data.volumes.dicom_groups import COMPONENT, FRAME_TYPE
from kdnet.data.volumes.dicom_multi_frame import frames_of
from kdnet.data.volumes.dicom_stack import ORIENTATION, Stack
from kdnet.data.volumes.series_header import guess_series
from kdnet.errors import DataError
from kdnet.segmentation.series_kind import image_types, kind_problem, series_header

SERIES_NUMBER, ECHO_TIME = 0x00200011, 0x00180081


def dicom_candidates(source: Source) -> tuple[Candidate, ...]:
    """Return the volumes of a DICOM series, usually one; several where echoes or image types share a series.

    Args:
        source: the series.
    """
    try:
        files = [header for path in source.files if (header := read_dicom_header(path)) is not None]
        if len(files) < len(source.files):
            raise DataError(f"{source.folder} has changed while it was read: start again.")
        headers = [frame for header in files for frame in frames_of(header)]
    except DataError as error:
        return (Candidate(source.name, why_not=_reason(error)),)
    whole = _candidate(source, headers)
    if source.damaged and whole.grid is not None:
        reason = f"a file in its folder cannot be read: {source.damaged}"
        return (Candidate(source.name, whole.modality, why_not=reason),)
    if whole.grid is not None or not whole.modality:
        return (whole,)
    parts = _parts(headers)
    found = [_candidate(source, part) for part in parts] if len(parts) > 1 else []
    return tuple(part for part in found if part.grid is not None) or (whole,)


def _candidate(source: Source, headers: Sequence[DicomHeader]) -> Candidate:
    header = series_header(headers[0])
    folder = source.folder.name
    modality = guess_series(header, folder)
    types = image_types(header)
    number = headers[0].numbers(SERIES_NUMBER, 1)
    common = partial(
        Candidate,
        source.name,
        modality,
        original=not types & {"DERIVED", "SECONDARY"},
        number=int(number[0]) if number else 0,
    )
    if why_not := kind_problem(headers[0], folder):
        return Candidate(source.name, why_not=why_not)
    if not modality:
        return common(why_not="header and folder do not say its modality, or contradict each other")
    try:
        stack: Stack = checked_stack(Path(source.name), headers)
    except DataError as error:
        return common(why_not=_reason(error))
    if why_not := too_thin(stack.grid):
        return common(why_not=why_not)
    return common(grid=stack.grid, read=partial(read_stack, stack))


def _parts(headers: Sequence[DicomHeader]) -> list[list[DicomHeader]]:
    """Split a series by echo time, image type and orientation."""
    parts: dict[tuple[object, ...], list[DicomHeader]] = {}
    for header in headers:
        axes: Mapping[int, float] | tuple[float, ...] = header.numbers(ORIENTATION, 6) or ()
        texts = tuple(header.text(tag) for tag in (ECHO_TIME, IMAGE_TYPE, FRAME_TYPE, COMPONENT))
        key = (*texts, tuple(round(value, 2) for value in axes))
        parts.setdefault(key, []).append(header)
    return [parts[key] for key in sorted(parts, key=repr)]


def _reason(error: DataError) -> str:
    return f"it cannot be read: {error}"
