"""Medical Segmentation Decathlon: ``dataset.json``, ``imagesTr`` with 4D files, ``labelsTr``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdnet.data.cases import Case, Dataset, ImageFile
from kdnet.errors import DataError
from kdnet.labels import LabelTable, brats_labels, exclusive_labels

MODALITIES = {"flair": "flair", "t1w": "t1", "t1": "t1", "t1gd": "t1ce", "t1ce": "t1ce", "t2w": "t2", "t2": "t2"}


def read_decathlon(root: Path, description: Mapping[str, Any], labels: LabelTable | None) -> Dataset:
    """The data set that ``dataset.json`` describes; its brain tumours get the BraTS table.

    Raises:
        DataError: when the description is damaged.
    """
    try:
        stored = [str(name).lower() for _, name in sorted(description["modality"].items(), key=lambda item: int(item[0]))]
        names = {int(value): str(name) for value, name in description["labels"].items()}
        pairs = [(str(item["image"]), str(item["label"])) for item in description["training"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{root / 'dataset.json'} is damaged ({error!r}): correct it.") from error
    modalities = tuple(MODALITIES.get(name, name) for name in stored)
    table, value_map = label_table(names) if labels is None else (labels, {})
    cases = []
    for image, label in pairs:
        path = root / image
        several = len(modalities) > 1
        images = {name: ImageFile(path, index if several else None) for index, name in enumerate(modalities)}
        reference = root / label
        cases.append(
            Case(
                path.name.removesuffix(".gz").removesuffix(".nii"),
                images,
                ImageFile(reference) if reference.exists() else None,
                value_map,
            )
        )
    return Dataset(root, "Decathlon", modalities, table, tuple(sorted(cases, key=lambda case: case.name)))


def label_table(names: Mapping[int, str]) -> tuple[LabelTable, dict[int, int]]:
    """The table for labels by name, and how the file's values map to it.

    The three labels of brain tumours are recognised by their names, whatever their values; any others are exclusive.
    """
    tumour = {value: _tumour_label(name) for value, name in names.items() if value}
    if sorted(label or 0 for label in tumour.values()) == [1, 2, 3]:
        mapped = {value: label for value, label in tumour.items() if label is not None}
        return brats_labels(), {value: label for value, label in mapped.items() if value != label}
    return exclusive_labels({value: name for value, name in names.items() if value}), {}


def _tumour_label(name: str) -> int | None:
    name = name.lower()
    if "edema" in name or "oedema" in name:
        return 2
    if ("non" in name and "enhancing" in name) or "necro" in name:
        return 1
    return 3 if "enhancing" in name else None
