"""Recognize DICOM series that are never segmented: localizers, reformats, maps, secondary captures, other scanners."""

from __future__ import annotations

from kdnet.data.volumes.dicom_file import DicomHeader
from kdnet.data.volumes.series_header import SeriesHeader, is_other_kind
from kdnet.schema.series_names import describe
from kdnet.segmentation.grouping import OVERVIEW

SOP_CLASS = 0x00080016
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
COMPUTED = {  # values of Image Type of images that a workstation computed from others
    "LOCALIZER": "it is a localizer",
    "MPR": "it is a reformat of another series",
    "REFORMATTED": "it is a reformat of another series",
    "PROJECTION IMAGE": "it is a projection of another series",
    "MIP": "it is a projection of another series",
    "SUBTRACTION": "it is a subtraction",
    "SUB": "it is a subtraction",
    "SCREEN SAVE": "it is a secondary capture",
}


def series_header(header: DicomHeader) -> SeriesHeader:
    """Return the attributes that determine the contrast."""
    return SeriesHeader.read(lambda tag: header.text(int(tag.replace(",", ""), 16)))


def kind_problem(first: DicomHeader, folder: str) -> str:
    """Return why a series is of a kind that is never segmented, as the end of a sentence; empty if it may be.

    Args:
        first: header of one of its images.
        folder: name of its folder, empty if that says nothing.
    """
    header = series_header(first)
    types = image_types(header)
    if first.text(SOP_CLASS).startswith(SECONDARY_CAPTURE):
        return "it is a secondary capture"
    if header.modality not in ("", "MR"):
        return f"it is {header.modality[:16]}, not MR"
    for kind, reason in COMPUTED.items():
        if kind in types:
            return reason
    texts = (header.description, header.protocol if not header.description else "", folder)
    if any(OVERVIEW.fullmatch(text) for text in texts):
        return "it is a localizer"
    if is_other_kind(header, folder) or (header.description and describe(header.description).other):
        return "it is a map, diffusion, perfusion or another kind of image"
    return ""


def image_types(header: SeriesHeader) -> set[str]:
    """Return the values of Image Type."""
    return {part.strip().upper() for part in header.image_type.split("\\")}
