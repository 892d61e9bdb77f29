"""Choose the series to segment in a folder of DICOM files, which often holds a whole examination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kdnet.data.volumes.dicom import SERIES, image_headers
from kdnet.data.volumes.dicom_file import DicomHeader
from kdnet.data.volumes.series_header import guess_series
from kdnet.errors import KDNetError
from kdnet.preparation.plausibility import LEAST_SLICES
from kdnet.schema.modalities import display_name, format_modalities
from kdnet.segmentation.grouping import Input, RejectedInput
from kdnet.segmentation.series_kind import kind_problem, series_header
from kdnet.text import one_line

MOST_NAMED = 6  # series in a message


@dataclass(frozen=True)
class Series:
    """One of the series in a folder.

    Attributes:
        first: its first file, which stands for the series.
        name: its description, or else the name of that file.
        modality: ``"t1"``, ...; empty if its header does not say it.
        why_not: why it is never segmented, as the end of a sentence; empty if it may be.
    """

    first: Path
    name: str
    modality: str
    why_not: str


def cases_of(
    folder: Path, name: str, files: Sequence[Path], modalities: Sequence[str]
) -> tuple[Input | RejectedInput, RejectedInput | None]:
    """Return the case of a folder of DICOM files, and what is skipped.

    A folder with one series is a case for a model of one modality, whatever its header says. Among several series, those of
    the model's modalities are chosen by their headers, if there is one of each; localizers, maps and the like never are.

    Args:
        folder: the folder.
        name: name of the case.
        files: its files.
        modalities: modalities that the model needs, in its order.
    """
    try:
        series = _series(files)
    except KDNetError:
        series = []  # reading the folder will say what is wrong with which file
    if len(series) <= 1:
        if len(modalities) == 1:
            return Input(name, (folder,), ".nii.gz"), None
        wanted = format_modalities(modalities)
        reason = f"{folder} is a DICOM series, but the model needs {wanted}: convert each to a file named by modality."
        return RejectedInput(folder, reason, name), None
    usable = [item for item in series if not item.why_not]
    chosen: list[Series] = []
    for modality in modalities:
        found = [item for item in usable if item.modality == modality]
        if not found and len(modalities) == 1 and len(usable) == 1:
            found = usable
        if len(found) != 1:
            return RejectedInput(folder, _unclear(folder, series, found, modality), name), None
        chosen += found
    left = [item for item in series if item not in chosen]
    reason = f"{folder} contains {len(series)} DICOM series: {_names(chosen)} is segmented, and {_names(left)} skipped."
    return Input(name, tuple(item.first for item in chosen), ".nii.gz"), RejectedInput(left[0].first, reason, name)


def _series(files: Sequence[Path]) -> list[Series]:
    """Return the series among files, in the order of their first files."""
    headers: dict[str, list[DicomHeader]] = {}
    for header in image_headers(files):
        headers.setdefault(header.text(SERIES), []).append(header)
    return [_described(found) for found in headers.values()]


def _described(headers: Sequence[DicomHeader]) -> Series:
    first = headers[0]
    header = series_header(first)
    count = sum(max(1, len(item.frames)) for item in headers)
    few = f"it has only {count} slices" if count < LEAST_SLICES else ""
    name = one_line(header.description, 60) or first.path.name
    return Series(first.path, name, guess_series(header), kind_problem(first, "") or few)


def _unclear(folder: Path, series: Sequence[Series], found: Sequence[Series], modality: str) -> str:
    """Return why no series can be chosen, with the remedy."""
    usable = found or [item for item in series if not item.why_not] or series
    count = f"{len(found)} of which are" if found else "none of which is certainly"
    return (
        f"{folder} contains {len(series)} DICOM series, {count} {display_name(modality)} by their headers "
        f"({_names(usable)}): give a file of the right one, such as {usable[0].first}."
    )


def _names(series: Sequence[Series]) -> str:
    more = f" and {len(series) - MOST_NAMED} more" if len(series) > MOST_NAMED else ""
    return ", ".join(f'"{item.name}"' for item in series[:MOST_NAMED]) + more
