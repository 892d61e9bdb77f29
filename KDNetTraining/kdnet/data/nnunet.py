"""nnU-Net v2 raw data: ``dataset.json`` with ``channel_names``, ``imagesTr/<case>_0000.nii.gz``, ``labelsTr``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kdnet.data.cases import Case, Dataset, ImageFile
from kdnet.data.decathlon import MODALITIES, label_table
from kdnet.errors import DataError
from kdnet.labels import Label, LabelMode, LabelTable, Region, brats_labels, exclusive_labels


def read_nnunet(root: Path, description: Mapping[str, Any], labels: LabelTable | None) -> Dataset:
    """The data set that ``dataset.json`` describes.

    Region-based labels become overlapping regions; brain tumour labels are recognised by their names.

    Raises:
        DataError: when the description is damaged.
    """
    try:
        channels = sorted(description["channel_names"].items(), key=lambda item: int(item[0]))
        ending = str(description["file_ending"])
        table, value_map = (labels, {}) if labels else _table(description["labels"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{root / 'dataset.json'} is damaged ({error!r}): correct it.") from error
    modalities = tuple(MODALITIES.get(str(name).lower(), str(name).lower()) for _, name in channels)
    names = sorted({path.name[: -len(ending) - 5] for path in (root / "imagesTr").glob(f"*_[0-9][0-9][0-9][0-9]{ending}")})
    cases = []
    for name in names:
        paths = {
            modality: root / "imagesTr" / f"{name}_{int(index):04d}{ending}"
            for (index, _), modality in zip(channels, modalities, strict=True)
        }
        reference = root / "labelsTr" / f"{name}{ending}"
        cases.append(
            Case(
                name,
                {modality: ImageFile(path) for modality, path in paths.items() if path.exists()},
                ImageFile(reference) if reference.exists() else None,
                value_map,
            )
        )
    return Dataset(root, "nnU-Net", modalities, table, tuple(cases))


def _table(stored: Mapping[str, Any]) -> tuple[LabelTable, dict[int, int]]:
    foreground = {name: value for name, value in stored.items() if name not in ("background", "ignore")}
    if any(isinstance(value, list) for value in foreground.values()):
        return _regions(foreground), {}
    return label_table({int(value): name for name, value in foreground.items()})


def _regions(stored: Mapping[str, Any]) -> LabelTable:
    regions = {
        name: tuple(int(item) for item in value) if isinstance(value, list) else (int(value),)
        for name, value in stored.items()
    }
    if sorted(regions.values()) == sorted(region.values for region in brats_labels().regions):
        return brats_labels()
    values = sorted({value for members in regions.values() for value in members})
    # a label is called after the smallest region that holds it
    smallest = {value: min((m, n) for n, m in regions.items() if value in m and len(m) >= 1) for value in values}
    named = exclusive_labels({value: smallest[value][1] for value in values}).labels
    labels = tuple(Label(label.value, label.name, label.color) for label in named)
    return LabelTable(LabelMode.REGIONS, labels, tuple(Region(name, members) for name, members in regions.items()))
