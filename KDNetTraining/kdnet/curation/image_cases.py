"""Group NIfTI, NRRD and MetaImage files into examinations of patients by their names and folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kdnet.curation.label_files import is_label_name, may_be_reference
from kdnet.curation.names import is_series_level, is_session, safe_name, session_name, with_session
from kdnet.curation.raw_case import RawCase, Source
from kdnet.schema.modalities import MODALITIES, file_part
from kdnet.schema.patients import patient_of
from kdnet.segmentation.grouping import image_stem

DERIVATIVES = ("derivatives", "sourcedata", "code")  # of BIDS: its processed scans are not the ones to prepare


@dataclass
class Found:
    """The files of one case while they are collected."""

    patient: str
    scans: list[Path] = field(default_factory=list)
    labels: list[Path] = field(default_factory=list)


def image_cases(root: Path, images: Sequence[Path]) -> tuple[RawCase, ...]:
    """Return a case per examination.

    Args:
        root: the raw folder.
        images: image files in it, sorted.
    """
    labels = [path for path in images if is_label_name(image_stem(path))]
    scans = [path for path in images if path not in set(labels) and not _derived(root, path)]
    found: dict[str, Found] = {}
    prefixes = _prefixes(root, scans)
    for path in scans:
        name, patient = _place(root, path, prefixes)
        found.setdefault(name, Found(patient)).scans.append(path)
    for path in filter(may_be_reference, labels):
        name, _ = _place(root, path, prefixes)
        if name in found:
            found[name].labels.append(path)
    return tuple(
        RawCase(name, case.patient, sources_of(root, case.scans), tuple(case.labels))
        for name, case in sorted(found.items())
    )


def sources_of(root: Path, files: Iterable[Path]) -> tuple[Source, ...]:
    """Return each image file as a series."""
    return tuple(Source(path.relative_to(root).as_posix(), (path,)) for path in files)


def _derived(root: Path, path: Path) -> bool:
    return any(part.lower() in DERIVATIVES for part in path.relative_to(root).parts[:-1])


def _prefix(path: Path) -> str:
    """Return the case that a file's name states before its modality or ``seg``; empty if it states none."""
    part = file_part(image_stem(path))
    return part.case if part is not None else ""


def _prefixes(root: Path, scans: Iterable[Path]) -> frozenset[str]:
    """Return the prefixes of file names that are cases.

    Converters number the series (``3_SAG_T1``, ``14_AX_T2``): such a prefix occurs once, and its folder is the case.
    """
    cases: set[str] = set()
    folders: dict[Path, list[tuple[str, str]]] = {}
    for path in scans:
        part = file_part(image_stem(path))
        if part is not None and part.case and part.part in MODALITIES:
            folders.setdefault(path.parent, []).append((part.case, part.part))
    for folder, parts in folders.items():
        counts = Counter(case for case, _ in set(parts))
        single = len(counts) == 1 and folder.name.casefold() in next(iter(counts)).casefold()
        cases |= {
            case
            for case, count in counts.items()
            if count > 1 or single or case.lower().startswith("sub-") or folder == root
        }
    return frozenset(cases)


def _place(root: Path, path: Path, prefixes: frozenset[str]) -> tuple[str, str]:
    """Return the names of case and patient of a file."""
    prefix = _prefix(path)
    if prefix in prefixes:
        name = safe_name(prefix)
        return name, safe_name(patient_of(name))
    folders = list(path.parent.relative_to(root).parts)
    while len(folders) > 1 and is_series_level(folders[-1]):
        folders.pop()
    if not folders:
        folders = [root.resolve().name]
    session = session_name(folders.pop()) if len(folders) > 1 and is_session(folders[-1]) else ""
    while len(folders) > 1 and is_series_level(folders[0]):
        folders.pop(0)  # "data/P1"
    patient = safe_name("_".join(folders)) or "case"
    return with_session(patient, session), patient if session else safe_name(patient_of(patient))


def by_folder(folders: Mapping[Path, str], path: Path) -> str:
    """Return the case whose folder holds ``path``, the innermost if there are several; empty if there is none."""
    for folder in path.parents:
        if folder in folders:
            return folders[folder]
    return ""
