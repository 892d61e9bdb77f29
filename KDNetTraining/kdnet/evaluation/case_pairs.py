"""Find labelmaps in folders and pair those of the same case by name.

Names matter more than folders: ``P1_seg.nii.gz``, ``P1/seg.nii.gz``, ``P1_t1ce_seg.nii.gz`` and ``labelsTr/P1.nii.gz`` are
all labelmaps of the case P1. Images next to them are skipped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from kdnet.data.volumes.io import IMAGE_SUFFIXES
from kdnet.errors import DataError

_LABELMAP = re.compile(
    r"(?:(?P<case>.*?)[._ -]+)?"
    r"(?:[ad]?seg|segs|segmentation|label|labels|labelmap|mask|gt|gtv|groundtruth|truth|pred|prediction|reference)"
    r"(?:[_-]kdnet)?",  # appended to a result whose name was taken
    re.IGNORECASE,
)
_MODALITY = re.compile(r"(?:(?P<case>.*?)[._ -]+)?(?:t1|t1n|t1w|t1ce|t1c|t1gd|t2|t2w|t2f|flair)", re.IGNORECASE)
_PASSED_OVER = re.compile(r"\..*|.*_percent", re.IGNORECASE)  # hidden or unfinished files, and probability maps
_IMAGE_FOLDER = re.compile(r"images(tr|ts)?", re.IGNORECASE)


class Kind(IntEnum):
    """The kind of file according to its name; lower values are preferred."""

    LABELMAP = 0
    PLAIN = 1
    IMAGE = 2


@dataclass(frozen=True)
class CasePair:
    """The two labelmaps of one case."""

    case: str
    prediction: Path
    reference: Path


@dataclass(frozen=True)
class Pairs:
    """The cases that two folders share, and those they do not.

    Attributes:
        pairs: sorted by case.
        without_prediction: cases with only a reference.
        without_reference: cases with only a prediction.
        problems: case to a message, for cases with several labelmaps on one side.
    """

    pairs: tuple[CasePair, ...]
    without_prediction: tuple[str, ...] = ()
    without_reference: tuple[str, ...] = ()
    problems: Mapping[str, str] = field(default_factory=dict)


def find_pairs(predictions: Path, references: Path) -> Pairs:
    """Pair the labelmaps of two folders, or two files, by case.

    Two files form one pair, whatever their names.

    Raises:
        DataError: when a path does not exist or holds no labelmap, or when no case is in both.
    """
    found, wanted = labelmaps_in(predictions), labelmaps_in(references)
    if predictions.is_file() and references.is_file():
        (case,) = wanted
        return Pairs((CasePair(case, predictions, references),))
    problems: dict[str, str] = {}
    for side, cases in (("predictions", found), ("references", wanted)):
        for case, paths in cases.items():
            if len(paths) > 1:
                both = " and ".join(str(path) for path in paths[:2])
                problems.setdefault(case, f"{both} are both {side} of the case {case}: keep one of them.")
    renamed = _same_case(found, wanted)
    shared = sorted(case for case in wanted if case in renamed)
    if not shared:
        raise DataError(
            f"no case in {predictions} is in {references} (for example {min(found)} and {min(wanted)}): "
            "give the labelmaps of a case the same name."
        )
    return Pairs(
        tuple(CasePair(case, found[renamed[case]][0], wanted[case][0]) for case in shared if case not in problems),
        tuple(sorted(wanted.keys() - renamed.keys())),
        tuple(sorted(found.keys() - set(renamed.values()))),
        {case: problem for case, problem in problems.items() if case in renamed},
    )


def labelmaps_in(place: Path) -> dict[str, tuple[Path, ...]]:
    """Return the labelmaps in a folder and its subfolders by case; a file is the labelmap of one case.

    Raises:
        DataError: when the path does not exist or holds no image file.
    """
    if place.is_file():
        return {case_of(place)[0]: (place,)}
    if not place.is_dir():
        raise DataError(f"{place} does not exist: correct its name.")
    named = [(*case_of(path), path) for path in sorted(_image_files(place))]
    if not named:
        raise DataError(f"{place} does not contain a labelmap ({', '.join(IMAGE_SUFFIXES)}): choose another folder.")
    best = min(kind for _, kind, _ in named)
    cases: dict[str, tuple[Path, ...]] = {}
    for case, kind, path in named:
        if kind is best:
            cases[case] = (*cases.get(case, ()), path)
    return cases


def case_of(path: Path) -> tuple[str, Kind]:
    """Return the case that a file belongs to, and the kind of file according to its name.

    Example:
        >>> case_of(Path("out/P1_t1ce_seg.nii.gz"))
        ('P1', <Kind.LABELMAP: 0>)
        >>> case_of(Path("P1/seg.nii.gz"))[0]
        'P1'
    """
    stem = _stem(path)
    match = _LABELMAP.fullmatch(stem)
    kind = Kind.LABELMAP if match else Kind.PLAIN
    if match:
        stem = match["case"] or ""
    image = _MODALITY.fullmatch(stem)
    if image and (match or image["case"]):
        stem, kind = image["case"] or "", kind if match else Kind.IMAGE
    return stem or path.absolute().parent.name or path.name, kind


def _stem(path: Path) -> str:
    suffix = next((suffix for suffix in IMAGE_SUFFIXES[::-1] if path.name.lower().endswith(suffix)), path.suffix)
    name = path.name[: len(path.name) - len(suffix)]
    return name.removesuffix(".nii") if suffix == ".gz" else name


def _image_files(root: Path) -> Iterator[Path]:
    """Yield image files below ``root``, each folder once, without those whose name or folder marks them as images."""
    seen: set[Path] = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        if (real := Path(folder).resolve()) in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".") and not _IMAGE_FOLDER.fullmatch(name)]
        for name in names:
            path = Path(folder, name)
            if name.lower().endswith(IMAGE_SUFFIXES) and not _PASSED_OVER.fullmatch(_stem(path)) and name[0] != ".":
                yield path


def _same_case(found: Iterable[str], wanted: Iterable[str]) -> dict[str, str]:
    """Match reference cases to prediction cases with the same name, or one that differs only in case."""
    exact = set(found)
    folded: dict[str, list[str]] = {}
    for case in exact:
        folded.setdefault(case.casefold(), []).append(case)
    same: dict[str, str] = {}
    for case in wanted:
        alike = [case] if case in exact else folded.get(case.casefold(), [])
        if len(alike) == 1:
            same[case] = alike[0]
    return same
