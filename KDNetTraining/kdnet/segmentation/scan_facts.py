"""Gather what file names and headers say about a scan."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from kdnet.data.volumes.dicom import is_series
from kdnet.data.volumes.dicom_file import DicomHeader, read_dicom_header
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.series_header import SeriesHeader, guess_series, is_other_kind
from kdnet.errors import KDNetError
from kdnet.foreign import read_json
from kdnet.schema.modalities import MODALITIES, channel_modality, display_name, file_part
from kdnet.schema.series_names import describe
from kdnet.segmentation.grouping import CHANNEL, Input, image_stem
from kdnet.segmentation.input_care import Scan

DESCRIPTION = "dataset.json"  # nnU-Net's, next to its image folder or above it


def scan_of(item: Input, index: int, volume: Volume, modality: str, *, single: bool) -> Scan:
    """Describe a file of a case for :func:`kdnet.segmentation.input_care.warnings_for`.

    Args:
        item: case.
        index: index of the file in it.
        volume: its voxels.
        modality: modality that the model uses it as.
        single: whether the model needs one modality only.
    """
    file = item.files[index]
    name = item.name if single else f"{item.name} ({display_name(modality)})"
    if is_series(file):
        header = _series_header(file)
        folder = file.name if file.is_dir() else ""
        guess, other = guess_series(header, folder), is_other_kind(header, folder)
        return Scan(name, volume.voxels, volume.grid.spacing, guess, header.modality, other=other)
    if item.named or item.channels:
        return Scan(name, volume.voxels, volume.grid.spacing)
    stem = image_stem(file)
    number = CHANNEL.fullmatch(stem)
    if number is not None:
        guess = _described_channel(file, int(number["channel"]))
        return Scan(name, volume.voxels, volume.grid.spacing, guess, numbered=int(number["channel"]) == index)
    return Scan(name, volume.voxels, volume.grid.spacing, _named_modality(file), other=describe(stem).other)


def _named_modality(file: Path) -> str:
    """Return the modality stated by a file's name, or else by its folder's."""
    for text in (image_stem(file), file.absolute().parent.name):
        part = file_part(text)
        found = part.part if part is not None and part.part in MODALITIES else describe(text).modality
        if found:
            return found
        if describe(text).other:
            return ""
    return ""


def _described_channel(file: Path, channel: int) -> str:
    """Return the modality of a channel from nnU-Net's description near a numbered file; empty if there is none."""
    for folder in list(file.absolute().parents)[:2]:
        path = folder / DESCRIPTION
        if not path.is_file():
            continue
        try:
            content = read_json(path)
        except KDNetError:
            return ""  # only a warning depends on it
        names = content.get("channel_names", content.get("modality"))
        if isinstance(names, dict):
            return channel_modality(str(names.get(str(channel), "")))
    return ""


def _series_header(series: Path) -> SeriesHeader:
    """Return the header of the first image of a DICOM series that has already been read."""
    for path in sorted(series.iterdir()) if series.is_dir() else [series]:
        header = read_dicom_header(path) if path.is_file() and not path.name.startswith(".") else None
        if header is not None and header.pixel_bytes is not None:
            return SeriesHeader.read(partial(_value, header))
    return SeriesHeader()


def _value(header: DicomHeader, tag: str) -> str:
    """Return the text of a tag such as ``"0008,103e"``."""
    return header.text(int(tag.replace(",", ""), 16))
