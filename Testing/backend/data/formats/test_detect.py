"""The format of a folder is recognized from names and ``dataset.json`` alone, or refused in one sentence."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kdnet.data.formats.detect import KNOWN, read_dataset, require_cases
from kdnet.data.inspection import inspect_dataset
from kdnet.data.references import read_reference
from kdnet.data.volumes.io import read_volume
from kdnet.errors import DataError
from kdnet.schema.labels import brats_labels, exclusive_labels

PARTS = ("t1", "t1ce", "t2", "flair", "seg")
DECATHLON = {"modality": {"0": "T1"}, "labels": {"1": "a"}, "training": [{"image": "i.nii", "label": "l.nii"}]}
NNUNET = {"channel_names": {"0": "T1"}, "labels": {"background": 0, "a": 1}, "file_ending": ".nii.gz"}


def name_cases(root: Path, count: int) -> None:
    """Make empty files: whoever opened one would fail."""
    for index in range(count):
        case = root / f"case{index:03d}"
        case.mkdir(parents=True)
        for part in PARTS:
            (case / f"{case.name}_{part}.nii.gz").touch()


def test_five_hundred_cases_are_listed_at_once_without_reading_any(tmp_path: Path) -> None:
    name_cases(tmp_path, 500)
    start = time.thread_time()
    dataset = read_dataset(tmp_path)
    assert time.thread_time() - start < 5
    assert len(dataset.cases) == 500
    assert all(len(case.images) == 4 and case.reference for case in dataset.cases)


def test_each_format_is_distinguished_from_the_others(tmp_path: Path) -> None:
    name_cases(tmp_path / "brats" / "HGG", 1)
    for name, content in {"decathlon": DECATHLON, "nnunet": NNUNET}.items():
        (tmp_path / name / "imagesTr").mkdir(parents=True)
        (tmp_path / name / "imagesTr" / "a_0000.nii.gz").touch()
        (tmp_path / name / "dataset.json").write_text(json.dumps(content))
    assert [read_dataset(tmp_path / name).format for name in ("brats", "decathlon", "nnunet")] == [
        "BraTS",
        "Decathlon",
        "nnU-Net",
    ]


def test_a_description_of_something_else_does_not_hide_brats_cases(tmp_path: Path) -> None:
    name_cases(tmp_path, 1)
    (tmp_path / "dataset.json").write_text('{"name": "our archive"}')
    assert read_dataset(tmp_path).format == "BraTS"


@pytest.mark.parametrize("content", ["", "not json", "[1, 2]", "\x00"])
def test_a_description_that_is_not_a_json_object_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(DataError, match=r"dataset\.json"):
        read_dataset(tmp_path)


@pytest.mark.parametrize("content", [{}, {**DECATHLON, "training": []}, NNUNET])
def test_a_description_without_cases_is_refused_with_the_formats_known(tmp_path: Path, content: object) -> None:
    (tmp_path / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=re.escape(KNOWN)):
        read_dataset(tmp_path)


def test_a_missing_folder_and_a_file_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for name in ("gone", "file"):
        with pytest.raises(DataError, match=f"{name} is not a folder"):
            read_dataset(tmp_path / name)


def test_three_cases_are_enough_and_two_are_not(tmp_path: Path) -> None:
    name_cases(tmp_path, 3)
    dataset = read_dataset(tmp_path)
    require_cases(dataset)
    with pytest.raises(DataError, match=r"2 usable case.*at least 3"):
        require_cases(replace(dataset, cases=dataset.cases[:2]))


@pytest.mark.real
def test_every_real_case_maps_its_own_convention_to_the_canonical_one(real_cases: Path) -> None:
    dataset = read_dataset(real_cases / "2mm")
    assert dataset.modalities == ("t1", "t1ce", "t2", "flair")
    assert dataset.labels == brats_labels()
    folders = {path.name for path in (real_cases / "2mm").iterdir() if path.is_dir()}
    assert {case.name for case in dataset.cases} == folders
    for case in dataset.cases:
        assert case.reference is not None
        stored = set(np.unique(read_volume(case.reference.path).voxels).tolist())
        assert stored == ({0, 1, 2, 3} if case.name.startswith("BraTS-GLI") else {0, 1, 2, 4})
        assert set(np.unique(read_reference(case, dataset.labels).voxels).tolist()) == {0, 1, 2, 3}


@pytest.mark.real
def test_a_patient_with_another_disease_is_read_with_a_label_table_of_its_own(real_cases: Path) -> None:
    folder = real_cases.parent / "ms"
    if not folder.is_dir():
        pytest.skip("needs the folder of the patient")
    dataset = read_dataset(folder, exclusive_labels({1: "Lesion"}))
    (report,) = inspect_dataset(dataset)
    assert report.problems == ()
    assert (report.shape, report.orientation, report.labels) == ((182, 218, 182), "LAS", (1,))
    assert dataset.cases[0].value_map == {}


def test_linked_case_folders_are_found_once_also_in_a_loop(tmp_path: Path) -> None:
    name_cases(tmp_path / "all", 4)
    (tmp_path / "some").mkdir()
    for folder in sorted((tmp_path / "all").iterdir())[:3]:
        (tmp_path / "some" / folder.name).symlink_to(folder, target_is_directory=True)
    (tmp_path / "some" / "loop").symlink_to(tmp_path / "some", target_is_directory=True)
    assert len(read_dataset(tmp_path / "some").cases) == 3


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "is_file", denied)
    with pytest.raises(DataError, match=r"dataset\.json cannot be read \(Permission denied\): check its permissions"):
        read_dataset(tmp_path)
