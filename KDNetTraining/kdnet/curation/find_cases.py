"""From the files of a raw folder to cases: DICOM by header, image files by name, segmentations beside their scans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from kdnet.curation.dicom_cases import DicomCase, dicom_cases
from kdnet.curation.image_cases import by_folder, image_cases, sources_of
from kdnet.curation.label_files import is_label_name, may_be_reference
from kdnet.curation.names import Pseudonyms, distinct
from kdnet.curation.raw_case import RawCase, Source
from kdnet.curation.raw_files import RawFiles
from kdnet.segmentation.grouping import image_stem


@dataclass(frozen=True)
class FoundCases:
    """The cases of a raw folder.

    Attributes:
        cases: sorted by name.
        problems: files that belong to no case, and why, as sentences.
    """

    cases: tuple[RawCase, ...]
    problems: tuple[tuple[Path, str], ...]


def find_cases(files: RawFiles, pseudonyms: Pseudonyms) -> FoundCases:
    """Group the files of a raw folder into cases.

    Args:
        files: the files.
        pseudonyms: names for patients whose folders give none.
    """
    scanned = dicom_cases(files.root, files.slices, pseudonyms)
    folders = {files.root / item.folder: item.case.name for item in scanned if item.folder is not None}
    beside = {path: by_folder(folders, path) for path in files.images}
    cases = []
    for item in scanned:
        cases.append(_with_images(files.root, item, [path for path, name in beside.items() if name == item.case.name]))
    names = [case.name for case in cases]
    for case in image_cases(files.root, [path for path, name in beside.items() if not name]):
        unique = distinct(case.name, names, pseudonyms.of(case.name))
        names.append(unique)
        cases.append(replace(case, name=unique))
    damaged, problems = _damaged(cases, files.unreadable)
    return FoundCases(tuple(sorted(damaged, key=lambda case: case.name)), problems)


def _with_images(root: Path, found: DicomCase, images: Iterable[Path]) -> RawCase:
    """Add the image files in the folder of a DICOM case: segmentations, and converted series."""
    paths = list(images)
    labels = [path for path in paths if is_label_name(image_stem(path))]
    scans = [path for path in paths if path not in labels]
    sources = (*found.case.sources, *sources_of(root, scans))
    return replace(found.case, sources=sources, labels=tuple(filter(may_be_reference, labels)))


def _damaged(
    cases: Iterable[RawCase], unreadable: Iterable[tuple[Path, str]]
) -> tuple[list[RawCase], tuple[tuple[Path, str], ...]]:
    """Give damaged files to the series in whose folder they lie, which lacks a slice without them.

    A series without its damaged first or last slice looks complete, so it must not be used.
    """
    found, rest = list(cases), []
    for path, reason in unreadable:
        owners = [index for index, case in enumerate(found) if any(_lies_in(path, source) for source in case.sources)]
        if not owners:
            rest.append((path, reason))
        for index in owners:
            sources = found[index].sources
            marked = tuple(replace(source, damaged=reason) if _lies_in(path, source) else source for source in sources)
            found[index] = replace(found[index], sources=marked)
    return found, tuple(rest)


def _lies_in(path: Path, source: Source) -> bool:
    return source.dicom and any(file.parent == path.parent for file in source.files)
