"""Walk a raw folder: which files are images, which are slices of DICOM series, and which cannot be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kdnet.data.volumes.dicom_file import DicomHeader, read_dicom_header
from kdnet.data.volumes.io import IMAGE_SUFFIXES
from kdnet.errors import DataError
from kdnet.files import PARTIAL
from kdnet.foreign import reading

PATIENT, STUDY, SERIES, INSTANCE = 0x00100020, 0x0020000D, 0x0020000E, 0x00080018
STUDY_DATE, STUDY_TIME = 0x00080020, 0x00080030
ROWS = 0x00280010
DICOM_SUFFIXES = (".dcm", ".ima", ".dicom")
OTHER_SUFFIXES = (
    *(".json", ".txt", ".csv", ".tsv", ".xml", ".md", ".pdf", ".html", ".log", ".yaml", ".yml", ".xlsx", ".docx", ".py"),
    *(".bval", ".bvec", ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".zip", ".gz", ".tar", ".mat", ".h5"),
)


@dataclass(frozen=True, slots=True)
class Slice:
    """One DICOM image, by the identifiers that say where it belongs."""

    path: Path
    patient: str
    study: str
    series: str
    instance: str
    date: str

    @classmethod
    def of(cls, header: DicomHeader) -> Slice:
        """Take the identifiers from a header."""
        patient, study, series, instance = (header.text(tag) for tag in (PATIENT, STUDY, SERIES, INSTANCE))
        return cls(header.path, patient, study, series, instance, f"{header.text(STUDY_DATE)} {header.text(STUDY_TIME)}")


@dataclass(frozen=True)
class RawFiles:
    """The files of a raw folder.

    Attributes:
        root: the raw folder.
        images: NIfTI, NRRD and MetaImage files, sorted.
        slices: DICOM images, each once.
        unreadable: files that should be images and are not, with the reason as a sentence.
    """

    root: Path
    images: tuple[Path, ...]
    slices: tuple[Slice, ...]
    unreadable: tuple[tuple[Path, str], ...]


def walk_raw(root: Path, skip: Path, progress: Callable[[int], None] = lambda _count: None) -> RawFiles:
    """List the files of a raw folder; DICOM files are recognized by their content.

    Args:
        root: the raw folder.
        skip: folder below it that is not searched: the output.
        progress: called with the number of files so far.

    Raises:
        DataError: if ``root`` is not a folder that can be read.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder: choose the folder with the studies.")
    images: list[Path] = []
    unreadable: list[tuple[Path, str]] = []
    slices: dict[tuple[str, str], Slice] = {}
    for count, path in enumerate(_files(root, skip), start=1):
        progress(count)
        if path.name.lower().endswith(IMAGE_SUFFIXES):
            images.append(path)
        elif not path.name.lower().endswith(OTHER_SUFFIXES):
            try:
                found = _slice(path)
            except DataError as error:
                unreadable.append((path, str(error)))
                continue
            if found is not None:  # a second export of the same image is not another slice
                slices.setdefault((found.series, found.instance or str(path)), found)
    return RawFiles(root, tuple(sorted(images)), tuple(slices.values()), tuple(unreadable))


def _files(root: Path, skip: Path) -> Iterator[Path]:
    """Yield the files below ``root`` in a fixed order, each folder once, without hidden ones."""
    skipped, seen = skip.resolve(), set()
    with reading(root, "check its permissions"):
        next(root.iterdir(), None)
    for folder, folders, names in os.walk(root, followlinks=True):
        if (real := Path(folder).resolve()) in seen or real == skipped:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith((".", PARTIAL)))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _slice(path: Path) -> Slice | None:
    """Return a DICOM image; None for other files.

    Raises:
        DataError: if the file is damaged, or is not DICOM although its name says so.
    """
    with reading(path, "copy or export it again"):
        header = read_dicom_header(path)
    if header is None:
        if path.suffix.lower() in DICOM_SUFFIXES:
            raise DataError(f"{path} is empty or not a DICOM file: copy or export the series again.")
        return None
    return Slice.of(header) if header.pixel_bytes is not None or ROWS in header.values else None
