"""What a user wants segmented: files, DICOM folders, or folders of cases, as a list of cases with their files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kdnet.data.brats import NAMES, REFERENCE
from kdnet.data.image_io import IMAGE_SUFFIXES
from kdnet.errors import DataError

RESULT = re.compile(r".*_(seg|percent)", re.IGNORECASE)  # what an earlier run wrote beside its inputs
CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")  # nnU-Net numbers modalities


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

    A file is a case for a model of one modality. In a folder, images named by modality (``case_t1ce.nii.gz``, with the
    model's own names or those of BraTS) or by nnU-Net's channel numbers (``case_0000.nii.gz``) are grouped to cases; where
    there are such, other images are left alone. Otherwise each image is a case, or the whole folder is a DICOM series; a
    folder of folders is all of them. Labelmaps and results of earlier runs are passed over.
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
    return Input(_stem(path), (path,), _written(suffix))


def _folder(folder: Path, modalities: Sequence[str]) -> list[Input | Refused]:
    try:
        content = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        return [Refused(folder, f"{folder} cannot be read ({error.strerror}): check its permissions.")]
    return _cases(folder, content, modalities)


def _cases(folder: Path, content: Sequence[Path], modalities: Sequence[str]) -> list[Input | Refused]:
    images = [p for p in content if p.is_file() and image_suffix(p) and not RESULT.fullmatch(_stem(p))]
    if named := _by_modality(folder, images, modalities):
        return [_case(folder, name, files, modalities) for name, files in named.items()]
    if numbered := _by_channel(images):
        return [_numbered(folder, name, files, modalities) for name, files in numbered.items()]
    if images and len(modalities) == 1:
        return [_file(path) for path in images]
    subfolders = [path for path in content if path.is_dir()]
    if subfolders:
        return [item for subfolder in subfolders for item in _folder(subfolder, modalities)]
    if content and not images and len(modalities) == 1:
        return [Input(folder.resolve().name, (folder,), ".nii.gz")]
    return [Refused(folder, f"{folder} holds nothing that can be segmented: choose images or a DICOM folder.")]


def _by_modality(folder: Path, images: Sequence[Path], modalities: Sequence[str]) -> dict[str, dict[str, list[Path]]]:
    """Case name to modality to its files, of the images that are named by modality."""
    names = {alias: canonical for alias, canonical in NAMES.items() if canonical != REFERENCE}
    own = {name.lower(): name for name in modalities}
    known = {**{alias: own.get(canonical, canonical) for alias, canonical in names.items()}, **own}
    parts = "|".join(re.escape(name) for name in sorted(known, key=len, reverse=True))
    pattern = re.compile(rf"(?:(?P<case>.+)[_-])?(?P<part>{parts})", re.IGNORECASE)
    cases: dict[str, dict[str, list[Path]]] = {}
    for path in images:
        if match := pattern.fullmatch(_stem(path)):
            case = cases.setdefault(match["case"] or folder.name, {})
            case.setdefault(known[match["part"].lower()], []).append(path)
    return cases


def _by_channel(images: Sequence[Path]) -> dict[str, dict[int, Path]]:
    """Case name to channel number to file, when all images are numbered."""
    cases: dict[str, dict[int, Path]] = {}
    for path in images:
        match = CHANNEL.fullmatch(_stem(path))
        if match is None:
            return {}
        cases.setdefault(match["case"], {})[int(match["channel"])] = path
    # patients that are numbered so begin anywhere, channels begin with 0
    return cases if all(0 in files for files in cases.values()) else {}


def _case(folder: Path, name: str, files: Mapping[str, list[Path]], modalities: Sequence[str]) -> Input | Refused:
    for modality in modalities:
        if modality not in files:
            reason = f"{name} in {folder} lacks the modality {modality}, which the model needs: add its file."
            return Refused(folder, reason)
        if len(files[modality]) > 1:
            first, second = (path.name for path in files[modality][:2])
            reason = f"{first} and {second} in {folder} are both the {modality} of {name}: remove one of them."
            return Refused(folder, reason)
    chosen = tuple(files[modality][0] for modality in modalities)
    return Input(name, chosen, _written(image_suffix(chosen[0])))


def _numbered(folder: Path, name: str, files: Mapping[int, Path], modalities: Sequence[str]) -> Input | Refused:
    if sorted(files) != list(range(len(modalities))):
        wanted = ", ".join(modalities)
        reason = f"{name} in {folder} has {len(files)} numbered channels, but the model needs {wanted}: name by modality."
        return Refused(folder, reason)
    return Input(name, tuple(files[index] for index in sorted(files)), _written(image_suffix(files[0])))


def _stem(path: Path) -> str:
    return path.name[: -len(image_suffix(path))]


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
