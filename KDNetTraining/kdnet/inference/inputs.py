"""What a user wants segmented: files, DICOM folders, or folders of cases, as a list of cases with their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kdnet.data.brats import FILE, NAMES
from kdnet.data.image_io import IMAGE_SUFFIXES
from kdnet.errors import DataError


@dataclass(frozen=True)
class Input:
    """One case to segment.

    Attributes:
        name: of the case, and of its results.
        files: one per modality of the model, in its order.
        suffix: of the labelmap to write.
    """

    name: str
    files: tuple[Path, ...]
    suffix: str


@dataclass(frozen=True)
class Refused:
    """An input that cannot be segmented, with the reason."""

    path: Path
    reason: str


def find_inputs(paths: Sequence[Path], modalities: Sequence[str]) -> list[Input | Refused]:
    """List the cases that ``paths`` mean for a model of ``modalities``.

    A file is a case for a model of one modality. A folder is a case when its files are named by modality
    (``..._t1ce.nii.gz``); otherwise each image in it is one, or the whole folder is a DICOM series; a folder of folders
    is all of them.
    """
    found: list[Input | Refused] = []
    for path in paths:
        if path.is_dir():
            found += _folder(path, modalities)
        elif len(modalities) == 1:
            found.append(_file(path))
        else:
            wanted = ", ".join(modalities)
            reason = f"{path} is one file, but the model needs {wanted}: give a folder with one file per modality."
            found.append(Refused(path, reason))
    return found


def image_suffix(path: Path) -> str:
    """The suffix of an image file, ``.nii.gz`` being one; empty when it is no image."""
    return next(
        (suffix for suffix in sorted(IMAGE_SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(suffix)), ""
    )


def _file(path: Path) -> Input | Refused:
    suffix = image_suffix(path)
    if not suffix:
        return Refused(path, f"{path} is no NIfTI, NRRD or MetaImage file: convert it first.")
    return Input(path.name[: -len(suffix)], (path,), _written(suffix))


def _folder(folder: Path, modalities: Sequence[str]) -> list[Input | Refused]:
    images = sorted(path for path in folder.iterdir() if path.is_file() and image_suffix(path))
    named = {NAMES[match["part"].lower()]: path for path in images if (match := _modality(path))}
    if named:
        return [_named(folder, named, modalities)]
    if images and len(modalities) == 1:
        return [_file(path) for path in images if not path.name[: -len(image_suffix(path))].endswith("_seg")]
    subfolders = sorted(path for path in folder.iterdir() if path.is_dir())
    if subfolders:
        return [item for subfolder in subfolders for item in _folder(subfolder, modalities)]
    if any(folder.iterdir()) and len(modalities) == 1:
        return [Input(folder.name, (folder,), ".nii.gz")]
    return [Refused(folder, f"{folder} holds nothing that can be segmented: choose images or a DICOM folder.")]


def _named(folder: Path, named: dict[str, Path], modalities: Sequence[str]) -> Input | Refused:
    missing = [modality for modality in modalities if modality not in named]
    if missing:
        return Refused(folder, f"{folder} lacks the modality {missing[0]}, which the model needs: add its file.")
    files = tuple(named[modality] for modality in modalities)
    match = _modality(files[0])
    assert match is not None
    return Input(match["case"], files, _written(image_suffix(files[0])))


def _modality(path: Path) -> dict[str, str] | None:
    match = FILE.fullmatch(path.name)
    return None if match is None or match["part"].lower() == "seg" else match.groupdict()


def _written(suffix: str) -> str:
    """Formats that keep header and voxels in two files are written as their one-file sisters."""
    return {".nhdr": ".nrrd", ".mhd": ".mha"}.get(suffix, suffix)


def require_inputs(inputs: Sequence[Input | Refused]) -> None:
    """Refuse an empty list and cases whose results would overwrite each other.

    Raises:
        DataError: in one sentence.
    """
    if not inputs:
        raise DataError("there is nothing to segment: name at least one file or folder.")
    names = [item.name for item in inputs if isinstance(item, Input)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f'two inputs are called "{twice[0]}" and would get the same result file: rename one.')
