"""Group DICOM images into examinations of patients by the identifiers in their headers.

Folders only give names: two patients in one folder are two patients, and a patient in two folders is one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kdnet.curation.names import (
    Pseudonyms,
    distinct,
    exclusive_folder,
    is_series_level,
    safe_name,
    session_name,
    with_session,
)
from kdnet.curation.raw_case import RawCase, Source
from kdnet.curation.raw_files import Slice

PLACEHOLDER = re.compile(
    r"\W*|[0x*]+|anon\w*|none|null|unknown|n/?a|no[ _-]?id|patient|subject|test|de-?identified\w*", re.IGNORECASE
)


@dataclass(frozen=True)
class DicomCase:
    """A case, and the folder that holds nothing else; None if its files lie among others."""

    case: RawCase
    folder: Path | None


@dataclass(frozen=True)
class _Group:
    """The images of one patient or examination."""

    identifiers: tuple[str, ...]
    slices: tuple[Slice, ...]

    @property
    def date(self) -> str:
        return min(item.date for item in self.slices)

    def folders(self, root: Path) -> set[Path]:
        return {item.path.parent.relative_to(root) for item in self.slices}


def dicom_cases(root: Path, slices: Sequence[Slice], pseudonyms: Pseudonyms) -> tuple[DicomCase, ...]:
    """Return a case per examination.

    Args:
        root: the raw folder.
        slices: all DICOM images in it.
        pseudonyms: names where folders give none.
    """
    patients = _groups(slices, lambda item: _patient(root, item))
    cases: list[DicomCase] = []
    names: list[str] = []
    everyone = {group.identifiers: group.folders(root) for group in patients}
    for group in patients:
        others = {folder for key, folders in everyone.items() if key != group.identifiers for folder in folders}
        folder = exclusive_folder(everyone[group.identifiers], others)
        digits = pseudonyms.of(*group.identifiers)
        named = safe_name(_folder_name(root, folder))
        name = distinct(named, names, digits) if named else digits
        names.append(name)
        cases += _examinations(root, name, group, folder)
    return tuple(cases)


def _patient(root: Path, item: Slice) -> tuple[str, ...]:
    """Return what identifies the patient of an image; placeholders such as "ANON" identify none, their folder does."""
    if not PLACEHOLDER.fullmatch(item.patient):
        return ("patient", item.patient)
    above = item.path.parent.relative_to(root).parts
    return ("folder", above[0]) if above else ("study", item.study)


def _groups(slices: Iterable[Slice], key: Callable[[Slice], tuple[str, ...]]) -> list[_Group]:
    found: dict[tuple[str, ...], list[Slice]] = {}
    for item in slices:
        found.setdefault(key(item), []).append(item)
    return [_Group(identifiers, tuple(found[identifiers])) for identifiers in sorted(found)]


def _folder_name(root: Path, folder: Path | None) -> str:
    """Return the name that the user gave a patient: that of the folder, or of the folder above ``DICOM`` and the like."""
    if folder is None:
        return ""
    parts = [part for part in folder.parts if not is_series_level(part)]
    return parts[-1] if parts else (folder.parts or (root.resolve().name,))[-1]


def _examinations(root: Path, patient: str, group: _Group, folder: Path | None) -> list[DicomCase]:
    studies = sorted(_groups(group.slices, lambda item: (item.study,)), key=lambda study: (study.date, study.identifiers))
    labels = _sessions(root, studies, folder)
    found = []
    for study in studies:
        others = {other for item in studies if item is not study for other in item.folders(root)}
        own = folder if len(studies) == 1 else folder and exclusive_folder(study.folders(root), others)
        session = labels[study.identifiers]
        found.append(DicomCase(RawCase(with_session(patient, session), patient, _sources(root, study)), own))
    return found


def _sessions(root: Path, studies: Sequence[_Group], patient: Path | None) -> Mapping[tuple[str, ...], str]:
    """Return the session names of a patient's examinations: their folders' if those differ, else numbers by date."""
    if len(studies) == 1:
        return {studies[0].identifiers: ""}
    depth = len(patient.parts) if patient is not None else 0
    named: dict[tuple[str, ...], str] = {}
    for study in studies:
        below = {folder.parts[depth : depth + 1] for folder in study.folders(root)}
        (part,) = below if len(below) == 1 else ((),)
        usable = part and patient is not None and not is_series_level(part[0])
        named[study.identifiers] = session_name(part[0]) if usable else ""
    if all(named.values()) and len({name.casefold() for name in named.values()}) == len(studies):
        return named
    return {study.identifiers: str(number) for number, study in enumerate(studies, start=1)}


def _sources(root: Path, study: _Group) -> tuple[Source, ...]:
    series = _groups(study.slices, lambda item: (item.series,))
    sources = []
    for number, group in enumerate(series, start=1):
        paths = tuple(sorted(item.path for item in group.slices))
        folder = paths[0].parent.relative_to(root).as_posix()
        others = {item.path.parent for other in series if other is not group for item in other.slices}
        shared = paths[0].parent in others
        sources.append(Source(f"{folder} (series {number} of {len(series)})" if shared else folder, paths, dicom=True))
    return tuple(sources)
