"""nnU-Net v2 raw data: channels by number, labels as values or as regions."""

from __future__ import annotations

import json
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from kdnet.data.dataset import Dataset, ImageFile
from kdnet.data.formats.detect import read_dataset
from kdnet.data.inspection import inspect_dataset
from kdnet.data.references import read_reference
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import write_volume
from kdnet.errors import DataError
from kdnet.schema.labels import IGNORED, LabelMode, brats_labels, exclusive_labels

CHANNELS = {"0": "T1", "1": "T1ce", "2": "T2", "3": "FLAIR"}
LESION = {"background": 0, "lesion": 1}
# as nnU-Net's own conversion of BraTS numbers them: 1 edema, 2 core, 3 enhancing
TUMOUR = {"background": 0, "whole tumor": [1, 2, 3], "tumor core": [2, 3], "enhancing tumor": [3]}


def described(root: Path, **content: Any) -> Dataset:
    whole = {"channel_names": CHANNELS, "labels": LESION, "file_ending": ".nii.gz", **content}
    (root / "dataset.json").write_text(json.dumps(whole))
    return read_dataset(root)


def name_files(root: Path, *paths: str) -> None:
    """Make empty files: listing must not open them."""
    for path in paths:
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).touch()


def write_reference(path: Path, *values: int) -> None:
    path.parent.mkdir(exist_ok=True)
    voxels = np.zeros((8, 8, 8), np.uint8)
    voxels.flat[: len(values)] = values
    write_volume(path, Volume(voxels, Grid((8, 8, 8), np.eye(4))))


def test_channels_are_found_by_number_and_what_is_missing_stays_missing(tmp_path: Path) -> None:
    name_files(tmp_path, *(f"imagesTr/a_000{index}.nii.gz" for index in range(4)), "labelsTr/a.nii.gz")
    name_files(tmp_path, "imagesTr/b_0002.nii.gz", "labelsTr/c.nii.gz", "imagesTr/._a_0000.nii.gz")
    a, b, c = described(tmp_path).cases
    assert [a.name, b.name, c.name] == ["a", "b", "c"]
    assert tuple(a.images) == ("t1", "t1ce", "t2", "flair")
    assert a.images["flair"] == ImageFile(tmp_path / "imagesTr/a_0003.nii.gz")
    assert a.reference == ImageFile(tmp_path / "labelsTr/a.nii.gz")
    assert tuple(b.images) == ("t2",)
    assert b.reference is None
    assert not c.images


def test_channels_are_ordered_as_numbers_and_spelt_as_in_brats(tmp_path: Path) -> None:
    channels = {"10": "zADC", "2": "t2f", "0": "t1c", "1": "T1Gd2"}
    name_files(tmp_path, "imagesTr/a_0010.nii.gz")
    dataset = described(tmp_path, channel_names=channels)
    assert dataset.modalities == ("t1ce", "t1gd2", "flair", "zadc")
    assert tuple(dataset.cases[0].images) == ("zadc",)


@pytest.mark.parametrize("ending", [".nrrd", ".nii", ".mha"])
def test_the_file_ending_is_the_described_one(tmp_path: Path, ending: str) -> None:
    name_files(tmp_path, f"imagesTr/a_0000{ending}", "imagesTr/b_0000.nii.gz")
    assert [case.name for case in described(tmp_path, file_ending=ending).cases] == ["a"]


def test_nnunets_own_brats_regions_are_turned_into_the_values_of_brats(tmp_path: Path) -> None:
    write_reference(tmp_path / "labelsTr/a.nii.gz", 1, 2, 3)
    dataset = described(tmp_path, labels=TUMOUR)
    assert dataset.labels == brats_labels()
    assert read_reference(dataset.cases[0], dataset.labels).voxels.flat[:4].tolist() == [2, 1, 3, 0]
    assert read_dataset(tmp_path, brats_labels()).cases == dataset.cases


@pytest.mark.parametrize("values", list(permutations((1, 2, 3))))
def test_a_tumors_regions_are_recognized_whatever_their_values(tmp_path: Path, values: tuple[int, int, int]) -> None:
    core, edema, enhancing = values
    name_files(tmp_path, "imagesTr/a_0000.nii.gz")
    labels = {"ET": enhancing, "background": 0, "TC": [enhancing, core], "WT": [edema, core, enhancing]}
    dataset = described(tmp_path, labels=labels)
    value_map = dataset.cases[0].value_map
    assert dataset.labels == brats_labels()
    assert [value_map.get(value, value) for value in values] == [1, 2, 3]


def test_regions_of_another_disease_are_no_brain_tumor_though_they_nest_alike(tmp_path: Path) -> None:
    name_files(tmp_path, "imagesTr/a_0000.nii.gz")
    labels = {"background": 0, "kidney and mass": [1, 2, 3], "mass": [2, 3], "cyst": [3]}
    table = described(tmp_path, labels=labels).labels
    assert table.mode is LabelMode.REGIONS
    assert [(region.name, region.values) for region in table.regions] == [
        ("kidney and mass", (1, 2, 3)),
        ("mass", (2, 3)),
        ("cyst", (3,)),
    ]
    assert [(label.value, label.name) for label in table.labels] == [(1, "kidney and mass"), (2, "mass"), (3, "cyst")]


def test_parts_of_a_tumor_as_plain_values_are_recognized_too(tmp_path: Path) -> None:
    name_files(tmp_path, "imagesTr/a_0000.nii.gz")
    dataset = described(tmp_path, labels={"background": 0, "ED": 1, "NCR": 2, "ET": 3})
    assert dataset.labels == brats_labels()
    assert dataset.cases[0].value_map == {1: 2, 2: 1}


def test_an_ignore_label_is_not_a_class_and_takes_no_part(tmp_path: Path) -> None:
    write_reference(tmp_path / "labelsTr/a.nii.gz", 1, 2)
    dataset = described(tmp_path, labels={**LESION, "ignore": 2})
    assert dataset.labels == exclusive_labels({1: "lesion"})
    assert "unknown" not in " ".join(inspect_dataset(dataset)[0].problems)
    assert read_reference(dataset.cases[0], dataset.labels).voxels.flat[:3].tolist() == [1, IGNORED, 0]


def test_an_ignore_label_that_is_also_a_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="ignore"):
        described(tmp_path, labels={**LESION, "ignore": 1})


def test_files_that_the_description_lists_are_taken_from_where_it_says(tmp_path: Path) -> None:
    name_files(tmp_path, "elsewhere/scan.nii.gz", "elsewhere/mask.nii.gz")
    listed = {"P1": {"images": ["elsewhere/scan.nii.gz"], "label": "elsewhere/mask.nii.gz"}}
    (case,) = described(tmp_path, dataset=listed, channel_names={"0": "T1w"}).cases
    assert (case.name, case.images["t1"].path) == ("P1", tmp_path / "elsewhere/scan.nii.gz")


def test_the_raw_data_of_version_1_are_read(tmp_path: Path) -> None:
    name_files(tmp_path, "imagesTr/c_0000.nii.gz", "imagesTr/c_0001.nii.gz", "labelsTr/c.nii.gz")
    training = [{"image": "./imagesTr/c.nii.gz", "label": "./labelsTr/c.nii.gz"}]
    labels = {"0": "background", "1": "edema", "2": "non-enhancing", "3": "enhancing"}
    content = {"modality": {"0": "T1", "1": "T1ce"}, "labels": labels, "training": training}
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    dataset = read_dataset(tmp_path)
    assert (dataset.format, dataset.modalities, dataset.labels) == ("nnU-Net 1", ("t1", "t1ce"), brats_labels())
    assert dataset.cases[0].images["t1ce"].path == tmp_path / "imagesTr/c_0001.nii.gz"
    assert dataset.cases[0].reference is not None


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"labels": {"background": 0}}, "label values"),
        ({"labels": {"background": 0, "a": "one"}}, "one"),
        ({"labels": {"background": 0, "all": [1, 2]}}, "all"),
        ({"channel_names": ["T1"]}, "damaged"),
        ({"channel_names": {"0": "MR", "1": "mr"}}, "MR, mr"),
    ],
)
def test_a_damaged_description_is_named(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        described(tmp_path, **change)
    assert str(tmp_path / "dataset.json") in str(caught.value)


def test_a_description_without_a_file_ending_says_so(tmp_path: Path) -> None:
    (tmp_path / "dataset.json").write_text(json.dumps({"channel_names": CHANNELS, "labels": LESION}))
    with pytest.raises(DataError, match="'file_ending' is missing"):
        read_dataset(tmp_path)


def test_channel_names_of_any_text_become_names_of_folders(tmp_path: Path) -> None:
    name_files(tmp_path, "imagesTr/a_0000.nii.gz")
    data = described(tmp_path, channel_names={"0": "T2/PD", "1": "T1+C", "2": "T1ce"})
    assert data.modalities == ("t2_pd", "t1_c", "t1ce")


def test_an_ending_may_lack_its_dot(tmp_path: Path) -> None:
    name_files(tmp_path, *(f"imagesTr/a_000{index}.nii.gz" for index in range(4)), "labelsTr/a.nii.gz")
    (case,) = described(tmp_path, file_ending="nii.gz").cases
    assert (case.name, tuple(case.images)) == ("a", ("t1", "t1ce", "t2", "flair"))
