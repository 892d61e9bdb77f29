"""What the header of a DICOM series says about patient and scan, for reports."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from kdnet.data.volumes.dicom import series_stack
from kdnet.data.volumes.dicom_file import DicomHeader
from kdnet.text import one_line

CHARACTER_SET = 0x00080005

CHARACTER_SETS: Mapping[str, str] = MappingProxyType(
    {
        "ISO_IR 100": "latin-1",
        "ISO_IR 101": "iso8859-2",
        "ISO_IR 109": "iso8859-3",
        "ISO_IR 110": "iso8859-4",
        "ISO_IR 144": "iso8859-5",
        "ISO_IR 127": "iso8859-6",
        "ISO_IR 126": "iso8859-7",
        "ISO_IR 138": "iso8859-8",
        "ISO_IR 148": "iso8859-9",
        "ISO_IR 203": "iso8859-15",
        "ISO_IR 13": "shift_jis",
        "ISO_IR 166": "tis-620",
        "ISO_IR 192": "utf-8",
        "GB18030": "gb18030",
        "GBK": "gbk",
        "ISO 2022 IR 13": "iso2022_jp",
        "ISO 2022 IR 87": "iso2022_jp",
        "ISO 2022 IR 159": "iso2022_jp_2",
        "ISO 2022 IR 149": "euc_kr",
        "ISO 2022 IR 58": "gb2312",
    }
)
"""Specific Character Set to the codec of Python; anything else is read as ASCII."""

PATIENT = {
    "Patient": 0x00100010,
    "Patient ID": 0x00100020,
    "Date of birth": 0x00100030,
    "Sex": 0x00100040,
    "Age": 0x00101010,
}

SCAN = {
    "Study date": 0x00080020,
    "Study": 0x00081030,
    "Accession number": 0x00080050,
    "Series": 0x0008103E,
    "Modality": 0x00080060,
    "Contrast agent": 0x00180010,
    "Institution": 0x00080080,
}

MANUFACTURER, MODEL, FIELD_STRENGTH = 0x00080070, 0x00081090, 0x00180087

UNITS = {"D": "days", "W": "weeks", "M": "months", "Y": "years"}


def series_facts(folder: Path, files: Sequence[Path] | None = None) -> tuple[dict[str, str], dict[str, str]]:
    """Return what the first slice of a series says about the patient, and about the scan.

    Only what the header holds is there; nothing is derived.

    Args:
        folder: folder of the series.
        files: files of the series, if the folder also holds others.

    Raises:
        DataError: if the folder holds no series that can be read.
    """
    header = series_stack(folder, files).headers[0]
    patient = {name: _text(header, tag) for name, tag in PATIENT.items()}
    scan = {name: _text(header, tag) for name, tag in SCAN.items()}
    patient["Patient"] = _person(patient["Patient"])
    patient["Date of birth"], scan["Study date"] = _date(patient["Date of birth"]), _date(scan["Study date"])
    patient["Age"] = _age(patient["Age"])
    scan["Scanner"] = _scanner(header)
    return _given(patient), _given(scan)


def _given(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in facts.items() if value}


def _text(header: DicomHeader, tag: int) -> str:
    """Return a value as text in the character set of the header."""
    names = [name.strip() for name in header.text(CHARACTER_SET).split("\\")]
    codec = next((CHARACTER_SETS[name] for name in reversed(names) if name in CHARACTER_SETS), "ascii")
    return one_line(header.values.get(tag, b"").decode(codec, "replace").strip(" \0"), 120)


def _person(name: str) -> str:
    """Return a name as it is written, from ``family^given^middle^prefix^suffix``; the first of its spellings."""
    family, _, others = name.partition("=")[0].partition("^")
    given = " ".join(part for part in others.split("^") if part)
    return ", ".join(part for part in (family.strip(), given) if part)


def _date(value: str) -> str:
    match = re.fullmatch(r"(\d{4})\.?(\d{2})\.?(\d{2})", value)
    return "-".join(match.groups()) if match else value


def _age(value: str) -> str:
    match = re.fullmatch(r"(\d{3})([DWMY])", value)
    return f"{int(match[1])} {UNITS[match[2]]}" if match else value


def _scanner(header: DicomHeader) -> str:
    parts = [_text(header, MANUFACTURER), _text(header, MODEL)]
    strength = header.numbers(FIELD_STRENGTH, 1)
    if strength and 0 < strength[0] < 30:  # some scanners give it in gauss
        parts.append(f"{strength[0]:g} T")
    return ", ".join(part for part in parts if part)
