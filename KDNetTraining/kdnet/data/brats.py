"""BraTS folders, up to 2021 (``_t1ce``) and since 2023 (``-t1c``): a file per modality, flat or a folder per case."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from kdnet.data.cases import Case, Dataset, ImageFile
from kdnet.labels import LabelTable, brats_labels

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
}
FILE = re.compile(r"(?P<case>.+)[_-](?P<part>t1ce|t1c|t1n|t1|t2w|t2f|t2|flair|seg)\.nii(\.gz)?", re.IGNORECASE)

# Enhancing tumour was 4 until 2021 and is 3 since 2023. A file's own values tell which, not its name: 4 is mapped to 3,
# 3 stays, and a case that holds both is reported by the inspection.
VALUE_MAP = {4: 3}


def read_brats(root: Path, files: Iterable[Path], labels: LabelTable | None) -> Dataset | None:
    """The BraTS data set among ``files`` below ``root``, or None when there is none."""
    images: dict[str, dict[str, ImageFile]] = {}
    references: dict[str, ImageFile] = {}
    for file in files:
        match = FILE.fullmatch(file.name)
        if match is None:
            continue
        name, part = match["case"], match["part"].lower()
        if part == "seg":
            references[name] = ImageFile(file)
        else:
            images.setdefault(name, {})[NAMES[part]] = ImageFile(file)
    if not images:
        return None
    # what most cases have; a case that lacks one of these is reported, a rare extra modality is not asked of the others
    modalities = tuple(m for m in MODALITIES if 2 * sum(m in case for case in images.values()) > len(images))
    table = labels or brats_labels()
    value_map = VALUE_MAP if table == brats_labels() else {}
    cases = tuple(
        Case(name, {m: found[m] for m in modalities if m in found}, references.get(name), value_map)
        for name, found in sorted(images.items())
    )
    return Dataset(root, "BraTS", modalities, table, cases)
