"""nnU-Net v2 raw data: ``dataset.json`` with ``channel_names``, ``imagesTr/<case>_0000.nii.gz``, ``labelsTr``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdnet.data.cases import Case, Dataset, ImageFile
from kdnet.data.decathlon import damaged, label_table, modality_names
from kdnet.errors import SettingsError
from kdnet.labels import LabelMode, LabelTable, Region, brats_labels, exclusive_labels

Regions = Mapping[str, tuple[int, ...]]


def read_nnunet(root: Path, description: Mapping[str, Any], labels: LabelTable | None) -> Dataset:
    """The data set that ``dataset.json`` describes.

    Region-based labels become overlapping regions; brain tumour labels are recognised by their names.

    Raises:
        DataError: when the description is damaged.
    """
    try:
        channels = sorted((int(index), str(name)) for index, name in description["channel_names"].items())
        ending = str(description["file_ending"])
        table, value_map = _table(description["labels"], labels)
    except (KeyError, TypeError, ValueError, AttributeError, SettingsError) as error:
        raise damaged(root, error) from error
    modalities = modality_names(root, [name for _, name in channels])
    images, references = root / "imagesTr", root / "labelsTr"
    names = {path.name[: -len(ending) - 5] for path in images.glob(f"[!.]*_[0-9][0-9][0-9][0-9]{ending}")}
    names |= {path.name.removesuffix(ending) for path in references.glob(f"[!.]*{ending}")}
    cases = []
    for name in sorted(names):
        paths = {
            modality: images / f"{name}_{index:04d}{ending}"
            for (index, _), modality in zip(channels, modalities, strict=True)
        }
        there = {modality: ImageFile(path) for modality, path in paths.items() if path.exists()}
        reference = references / f"{name}{ending}"
        cases.append(Case(name, there, ImageFile(reference) if reference.exists() else None, value_map))
    return Dataset(root, "nnU-Net", modalities, table, tuple(cases))


def _table(stored: Mapping[str, Any], wanted: LabelTable | None) -> tuple[LabelTable, dict[int, int]]:
    """The label table, and how the file's values map to it."""
    foreground = {name: value for name, value in stored.items() if name not in ("background", "ignore")}
    if not any(isinstance(value, list) for value in foreground.values()):
        return label_table({int(value): name for name, value in foreground.items()}, wanted)
    regions = {
        name: tuple(sorted(int(item) for item in (value if isinstance(value, list) else [value])))
        for name, value in foreground.items()
    }
    tumour = _tumour_values(regions)
    if tumour is not None and wanted in (None, brats_labels()):
        return brats_labels(), {value: label for value, label in tumour.items() if value != label}
    return wanted or _overlapping(regions), {}


def _tumour_values(regions: Regions) -> dict[int, int] | None:
    """Values to those of BraTS, if these are whole tumour, core and enhancing tumour, one inside the other.

    nnU-Net's own conversion of BraTS numbers oedema 1 and the core 2, so the values alone tell nothing.
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
    """A table of any other regions; a label is called after the smallest region that holds it."""
    by_size = sorted(regions.items(), key=lambda item: -len(item[1]))
    names = {value: name for name, values in by_size for value in values}  # smaller regions come later and win
    labels = exclusive_labels(names).labels
    return LabelTable(LabelMode.REGIONS, labels, tuple(Region(name, values) for name, values in regions.items()))
