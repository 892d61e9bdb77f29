"""``dataset.json`` of the Medical Segmentation Decathlon: 4D files, tumor labels by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kdnet.data.dataset import Dataset, ImageFile
from kdnet.data.formats.decathlon import label_table
from kdnet.data.formats.detect import read_dataset
from kdnet.data.inspection import inspect_dataset
from kdnet.data.references import read_reference
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from kdnet.schema.labels import brats_labels, exclusive_labels

BRAIN = {
    "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
    "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
}
TUMOR_NAMES = {1: "Necrotic and non-enhancing core", 2: "Peritumoral oedema", 3: "Enhancing tumour"}


def described(root: Path, content: dict[str, Any], *cases: str) -> Dataset:
    training = [{"image": f"./imagesTr/{case}.nii.gz", "label": f"./labelsTr/{case}.nii.gz"} for case in cases]
    (root / "dataset.json").write_text(json.dumps({"training": training, **content}))
    return read_dataset(root)


def write(path: Path, voxels: np.ndarray) -> None:
    path.parent.mkdir(exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels, np.eye(4)), path)


def write_case(root: Path, name: str, seed: int = 0) -> None:
    write(root / f"imagesTr/{name}.nii.gz", np.random.default_rng(seed).integers(0, 99, (8, 9, 10, 4)).astype(np.int16))
    write(root / f"labelsTr/{name}.nii.gz", np.arange(720).reshape(8, 9, 10).astype(np.uint8) % 4)


def test_each_modality_is_its_component_of_the_4d_file(tmp_path: Path) -> None:
    write_case(tmp_path, "BRATS_001")
    dataset = described(tmp_path, BRAIN, "BRATS_001")
    stored = np.asarray(nibabel.load(tmp_path / "imagesTr/BRATS_001.nii.gz").dataobj)
    assert dataset.modalities == ("flair", "t1", "t1ce", "t2")
    for index, image in enumerate(dataset.cases[0].images.values()):
        assert np.array_equal(read_volume(image.path, image.component).voxels, stored[..., index])


def test_brain_tumor_values_are_turned_into_those_of_brats(tmp_path: Path) -> None:
    write_case(tmp_path, "BRATS_001")
    dataset = described(tmp_path, BRAIN, "BRATS_001")
    reference = read_reference(dataset.cases[0], dataset.labels).voxels
    assert reference.ravel()[:4].tolist() == [0, 2, 1, 3]
    assert [report.problems for report in inspect_dataset(dataset)] == [()]


def test_asking_for_the_brats_table_does_not_swap_core_and_edema(tmp_path: Path) -> None:
    write_case(tmp_path, "BRATS_001")
    described(tmp_path, BRAIN, "BRATS_001")
    dataset = read_dataset(tmp_path, brats_labels())
    assert dataset.cases[0].value_map == {1: 2, 2: 1}


@given(st.permutations([1, 2, 3, 7]).map(lambda values: values[:3]))
def test_parts_of_a_tumor_are_recognized_by_name_whatever_their_values(values: list[int]) -> None:
    names = dict(zip(values, TUMOR_NAMES.values(), strict=True))
    table, value_map = label_table({0: "background", **names})
    assert table == brats_labels()
    assert [value_map.get(value, value) for value in values] == [1, 2, 3]
    assert all(value != mapped for value, mapped in value_map.items())


@pytest.mark.parametrize("names", [{1: "edema", 2: "perifocal edema", 3: "enhancing"}, {1: "liver", 2: "enhancing tumour"}])
def test_labels_that_are_not_exactly_a_brain_tumor_are_exclusive(names: dict[int, str]) -> None:
    assert label_table(names) == (exclusive_labels(names), {})


def test_an_organ_in_one_modality_has_3d_files_and_exclusive_labels(tmp_path: Path) -> None:
    content = {"modality": {"0": "MRI"}, "labels": {"0": "background", "1": "Anterior", "2": "Posterior"}}
    dataset = described(tmp_path, content, "hippocampus_2", "hippocampus_1")
    assert dataset.modalities == ("mri",)
    assert dataset.labels == exclusive_labels({1: "Anterior", 2: "Posterior"})
    assert [case.name for case in dataset.cases] == ["hippocampus_1", "hippocampus_2"]
    write(tmp_path / "imagesTr/hippocampus_1.nii.gz", np.ones((8, 8, 8), np.int16))
    assert read_dataset(tmp_path).cases[0].images == {"mri": ImageFile(tmp_path / "imagesTr/hippocampus_1.nii.gz")}


def test_missing_files_are_listed_and_reported(tmp_path: Path) -> None:
    write_case(tmp_path, "whole")
    write_case(tmp_path, "blind", seed=1)
    (tmp_path / "imagesTr/blind.nii.gz").unlink()
    write_case(tmp_path, "bare", seed=2)
    (tmp_path / "labelsTr/bare.nii.gz").unlink()
    dataset = described(tmp_path, BRAIN, "whole", "blind", "bare")
    told = {report.name: " ".join(report.problems) for report in inspect_dataset(dataset)}
    assert told["whole"] == ""
    assert told["blind"].count("blind.nii.gz does not exist") == 1
    assert "reference segmentation is missing" in told["bare"]


def test_a_file_with_too_few_channels_is_reported(tmp_path: Path) -> None:
    write_case(tmp_path, "short")
    write(tmp_path / "imagesTr/short.nii.gz", np.random.default_rng(0).integers(1, 99, (8, 9, 10, 3)).astype(np.int16))
    (report,) = inspect_dataset(described(tmp_path, BRAIN, "short"))
    assert len(report.problems) == 1
    assert "contains 3 volumes, but dataset.json lists 4" in report.problems[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"labels": ["edema"]}, "damaged"),
        ({"modality": {"first": "T1"}}, "damaged"),
        ({"training": [{"label": "a"}]}, "'image' is missing"),
        ({"modality": {"0": "T1", "1": "t1w"}}, "T1, t1w"),
        ({"modality": {}}, "nothing"),
        ({"training": [{"image": "a.nii", "label": "b"}, {"image": "a.nii.gz", "label": "c"}]}, "case a twice"),
    ],
)
def test_a_damaged_description_is_named(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(DataError, match=told) as caught:
        described(tmp_path, {**BRAIN, **change}, "case")
    assert str(tmp_path / "dataset.json") in str(caught.value)


@pytest.mark.parametrize("separator", ["\\", "/"])
def test_paths_are_read_as_any_system_writes_them(tmp_path: Path, separator: str) -> None:
    write_case(tmp_path, "BRATS_001")
    item = {"image": f".{separator}imagesTr{separator}BRATS_001.nii.gz", "label": f"labelsTr{separator}BRATS_001.nii.gz"}
    (tmp_path / "dataset.json").write_text(json.dumps({**BRAIN, "training": [item]}))
    dataset = read_dataset(tmp_path)
    assert [case.name for case in dataset.cases] == ["BRATS_001"]
    assert [report.problems for report in inspect_dataset(dataset)] == [()]


def test_channels_are_known_by_their_words_where_only_one_fits(tmp_path: Path) -> None:
    write_case(tmp_path, "BRATS_001")
    spoken = {"0": "FLAIR MRI", "1": "native T1", "2": "Contrast-enhanced T1", "3": "MRI-T2"}
    assert described(tmp_path, {**BRAIN, "modality": spoken}, "BRATS_001").modalities == ("flair", "t1", "t1ce", "t2")
    alike = {"0": "FLAIR", "1": "T1 SE", "2": "T1 MPRAGE", "3": "T2"}
    assert described(tmp_path, {**BRAIN, "modality": alike}, "BRATS_001").modalities == (
        "flair",
        "t1_se",
        "t1_mprage",
        "t2",
    )


@pytest.mark.parametrize("content", [{"modality": ["T1", "T2"]}, {"labels": ["background", "edema"]}, {"training": ["a"]}])
def test_a_list_in_place_of_names_is_refused_in_words(tmp_path: Path, content: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="does not follow the format") as caught:
        described(tmp_path, {**BRAIN, **content}, "BRATS_001")
    assert "attribute" not in str(caught.value)


@pytest.mark.parametrize("axes", [4, 5])
def test_volumes_are_counted_along_all_further_axes(tmp_path: Path, axes: int) -> None:
    voxels = np.random.default_rng(0).integers(0, 99, (8, 9, 10, 4)).astype(np.int16)
    write_case(tmp_path, "BRATS_001")
    write(tmp_path / "imagesTr/BRATS_001.nii.gz", voxels if axes == 4 else voxels[:, :, :, None])
    assert [report.problems for report in inspect_dataset(described(tmp_path, BRAIN, "BRATS_001"))] == [()]


def test_an_impossible_header_is_judged_before_its_volumes_are_counted(tmp_path: Path) -> None:
    lines = ("ObjectType = Image", "NDims = -1", "DimSize = 1", "ElementType = MET_SHORT", "ElementDataFile = LOCAL", "")
    (tmp_path / "a.mha").write_text("\n".join(lines))
    item = {"image": "a.mha", "label": "b.mha"}
    (tmp_path / "dataset.json").write_text(json.dumps({**BRAIN, "training": [item]}))
    (report,) = inspect_dataset(read_dataset(tmp_path))
    assert "invalid NDims" in report.problems[0]
