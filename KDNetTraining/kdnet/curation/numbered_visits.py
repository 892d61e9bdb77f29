"""Visits of one patient that lie in one folder, distinguished by a number after the modality (``P1_T1``, ``P1_T1-2``)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from kdnet.curation.label_files import named_scan
from kdnet.schema.modalities import MODALITIES, file_part
from kdnet.schema.series_names import describe
from kdnet.segmentation.grouping import image_stem

NUMBERED = re.compile(r"(?P<stem>.+)[-_](?P<number>[2-9])")
FIRST = 1  # number of the visit whose files have none


def visit_numbers(scans: Sequence[Path]) -> dict[Path, int]:
    """Return the number of the visit of each scan; nothing if the names do not number visits.

    A number may also mark a repeated series. It is that of a visit where the unnumbered scan of the
    modality is there too, and each number has several modalities or all of the first visit.
    """
    modalities: dict[int, set[str]] = {}
    numbers = {}
    for path in scans:
        stem, number = _split(image_stem(path))
        modality = _modality(stem)
        if not modality:
            continue
        numbers[path] = number
        modalities.setdefault(number, set()).add(modality)
    first = modalities.pop(FIRST, set())
    later = list(modalities.values())
    if not first or not later or not all(found <= first and (found == first or len(found) > 1) for found in later):
        return {}
    return numbers


def visit_of_labels(label: Path, numbers: dict[Path, int]) -> int:
    """Return the visit to which a segmentation belongs: that of the scan after which it is named, or its own number."""
    stem = image_stem(label)
    scans = {image_stem(path): number for path, number in numbers.items()}
    named = named_scan(stem, scans)
    return scans[named] if named else _split(stem)[1]


def visit_names(name: str, patient: str, numbers: Iterable[int]) -> dict[int, str]:
    """Return the name of the case of each visit."""
    separator = "_ses-" if name == patient else "-"
    return {number: f"{name}{separator}{number}" for number in numbers}


def _split(stem: str) -> tuple[str, int]:
    match = NUMBERED.fullmatch(stem)
    return (match["stem"], int(match["number"])) if match else (stem, FIRST)


def _modality(stem: str) -> str:
    part = file_part(stem)
    return part.part if part is not None and part.part in MODALITIES else describe(stem).modality
