"""Group NIfTI, NRRD and MetaImage files into examinations of patients by their names and folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kdnet.curation.label_files import is_label_name, may_be_reference
from kdnet.curation.names import is_series_level, is_session, safe_name, session_name, with_session
from kdnet.curation.numbered_visits import FIRST, visit_names, visit_numbers, visit_of_labels
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
    places = _Places.of(root, scans)
    for path in scans:
        name, patient = places.place(path)
        found.setdefault(name, Found(patient)).scans.append(path)
    for path in filter(may_be_reference, labels):
        name, _ = places.place(path)
        if name in found:
            found[name].labels.append(path)
    return tuple(
        RawCase(name, case.patient, sources_of(root, case.scans), tuple(case.labels))
        for name, case in sorted(_by_visit(found).items())
    )


def _by_visit(found: Mapping[str, Found]) -> dict[str, Found]:
    """Divide cases that hold the files of several visits."""
    divided: dict[str, Found] = {}
    for name, case in found.items():
        numbers = visit_numbers(case.scans)
        names = visit_names(name, case.patient, sorted(set(numbers.values())))
        if not numbers or any(other in found for other in names.values()):
            divided[name] = case
            continue
        for visit in names.values():
            divided[visit] = Found(case.patient)
        for path in case.scans:
            divided[names[numbers.get(path, FIRST)]].scans.append(path)
        for path in case.labels:
            owner = names.get(visit_of_labels(path, numbers))
            if owner is not None:
                divided[owner].labels.append(path)
    return divided


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


def _repeated(scans: Iterable[Path], prefixes: frozenset[str]) -> frozenset[str]:
    """Return the prefixes that files of one modality have in several folders, which are of several examinations."""
    folders: dict[tuple[str, str], set[Path]] = {}
    for path in scans:
        part = file_part(image_stem(path))
        if part is not None and part.case in prefixes:
            folders.setdefault((part.case, part.part), set()).add(path.parent)
    return frozenset(case for (case, _), parents in folders.items() if len(parents) > 1)


@dataclass(frozen=True)
class _Places:
    """Where the files of a raw folder belong.

    Attributes:
        root: the raw folder.
        prefixes: parts of file names that name cases.
        repeated: those that occur in several folders, such as ``study1`` in the folder of each patient.
    """

    root: Path
    prefixes: frozenset[str]
    repeated: frozenset[str]

    @classmethod
    def of(cls, root: Path, scans: Sequence[Path]) -> _Places:
        prefixes = _prefixes(root, scans)
        return cls(root, prefixes, _repeated(scans, prefixes))

    def place(self, path: Path) -> tuple[str, str]:
        """Return the names of case and patient of a file."""
        prefix = _prefix(path)
        if prefix not in self.prefixes:
            return self._by_folder(path)
        repeated = prefix in self.repeated
        is_visit = is_session(prefix) and (repeated or not prefix.isdecimal())  # "01_t1" in one folder is of patient 01
        if not (repeated or is_visit or is_series_level(prefix)):
            name = safe_name(prefix)
            return name, safe_name(patient_of(name))
        name, patient = self._by_folder(path)
        if is_visit:
            return f"{name}{'_ses-' if name == patient else '-'}{session_name(prefix)}", patient
        if is_series_level(prefix):
            return name, patient
        session = next((part for part in reversed(self._folders(path)) if is_session(part)), "")
        if session:
            patient = safe_name(patient_of(safe_name(prefix)))
            return with_session(patient, session_name(session)), patient
        joined = name if safe_name(prefix).casefold() in name.casefold() else safe_name(f"{name}_{prefix}")
        return joined, safe_name(patient_of(joined))

    def _folders(self, path: Path) -> list[str]:
        return list(path.parent.relative_to(self.root).parts)

    def _by_folder(self, path: Path) -> tuple[str, str]:
        folders = self._folders(path)
        while len(folders) > 1 and is_series_level(folders[-1]):
            folders.pop()
        if not folders:
            folders = [self.root.resolve().name]
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
