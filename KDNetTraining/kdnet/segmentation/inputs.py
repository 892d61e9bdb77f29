"""Turn the files, DICOM folders or case folders that a user wants segmented into a list of cases."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kdnet.data.volumes.dicom import is_series
from kdnet.data.volumes.dicom_file import read_dicom_header
from kdnet.errors import DataError, KDNetError
from kdnet.schema.modalities import format_modalities
from kdnet.segmentation.dicom_folder import cases_of
from kdnet.segmentation.grouping import Input, RejectedInput, Sorted, image_stem, image_suffix, sort_images, written_suffix
from kdnet.segmentation.not_scans import is_no_scan
from kdnet.segmentation.result_names import absolute, different_names

DICOM_SUFFIXES = (".dcm", ".ima")
ROWS = 0x00280010  # the Rows tag of an image
DICOM_LOOKS = 50  # files checked in a folder before it is ruled out as a DICOM series

__all__ = ["Found", "Input", "RejectedInput", "require_inputs", "survey"]


@dataclass(frozen=True)
class Found:
    """What was found in the files and folders that a user named.

    Attributes:
        cases: cases to segment, or rejected with the reason; all names differ.
        skipped: images and series that may be scans but are not used, with the reason.
        no_scans: labelmaps, masks, maps and results of earlier runs, identified by name.
    """

    cases: tuple[Input | RejectedInput, ...]
    skipped: tuple[RejectedInput, ...] = ()
    no_scans: tuple[Path, ...] = ()


def survey(paths: Sequence[Path], modalities: Sequence[str], channels: Sequence[int] = ()) -> Found:
    """Find the cases in ``paths`` for a model of ``modalities``, and report what is not used.

    A file is a case for a model of one modality. In a folder, images named by modality (``case_t1ce.nii.gz``, with the
    model's own names or those used by data sets) or by nnU-Net's channel numbers (``case_0000.nii.gz``) are grouped into
    cases; where there are any, other images in that folder are skipped. Otherwise each image is a case. A folder with
    DICOM files is a series, or an examination, of which the series of the model's modalities are used. Subfolders are
    searched too, each once, no matter which links lead to it. Labelmaps, masks, maps and results of earlier runs are not
    scans.

    Args:
        paths: files and folders.
        modalities: modalities that the model needs, in its order.
        channels: index of each modality's volume in a 4D file, counted from 0; empty for files of one volume.
    """
    search = _Search(tuple(modalities), tuple(channels))
    for path in paths:
        search.take(path)
    cases = [replace(case, name=name) for case, name in zip(search.cases, different_names(search.cases), strict=True)]
    return Found(tuple(cases), tuple(search.skipped), tuple(search.no_scans))


def require_inputs(found: Found | Sequence[Input | RejectedInput]) -> None:
    """Raise an error when there is nothing to segment.

    Raises:
        DataError: with a one-sentence message.
    """
    cases = found.cases if isinstance(found, Found) else found
    if cases:
        return
    if isinstance(found, Found) and found.no_scans:
        first = found.no_scans[0]
        raise DataError(f"{first} is a labelmap, mask or map, judging by its name: choose a scan, or rename the file.")
    if isinstance(found, Found) and found.skipped:
        raise DataError(found.skipped[0].reason)
    raise DataError("there is nothing to segment: give at least one file or folder.")


class _Search:
    """Walks through files and folders and collects what it finds."""

    def __init__(self, modalities: tuple[str, ...], channels: tuple[int, ...]) -> None:
        self._modalities = modalities
        self._channels = channels
        self._seen: set[str] = set()
        self.cases: list[Input | RejectedInput] = []
        self.skipped: list[RejectedInput] = []
        self.no_scans: list[Path] = []

    def take(self, path: Path) -> None:
        """Process a path that the user named."""
        if not path.is_dir():
            self._file(path)
            return
        if os.path.realpath(path) in self._seen:
            return
        before = (len(self.cases), len(self.skipped), len(self.no_scans))
        self._tree(path)
        if (len(self.cases), len(self.skipped)) == before[:2]:
            held = "only labelmaps, masks or maps" if len(self.no_scans) > before[2] else "nothing that can be segmented"
            reason = f"{path} contains {held}: choose images or a DICOM folder."
            self.cases.append(RejectedInput(path, reason, _folder_name(path)))

    def _file(self, path: Path) -> None:
        if not self._first_visit(path):
            return
        suffix, stem = image_suffix(path), image_stem(path)
        if not suffix and is_series(path):
            self._one_of_a_series(path)
        elif not suffix:
            reason = f"{path} is not a NIfTI, NRRD or MetaImage file: convert it first."
            self.cases.append(RejectedInput(path, reason, path.name))
        elif is_no_scan(stem, self._modalities):
            self.no_scans.append(path)
        elif len(self._modalities) == 1 or self._channels:
            self.cases.append(self._single(path))
        else:
            wanted = format_modalities(self._modalities)
            reason = f"{path} is a single file, but the model needs {wanted}: give a folder with one file per modality."
            self.cases.append(RejectedInput(path, reason, stem))

    def _one_of_a_series(self, path: Path) -> None:
        """Take a series that is named by one of its files."""
        if len(self._modalities) == 1:
            self.cases.append(Input(path.name, (path,), ".nii.gz"))
            return
        wanted = format_modalities(self._modalities)
        reason = f"{path} is of one DICOM series, but the model needs {wanted}: give the folder of the examination."
        self.cases.append(RejectedInput(path, reason, path.name))

    def _single(self, path: Path) -> Input:
        files = (path,) * len(self._modalities)
        return Input(image_stem(path), files, written_suffix(image_suffix(path)), self._channels)

    def _tree(self, root: Path) -> None:
        """Search ``root`` and all folders below it, a folder's images before its subfolders."""
        waiting = [root]
        while waiting:
            folder = waiting.pop()
            if os.path.realpath(folder) in self._seen:
                continue
            self._seen.add(os.path.realpath(folder))
            try:
                files, folders = _content(folder)
            except OSError as error:
                reason = f"{folder} cannot be read ({error.strerror or error}): check its permissions."
                self.cases.append(RejectedInput(folder, reason, _folder_name(folder)))
                continue
            self._images(folder, [path for path in files if image_suffix(path)])
            self._series(folder, [path for path in files if not image_suffix(path)])
            waiting += reversed(folders)

    def _images(self, folder: Path, images: Sequence[Path]) -> None:
        fresh = [path for path in images if self._first_visit(path)]
        self.no_scans += [path for path in fresh if is_no_scan(image_stem(path), self._modalities)]
        scans = [path for path in fresh if not is_no_scan(image_stem(path), self._modalities)]
        if self._channels:
            self.cases += [self._single(path) for path in scans]
            return
        found: Sorted = sort_images(folder, _folder_name(folder), scans, self._modalities)
        self.cases += found.cases
        self.skipped += found.skipped

    def _series(self, folder: Path, others: Sequence[Path]) -> None:
        if not any(_is_dicom_image(path) for path in others[:DICOM_LOOKS]):
            return
        name = _folder_name(folder)
        beside = [case for case in self.cases if isinstance(case, Input) and case.path.parent == folder and case.named]
        if beside:
            other = beside[0].path.name
            reason = f"the DICOM files in {folder} are skipped because the folder also contains {other}: move one of them."
            self.skipped.append(RejectedInput(folder, reason, name))
            return
        case, skipped = cases_of(folder, name, others, self._modalities)
        if isinstance(case, RejectedInput) and len(self._modalities) > 1:
            self.skipped.append(case)  # its subfolders may hold a complete case
        else:
            self.cases.append(case)
        if skipped is not None:
            self.skipped.append(skipped)

    def _first_visit(self, path: Path) -> bool:
        """Check whether the file has not been taken yet; links with different names are different files."""
        key = str(Path(os.path.realpath(path.parent)) / path.name)
        if key in self._seen:
            return False
        self._seen.add(key)
        return True


def _content(folder: Path) -> tuple[list[Path], list[Path]]:
    """Return the files and subfolders of a folder, sorted, without hidden ones; links to folders come last."""
    with os.scandir(folder) as entries:
        shown = sorted((entry for entry in entries if not entry.name.startswith(".")), key=lambda entry: entry.name)
    files = [folder / entry.name for entry in shown if _is(entry, folder=False)]
    folders = sorted((entry for entry in shown if _is(entry, folder=True)), key=lambda entry: entry.is_symlink())
    return files, [folder / entry.name for entry in folders]


def _is(entry: os.DirEntry[str], *, folder: bool) -> bool:
    try:
        return entry.is_dir() if folder else entry.is_file()
    except OSError:  # a link to a place that cannot be accessed
        return False


def _is_dicom_image(path: Path) -> bool:
    """Check whether a file is an image of a series, even a damaged one; a DICOMDIR or a report is not."""
    if path.suffix.lower() in DICOM_SUFFIXES:
        return True
    try:
        header = read_dicom_header(path)
    except KDNetError:
        return True
    except OSError:
        return False
    return header is not None and (header.pixel_bytes is not None or ROWS in header.values or not header.values)


def _folder_name(folder: Path) -> str:
    """Return the name of a folder, also for ``.`` and ``..``."""
    return absolute(folder).name or "case"
