"""Judge an image file by its name, its folder, and the JSON file that converters write beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kdnet.curation.candidate import Candidate, too_thin
from kdnet.curation.names import is_series_level
from kdnet.curation.raw_case import Source
from kdnet.data.volumes.io import read_volume
from kdnet.data.volumes.series_header import SeriesHeader, guess_series, is_other_kind
from kdnet.errors import DataError
from kdnet.foreign import read_json
from kdnet.schema.modalities import MODALITIES, file_part, spelled_modality
from kdnet.schema.series_names import describe
from kdnet.segmentation.grouping import OVERVIEW, image_stem


def image_candidate(source: Source) -> Candidate:
    """Return the volume of an image file.

    Args:
        source: the file.
    """
    (path,) = source.files
    stem = image_stem(path)
    header = sidecar(path)
    if OVERVIEW.fullmatch(stem):
        return Candidate(source.name, why_not="its name indicates a localizer")
    modality = _modality(path, stem, header)
    if not modality and (describe(stem).other or is_other_kind(header, stem)):
        return Candidate(source.name, why_not="its name indicates a map or another kind of image")
    if not modality:
        return Candidate(source.name, why_not="its name does not state its modality")
    original = not {"DERIVED", "SECONDARY"} & {part.strip().upper() for part in header.image_type.split("\\")}
    try:
        volume = read_volume(path)
    except DataError as error:
        return Candidate(source.name, modality, why_not=f"it cannot be read: {error}")
    if why_not := too_thin(volume.grid):
        return Candidate(source.name, modality, why_not=why_not)
    return Candidate(source.name, modality, grid=volume.grid, read=lambda: volume, original=original)


def _modality(path: Path, stem: str, header: SeriesHeader) -> str:
    """Return the modality: a BIDS or BraTS name decides, then header and words of the name, then the folder's name."""
    part = file_part(stem)
    if part is not None and part.part in MODALITIES:
        return part.part
    if found := guess_series(header, stem):
        return found
    folder = path.parent.name
    if describe(stem).other or not is_series_level(folder):
        return ""
    return spelled_modality(folder) or describe(folder).modality


def sidecar(path: Path) -> SeriesHeader:
    """Return what the JSON file of a converter says about an image; nothing if there is none or it is damaged."""
    file = path.with_name(f"{image_stem(path)}.json")
    if not file.is_file():
        return SeriesHeader()
    try:
        content = read_json(file)
    except DataError:
        return SeriesHeader()
    return SeriesHeader(
        modality=_text(content, "Modality"),
        description=_text(content, "SeriesDescription"),
        protocol=_text(content, "ProtocolName"),
        agent=_text(content, "ContrastBolusIngredient") or _text(content, "ContrastBolusAgent"),
        scanning_sequence=_text(content, "ScanningSequence"),
        image_type=_text(content, "ImageType"),
        echo_ms=_milliseconds(content, "EchoTime"),
        repetition_ms=_milliseconds(content, "RepetitionTime"),
        inversion_ms=_milliseconds(content, "InversionTime"),
    )


def _text(content: dict[str, Any], key: str) -> str:
    value = content.get(key, "")
    if isinstance(value, list):
        return "\\".join(str(part) for part in value)
    return value.strip() if isinstance(value, str) else ""


def _milliseconds(content: dict[str, Any], key: str) -> float | None:
    """Return a time that sidecars give in seconds, where DICOM has milliseconds."""
    value = content.get(key)
    return 1000.0 * value if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 100 else None
