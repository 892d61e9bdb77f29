"""Group the images of one folder into cases by modality."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kdnet.data.volumes.io import IMAGE_SUFFIXES
from kdnet.schema.modalities import MODALITIES, channel_modality, display_name, file_part, format_modalities
from kdnet.schema.series_names import describe

CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})")  # nnU-Net's numbered modalities
OVERVIEW = re.compile(r"(.*[\s_.-])?(localizers?|localisers?|scouts?|survey)([\s_.-].*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Input:
    """One case to segment.

    Attributes:
        name: name of the case and of its results.
        files: one per modality, in the model's order.
        suffix: file suffix of the labelmap to write.
        channels: volume index in each 4D file, counted from 0; empty for files of one volume.
        named: whether the file names state their modality.
    """

    name: str
    files: tuple[Path, ...]
    suffix: str
    channels: tuple[int, ...] = ()
    named: bool = False

    @property
    def path(self) -> Path:
        """The first file, or the folder of a DICOM series."""
        return self.files[0]


@dataclass(frozen=True)
class RejectedInput:
    """An input that cannot be segmented, or is skipped although it may be a scan.

    Attributes:
        path: file or folder.
        reason: in one sentence.
        name: case name.
    """

    path: Path
    reason: str
    name: str = ""


@dataclass(frozen=True)
class Sorted:
    """The images of one folder."""

    cases: tuple[Input | RejectedInput, ...]
    skipped: tuple[RejectedInput, ...] = ()


def sort_images(folder: Path, folder_name: str, scans: Sequence[Path], modalities: Sequence[str]) -> Sorted:
    """Group the scans of a folder into cases.

    Args:
        folder: folder that holds them.
        folder_name: case name for files named by modality alone (``t1ce.nii.gz``).
        scans: image files, sorted.
        modalities: modalities that the model needs, in its order.
    """
    named = _by_modality(folder_name, scans, modalities)
    taken = {path for parts in named.values() for paths in parts.values() for path in paths}
    others = [path for path in scans if path not in taken]
    cases = tuple(_case(folder, name, parts, modalities) for name, parts in named.items())
    complete = next((case.path.name for case in cases if isinstance(case, Input)), "")
    if complete:
        why = f"its name does not state its modality like that of {complete}"
        return Sorted(cases, tuple(_skipped(path, why) for path in others))
    if numbered := _by_channel(others):
        return Sorted((*cases, *(_numbered(folder, name, files, modalities) for name, files in numbered.items())))
    reasons = {path: _why_not(path, modalities) for path in others}
    return Sorted(
        (*cases, *(single_input(path) for path, why in reasons.items() if not why)),
        tuple(_skipped(path, why) for path, why in reasons.items() if why),
    )


def single_input(path: Path) -> Input:
    """Return the case of a single image, named after its file."""
    return Input(image_stem(path), (path,), written_suffix(image_suffix(path)))


def image_suffix(path: Path) -> str:
    """Return the suffix of an image file, with ``.nii.gz`` as one; empty when it is not an image."""
    return next(
        (suffix for suffix in sorted(IMAGE_SUFFIXES, key=len, reverse=True) if path.name.lower().endswith(suffix)), ""
    )


def image_stem(path: Path) -> str:
    """Return the name of a file without its image suffix."""
    return path.name[: len(path.name) - len(image_suffix(path))]


def written_suffix(suffix: str) -> str:
    """Return the suffix to write: the single-file variant for formats that split header and voxels into two files."""
    return {".nhdr": ".nrrd", ".mhd": ".mha"}.get(suffix, suffix)


def _skipped(path: Path, why: str) -> RejectedInput:
    return RejectedInput(path, f"{path} is skipped because {why}.", image_stem(path))


def _why_not(path: Path, modalities: Sequence[str]) -> str:
    """Return why an image in a folder without modality names is not a case; empty when it is one."""
    stem = image_stem(path)
    if OVERVIEW.fullmatch(stem):
        return "its name indicates a localizer"
    if describe(stem).other:
        return "its name indicates a map or another kind of image"
    if len(modalities) > 1:
        return f"its name does not state its modality and the model needs {format_modalities(modalities)}"
    return ""


def _by_modality(folder_name: str, scans: Sequence[Path], modalities: Sequence[str]) -> dict[str, dict[str, list[Path]]]:
    """Return case name to modality to its files, for the scans that are named by modality."""
    canonical = {channel_modality(name) or name: name for name in modalities}
    names = "|".join(re.escape(name) for name in sorted(modalities, key=len, reverse=True))
    own = re.compile(rf"(?:(?P<case>.+)[_-])?(?P<part>{names})", re.IGNORECASE)
    cases: dict[str, dict[str, list[Path]]] = {}
    for path in scans:
        stem = image_stem(path)
        part, match = file_part(stem), own.fullmatch(stem)
        if part is not None and part.part in MODALITIES:
            case, modality = part.case, canonical.get(part.part, part.part)
        elif match is not None:
            case = match["case"] or ""
            modality = next(name for name in modalities if name.lower() == match["part"].lower())
        else:
            continue
        cases.setdefault(case or folder_name, {}).setdefault(modality, []).append(path)
    return cases


def _by_channel(scans: Sequence[Path]) -> dict[str, dict[int, Path]]:
    """Return case name to channel number to file, when all scans are numbered."""
    cases: dict[str, dict[int, Path]] = {}
    for path in scans:
        match = CHANNEL.fullmatch(image_stem(path))
        if match is None:
            return {}
        cases.setdefault(match["case"], {})[int(match["channel"])] = path
    # patient numbers in this form can start anywhere, channels start at 0
    return cases if all(0 in files for files in cases.values()) else {}


def _case(folder: Path, name: str, files: Mapping[str, list[Path]], modalities: Sequence[str]) -> Input | RejectedInput:
    first = next(iter(files.values()))[0]
    for modality in modalities:
        if modality not in files:
            reason = f"{name} in {folder} is missing {display_name(modality)}, which the model needs: add its file."
            return RejectedInput(first, reason, name)
        if len(files[modality]) > 1:
            one, other = (path.name for path in files[modality][:2])
            reason = f"{one} and {other} in {folder} are both the {display_name(modality)} of {name}: remove one of them."
            return RejectedInput(first, reason, name)
    chosen = tuple(files[modality][0] for modality in modalities)
    return Input(name, chosen, written_suffix(image_suffix(chosen[0])), named=True)


def _numbered(folder: Path, name: str, files: Mapping[int, Path], modalities: Sequence[str]) -> Input | RejectedInput:
    first = files[min(files)]
    if sorted(files) != list(range(len(modalities))):
        wanted = format_modalities(modalities)
        problem = f"has {len(files)} numbered channels, but the model needs {wanted}"
        reason = f"{name} in {folder} {problem}: name the files by modality."
        return RejectedInput(first, reason, name)
    return Input(name, tuple(files[index] for index in sorted(files)), written_suffix(image_suffix(first)))
