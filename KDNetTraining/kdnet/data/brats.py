"""BraTS folders, up to 2021 (``_t1ce``) and since 2023 (``-t1c``): a file per modality, flat or a folder per case."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from kdnet.data.cases import Case, Dataset, ImageFile
from kdnet.errors import DataError
from kdnet.labels import LabelTable, brats_labels

REFERENCE = "reference"
MODALITIES = ("t1", "t1ce", "t2", "flair")
NAMES = {
    "t1": "t1",
    "t1n": "t1",
    "t1ce": "t1ce",
    "t1c": "t1ce",
    "t2": "t2",
    "t2w": "t2",
    "flair": "flair",
    "t2f": "flair",
    "seg": REFERENCE,
}
FILE = re.compile(r"(?P<case>.+)[_-](?P<part>t1ce|t1c|t1n|t1|t2w|t2f|t2|flair|seg)\.nii(\.gz)?", re.IGNORECASE)

# Enhancing tumour was 4 until 2021 and is 3 since 2023. A file's own values tell which, not its name: 4 is mapped to 3,
# 3 stays, and a case that holds both is reported by the inspection.
VALUE_MAP = {4: 3}


def read_brats(root: Path, files: Iterable[Path], labels: LabelTable | None) -> Dataset | None:
    """The BraTS data set among ``files`` below ``root``, or None when there is none.

    Raises:
        DataError: when two files claim to be the same image of the same case.
    """
    found: dict[str, dict[str, Path]] = {}
    for file in files:
        match = FILE.fullmatch(file.name)
        if match is None or file.name.startswith("."):  # macOS leaves "._" files, a killed writer ".partial" ones
            continue
        parts, part = found.setdefault(match["case"], {}), NAMES[match["part"].lower()]
        if part in parts:
            raise DataError(f"{parts[part]} and {file} are both the {part} of case {match['case']}: remove one of them.")
        parts[part] = file
    modalities = _common_modalities(found)
    if not modalities:
        return None
    table = labels or brats_labels()
    value_map = VALUE_MAP if table == brats_labels() else {}
    cases = tuple(
        Case(
            name,
            {modality: ImageFile(parts[modality]) for modality in modalities if modality in parts},
            ImageFile(parts[REFERENCE]) if REFERENCE in parts else None,
            value_map,
        )
        for name, parts in sorted(found.items())
    )
    return Dataset(root, "BraTS", modalities, table, cases)


def _common_modalities(found: Mapping[str, Mapping[str, Path]]) -> tuple[str, ...]:
    """What at least half of the cases have, so that a case which lacks one is reported.

    A rare extra modality is not asked of the others; where no modality is common, all that occur are.
    """
    there = {modality: sum(modality in parts for parts in found.values()) for modality in MODALITIES}
    common = tuple(modality for modality, count in there.items() if count and 2 * count >= len(found))
    return common or tuple(modality for modality, count in there.items() if count)
