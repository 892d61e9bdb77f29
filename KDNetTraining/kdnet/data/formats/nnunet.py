"""nnU-Net raw data, versions 1 and 2: ``dataset.json``, ``imagesTr/<case>_0000.nii.gz``, ``labelsTr``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kdnet.data.dataset import Case, Dataset, ImageFile
from kdnet.data.formats.decathlon import damaged, label_table, listed_path, modality_names
from kdnet.errors import SettingsError
from kdnet.schema.labels import IGNORED, LabelMode, LabelTable, Region, brats_labels, exclusive_labels

Regions = Mapping[str, tuple[int, ...]]


def read_nnunet(root: Path, description: Mapping[str, Any], labels: LabelTable | None) -> Dataset:
    """Return the data set described by ``dataset.json``.

    Region-based labels become overlapping regions; brain tumor labels are recognized by name. Voxels labeled
    ``ignore`` are excluded from losses and metrics. A ``dataset`` entry in the description lists the files of each case;
    otherwise the files in ``imagesTr`` and ``labelsTr`` are used.

    Raises:
        DataError: if the description is damaged.
    """
    try:
        channels = sorted((int(index), str(name)) for index, name in description["channel_names"].items())
        ending = "." + str(description["file_ending"]).removeprefix(".")
        table, value_map = _table(description["labels"], labels)
        if "ignore" in description["labels"]:
            value_map = {**value_map, _ignored(description["labels"]["ignore"], table): IGNORED}
    except (KeyError, TypeError, ValueError, AttributeError, SettingsError) as error:
        raise damaged(root, error) from error
    modalities = modality_names(root, [name for _, name in channels])
    numbers = [index for index, _ in channels]
    if "dataset" in description:
        cases = _listed(root, description["dataset"], modalities, value_map)
    else:
        cases = _found(root, ending, numbers, modalities, value_map)
    return Dataset(root, "nnU-Net", modalities, table, tuple(cases))


def is_version_1(root: Path, description: Mapping[str, Any]) -> bool:
    """Check whether a description with ``modality`` is from nnU-Net 1: its image files are numbered by channel."""
    try:
        listed = [listed_path(root, item["image"]) for item in description["training"]]
    except (KeyError, TypeError):
        return False
    return any(not path.exists() and _numbered(path, 0).exists() for path in listed[:20])


def read_version_1(root: Path, description: Mapping[str, Any], labels: LabelTable | None) -> Dataset:
    """Return the data set of an nnU-Net 1 description: ``modality``, and labels from value to name.

    Raises:
        DataError: if the description is damaged.
    """
    try:
        stored = sorted((int(index), str(name)) for index, name in description["modality"].items())
        table, value_map = label_table({int(value): str(name) for value, name in description["labels"].items()}, labels)
        pairs = [(listed_path(root, item["image"]), str(item["label"])) for item in description["training"]]
        modalities = modality_names(root, [name for _, name in stored])
        content = {
            path.name.removesuffix(".gz").removesuffix(".nii"): {
                "images": [str(_numbered(path, index)) for index, _ in stored],
                "label": label,
            }
            for path, label in pairs
        }
    except (KeyError, TypeError, ValueError, AttributeError, SettingsError) as error:
        raise damaged(root, error) from error
    return Dataset(root, "nnU-Net 1", modalities, table, tuple(_listed(root, content, modalities, value_map)))


def _numbered(path: Path, channel: int) -> Path:
    stem, ending = path.name, ""
    for suffix in (".gz", ".nii"):
        if stem.endswith(suffix):
            stem, ending = stem.removesuffix(suffix), suffix + ending
    return path.with_name(f"{stem}_{channel:04d}{ending}")


def _ignored(value: Any, table: LabelTable) -> int:
    """Return the value of the label "ignore"; refuse it if it or its replacement is also a label."""
    number = int(value)
    taken = {label.value for label in table.labels}
    if number == 0 or number in taken or IGNORED in taken:
        raise ValueError(f"the value of the label ignore ({number}) is also used for another label")
    return number


def _listed(root: Path, listed: Any, modalities: Sequence[str], value_map: Mapping[int, int]) -> list[Case]:
    """Return the cases whose files the description lists individually, relative to its folder."""
    cases = []
    try:
        for name, item in sorted(listed.items()):
            images = [listed_path(root, os.path.expandvars(str(path))) for path in item["images"]]
            label = listed_path(root, os.path.expandvars(str(item["label"])))
            problems = () if len(images) == len(modalities) else (_too_many(root, name, len(images), len(modalities)),)
            files = {modality: ImageFile(path) for modality, path in zip(modalities, images, strict=False) if path.exists()}
            reference = ImageFile(label) if label.exists() else None
            cases.append(Case(str(name), files, reference, value_map, problems=problems))
    except (KeyError, TypeError, AttributeError) as error:
        raise damaged(root, error) from error
    return cases


def _too_many(root: Path, name: str, count: int, wanted: int) -> str:
    return f"{root / 'dataset.json'} lists {count} images of case {name}, but {wanted} channels: correct it."


def _found(
    root: Path, ending: str, numbers: Sequence[int], modalities: Sequence[str], value_map: Mapping[int, int]
) -> list[Case]:
    """Return the cases in ``imagesTr`` and ``labelsTr``."""
    images, references = root / "imagesTr", root / "labelsTr"
    names = {path.name[: -len(ending) - 5] for path in images.glob(f"[!.]*_[0-9][0-9][0-9][0-9]{ending}")}
    names |= {path.name.removesuffix(ending) for path in references.glob(f"[!.]*{ending}")}
    cases = []
    for name in sorted(names):
        paths = {
            modality: images / f"{name}_{index:04d}{ending}" for index, modality in zip(numbers, modalities, strict=True)
        }
        there = {modality: ImageFile(path) for modality, path in paths.items() if path.exists()}
        reference = references / f"{name}{ending}"
        cases.append(Case(name, there, ImageFile(reference) if reference.exists() else None, value_map))
    return cases


def _table(stored: Mapping[str, Any], wanted: LabelTable | None) -> tuple[LabelTable, dict[int, int]]:
    """Return the label table, and the mapping of the file's values to it."""
    foreground = {name: value for name, value in stored.items() if name not in ("background", "ignore")}
    if not any(isinstance(value, list) for value in foreground.values()):
        return label_table({int(value): name for name, value in foreground.items()}, wanted)
    regions = {
        name: tuple(sorted(int(item) for item in (value if isinstance(value, list) else [value])))
        for name, value in foreground.items()
    }
    tumor = _tumor_values(regions)
    if tumor is not None and wanted in (None, brats_labels()):
        return brats_labels(), {value: label for value, label in tumor.items() if value != label}
    return wanted or _overlapping(regions), {}


def _tumor_values(regions: Regions) -> dict[int, int] | None:
    """Return the mapping to BraTS values if the regions are whole tumor, core and enhancing tumor, nested.

    nnU-Net's own BraTS conversion numbers edema 1 and the core 2, so the values alone are ambiguous.
    """
    nested = sorted(regions.items(), key=lambda item: len(item[1]))
    spelt = (("enhancing", "et"), ("core", "tc"), ("whole", "wt"))
    if len(nested) != 3 or any(
        long not in name.lower() and name.lower() != short for (name, _), (long, short) in zip(nested, spelt, strict=True)
    ):
        return None
    enhancing, core, whole = (set(values) for _, values in nested)
    parts = {3: enhancing, 1: core - enhancing, 2: whole - core}
    if not enhancing < core < whole or any(len(part) != 1 for part in parts.values()):
        return None
    return {part.pop(): label for label, part in parts.items()}


def _overlapping(regions: Regions) -> LabelTable:
    """Return a table of any other regions; a label is named after the smallest region that contains it."""
    by_size = sorted(regions.items(), key=lambda item: -len(item[1]))
    names = {value: name for name, values in by_size for value in values}  # smaller regions come later and win
    labels = exclusive_labels(names).labels
    return LabelTable(LabelMode.REGIONS, labels, tuple(Region(name, values) for name, values in regions.items()))
