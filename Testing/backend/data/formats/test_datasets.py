"""Formats are recognized, problems found, cases split; the phantom is a data set like any other."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kdnet.data.formats.detect import KNOWN, read_dataset, require_cases
from kdnet.data.inspection import inspect_dataset, inspection_table, valid_cases
from kdnet.data.phantom import make_case
from kdnet.data.preprocessing.case_cache import CaseCache
from kdnet.data.references import read_reference
from kdnet.data.splits import assign_folds, read_folds, split
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.errors import DataError
from kdnet.schema.labels import brats_labels, exclusive_labels
from kdnet.schema.preprocessing import Preprocessing

SHAPE = (10, 11, 9)


def write(path: Path, seed: int, *, spacing: float = 1.0, values: tuple[int, ...] = ()) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    voxels = random.integers(1, 900, SHAPE).astype(np.int16)
    if values:
        voxels = np.zeros(SHAPE, np.int16)
        voxels.flat[: len(values)] = values
    write_volume(path, Volume(voxels, Grid(SHAPE, np.diag([spacing, spacing, spacing, 1.0]))))


def write_brats(root: Path, name: str, seed: int, *, new: bool = False, values: tuple[int, ...] = (1, 2, 4)) -> None:
    parts = ("t1n", "t1c", "t2w", "t2f") if new else ("t1", "t1ce", "t2", "flair")
    mark = "-" if new else "_"
    for index, part in enumerate(parts):
        write(root / name / f"{name}{mark}{part}.nii.gz", 10 * seed + index)
    write(root / name / f"{name}{mark}seg.nii.gz", 0, values=values)


def problems(root: Path) -> dict[str, str]:
    dataset = read_dataset(root)
    return {report.name: " ".join(report.problems) for report in inspect_dataset(dataset)}


def test_brats_of_every_year_is_one_data_set_with_one_convention(tmp_path: Path) -> None:
    write_brats(tmp_path, "Old_1", 1)
    write_brats(tmp_path, "BraTS-GLI-1-000", 2, new=True, values=(1, 2, 3))
    dataset = read_dataset(tmp_path)
    assert dataset.modalities == ("t1", "t1ce", "t2", "flair")
    for case in dataset.cases:
        assert set(np.unique(read_reference(case, dataset.labels).voxels)) == {0, 1, 2, 3}


def test_decathlon_brain_tumors_get_the_brats_table(tmp_path: Path) -> None:
    description = {
        "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
        "labels": {"0": "background", "1": "edema", "2": "non-enhancing tumor", "3": "enhancing tumour"},
        "training": [{"image": "./imagesTr/A.nii.gz", "label": "./labelsTr/A.nii.gz"}],
    }
    (tmp_path / "dataset.json").write_text(json.dumps(description))
    write(tmp_path / "labelsTr" / "A.nii.gz", 0, values=(1, 2, 3))
    dataset = read_dataset(tmp_path)
    assert (dataset.format, dataset.modalities) == ("Decathlon", ("flair", "t1", "t1ce", "t2"))
    assert dataset.labels == brats_labels()
    assert dataset.cases[0].images["t1ce"].component == 2
    assert read_reference(dataset.cases[0], dataset.labels).voxels.flat[:3].tolist() == [2, 1, 3]


def test_nnunet_channels_and_labels_are_read(tmp_path: Path) -> None:
    description = {"channel_names": {"0": "T1"}, "labels": {"background": 0, "lesion": 1}, "file_ending": ".nii.gz"}
    (tmp_path / "dataset.json").write_text(json.dumps(description))
    for index in range(2):
        write(tmp_path / "imagesTr" / f"case_{index}_0000.nii.gz", index)
    dataset = read_dataset(tmp_path)
    assert (dataset.format, dataset.modalities) == ("nnU-Net", ("t1",))
    assert [case.name for case in dataset.cases] == ["case_0", "case_1"]
    assert dataset.labels == exclusive_labels({1: "lesion"})


def test_nnunet_regions_of_brain_tumors_get_the_brats_table(tmp_path: Path) -> None:
    labels = {"background": 0, "whole": [1, 2, 3], "core": [1, 3], "enhancing": [3]}
    description = {"channel_names": {"0": "T1"}, "labels": labels, "file_ending": ".nii.gz"}
    (tmp_path / "dataset.json").write_text(json.dumps(description))
    write(tmp_path / "imagesTr" / "a_0000.nii.gz", 0)
    assert read_dataset(tmp_path).labels == brats_labels()


@pytest.mark.parametrize("content", ["", "report.txt"])
def test_an_empty_or_foreign_folder_is_refused_with_the_formats_known(tmp_path: Path, content: str) -> None:
    if content:
        (tmp_path / content).touch()
    with pytest.raises(DataError, match=re.escape(KNOWN)):
        read_dataset(tmp_path)


def test_every_problem_is_found_and_named(tmp_path: Path) -> None:
    for index in range(4):
        write_brats(tmp_path, f"sound_{index}", index)
    write_brats(tmp_path, "incomplete", 20)
    (tmp_path / "incomplete" / "incomplete_flair.nii.gz").unlink()
    write_brats(tmp_path, "damaged", 21)
    (tmp_path / "damaged" / "damaged_t1.nii.gz").write_bytes(b"\x1f\x8bnothing")
    write_brats(tmp_path, "moved", 22)
    write(tmp_path / "moved" / "moved_t2.nii.gz", 222, spacing=2.0)
    write_brats(tmp_path, "mixed", 23, values=(1, 3, 4))
    write_brats(tmp_path, "unknown", 24, values=(1, 7))
    write_brats(tmp_path, "empty", 25, values=(0,))
    write_brats(tmp_path, "twins", 26)
    write(tmp_path / "twins" / "twins_t2.nii.gz", 260)
    write_brats(tmp_path, "copy", 1)
    found = problems(tmp_path)
    assert not any(found[f"sound_{index}"] for index in (0, 2, 3))
    assert not found["empty"], "a case without a tumor is a negative"
    for name, told in {
        "incomplete": "FLAIR is missing",
        "damaged": "damaged_t1.nii.gz",
        "moved": "different geometry",
        "mixed": "two conventions",
        "unknown": "unknown labels",
        "twins": "same voxels as T1",
        "sound_1": "same voxels as case copy",
    }.items():
        assert told in found[name], name
    dataset = read_dataset(tmp_path)
    reports = inspect_dataset(dataset)
    assert len(valid_cases(dataset, reports).cases) == 5
    assert "FLAIR is missing" in inspection_table(reports)


def test_fewer_than_three_usable_cases_are_refused(tmp_path: Path) -> None:
    write_brats(tmp_path, "only", 0)
    with pytest.raises(DataError, match="at least 3"):
        require_cases(read_dataset(tmp_path))


@given(st.integers(3, 60), st.integers(2, 5), st.integers(0, 5))
def test_a_split_is_a_partition_that_never_validates_on_the_test_fold(cases: int, count: int, seed: int) -> None:
    count = min(count, cases - 2) if cases < 4 else count
    names = [f"case{index}" for index in range(cases)]
    folds = assign_folds(names, max(2, count), seed)
    assert folds == assign_folds(names[::-1], max(2, count), seed)
    parts = None
    try:
        parts = split(folds, 0, validation_share=0.15, seed=seed)
    except DataError:
        assert sum(fold != 0 for fold in folds.values()) < 2
        return
    assert sorted((*parts.train, *parts.validation, *parts.test)) == sorted(names)
    assert {folds[name] for name in parts.test} == {0}
    assert parts.validation
    assert parts.train


def test_a_phantom_is_a_sound_data_set_that_a_teacher_knows_best(phantom: Path) -> None:
    dataset = read_dataset(phantom)
    assert not any(problems(phantom).values())
    case = make_case((56, 66, 52), 3.0, np.random.default_rng(1))
    brain = case.images["t1"] > 0

    def contrast(modality: str, value: int) -> float:
        image = case.images[modality].astype(float)
        normal = image[brain & (case.labelmap == 0)]
        return float((image[case.labelmap == value].mean() - normal.mean()) / normal.std())

    assert contrast("t1ce", 4) > 2 > abs(contrast("t1", 4))
    assert contrast("flair", 2) > 1.5 > abs(contrast("t1ce", 2))
    assert len(dataset.cases) == 6


def test_the_cache_prepares_once_and_again_when_content_or_settings_change(phantom: Path, tmp_path: Path) -> None:
    dataset = read_dataset(phantom)
    cache = CaseCache(tmp_path, Preprocessing((8.0, 8.0, 8.0)), dataset.labels)
    first = cache.get(dataset.cases[0])
    assert first.image.shape[1:] == first.labelmap.shape
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")}
    cache.get(dataset.cases[0])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.npy")} == stamps
    CaseCache(tmp_path, Preprocessing((9.0, 9.0, 9.0)), dataset.labels).get(dataset.cases[0])
    assert len(list(tmp_path.iterdir())) == 2


def test_a_damaged_cache_entry_is_made_again(phantom: Path, tmp_path: Path) -> None:
    dataset = read_dataset(phantom)
    cache = CaseCache(tmp_path, Preprocessing((8.0, 8.0, 8.0)), dataset.labels)
    wanted = np.array(cache.get(dataset.cases[0]).image)
    min(tmp_path.rglob("image.npy")).write_bytes(b"half")
    assert np.array_equal(cache.get(dataset.cases[0]).image, wanted)


@pytest.mark.real
def test_all_real_cases_are_sound(real_cases: Path) -> None:
    dataset = read_dataset(real_cases / "2mm")
    folds = read_folds(dataset.root, [case.name for case in dataset.cases]).folds
    assert {case.name for case in dataset.cases} == folds.keys()
    for case in dataset.cases[::8]:
        reference = read_reference(case, dataset.labels).voxels
        raw = read_volume(case.reference.path).voxels if case.reference else reference
        enhancing = 3 if case.name.startswith("BraTS-GLI") else 4
        assert np.array_equal(reference == 3, raw == enhancing)
