"""BraTS names of every year, in any folder layout, become one list of cases without a voxel being read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kdnet.data.dataset import Dataset, ImageFile
from kdnet.data.formats.brats import read_brats
from kdnet.schema.labels import LabelTable, brats_labels, exclusive_labels

OLD = ("t1", "t1ce", "t2", "flair", "seg")
NEW = ("t1n", "t1c", "t2w", "t2f", "seg")
ROOT = Path("data")


def listed(*names: str, labels: LabelTable | None = None) -> Dataset:
    """The data set of files that exist only as names: listing must not open them."""
    dataset = read_brats(ROOT, [ROOT / name for name in names], labels)
    assert dataset is not None
    return dataset


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("folder", ["", "{case}/", "HGG/{case}/"])
@pytest.mark.parametrize(("parts", "mark"), [(OLD, "_"), (NEW, "-")])
def test_both_conventions_flat_or_nested_give_the_canonical_modalities(
    parts: tuple[str, ...], mark: str, folder: str, ending: str
) -> None:
    files = [f"{folder.format(case='P_t1-01')}P_t1-01{mark}{part}{ending}" for part in parts]
    dataset = listed(*files)
    assert dataset.modalities == ("t1", "t1ce", "t2", "flair")
    (case,) = dataset.cases
    assert case.name == "P_t1-01"
    assert [image.path for image in case.images.values()] == [ROOT / file for file in files[:4]]
    assert case.reference == ImageFile(ROOT / files[4])


@given(st.permutations([f"{case}_{part}.nii.gz" for case in ("b", "a", "c") for part in OLD]))
def test_the_order_of_the_files_does_not_matter(files: list[str]) -> None:
    dataset = listed(*files)
    assert [case.name for case in dataset.cases] == ["a", "b", "c"]
    assert all(tuple(case.images) == dataset.modalities for case in dataset.cases)


def test_cases_without_a_modality_a_reference_or_any_image_are_listed_all_the_same() -> None:
    whole = [f"whole_{part}.nii.gz" for part in OLD]
    dataset = listed(*whole, "blind_seg.nii.gz", "bare_t1.nii.gz", *(f"full_{part}.nii.gz" for part in OLD))
    cases = {case.name: case for case in dataset.cases}
    assert dataset.modalities == ("t1", "t1ce", "t2", "flair")
    assert cases.keys() == {"whole", "full", "blind", "bare"}
    assert not cases["blind"].images
    assert tuple(cases["bare"].images) == ("t1",)
    assert cases["bare"].reference is None


def test_a_rare_extra_modality_is_not_asked_of_the_others() -> None:
    dataset = listed(*(f"{case}_{part}.nii.gz" for case in "abc" for part in ("t1ce", "seg")), "a_t2.nii.gz")
    assert dataset.modalities == ("t1ce",)
    assert all(tuple(case.images) == ("t1ce",) for case in dataset.cases)


def test_where_no_modality_is_common_all_count() -> None:
    assert listed("a_t1.nii", "b_t2.nii", "c_flair.nii").modalities == ("t1", "t2", "flair")


def test_hidden_and_half_written_files_are_no_cases() -> None:
    files = ["a_t1.nii.gz", "._a_t1.nii.gz", ".partial-7-b_t1.nii.gz", "a_t1.json", "a_mask.nii.gz"]
    assert [case.name for case in listed(*files).cases] == ["a"]


@pytest.mark.parametrize("twin", ["a_t1.nii", "copy/a_t1.nii.gz", "a-t1n.nii.gz"])
def test_two_files_for_one_image_are_a_problem_of_their_case_alone(twin: str) -> None:
    first, other = listed("a_t1.nii.gz", twin, "b_t1.nii.gz").cases
    assert "a_t1.nii.gz" in first.problems[0]
    assert "both the T1 of case a" in first.problems[0]
    assert not other.problems


def test_references_alone_are_no_data_set() -> None:
    assert read_brats(ROOT, [ROOT / "a_seg.nii.gz"], None) is None
    assert read_brats(ROOT, [], None) is None


def test_the_name_of_a_case_gives_what_its_4_means() -> None:
    dataset = listed("BraTS-GLI-00001-000_t1.nii.gz", "Brats18_1_t1.nii.gz")
    assert dataset.labels == brats_labels()
    assert [case.value_map for case in dataset.cases] == [{}, {4: 3}]


def test_bids_names_are_read_and_images_of_no_known_name_are_reported() -> None:
    names = ("T1w", "ce-gadolinium_T1w", "T2w", "FLAIR", "dseg", "T2star")
    dataset = listed(*(f"sub-01/anat/sub-01_{name}.nii.gz" for name in names))
    assert dataset.modalities == ("t1", "t1ce", "t2", "flair")
    assert [(case.name, case.reference is not None) for case in dataset.cases] == [("sub-01", True)]
    assert "sub-01_T2star.nii.gz" in dataset.notes[0]


def test_another_disease_in_brats_names_keeps_its_own_values() -> None:
    table = exclusive_labels({1: "Lesion", 4: "Scar"})
    dataset = listed("patient_flair.nii.gz", labels=table)
    assert dataset.labels == table
    assert dataset.cases[0].value_map == {}


def test_folders_name_the_cases_where_no_file_does() -> None:
    dataset = listed(*(f"{case}/{part}.nii.gz" for case in ("P1", "P2", "site/P1") for part in ("T1_post", "tumor_seg")))
    assert [case.name for case in dataset.cases] == ["P1", "P2", "site_P1"]
    assert all(tuple(case.images) == ("t1ce",) and case.reference is not None for case in dataset.cases)
    assert read_brats(ROOT, [ROOT / "t1ce.nii.gz"], None) is None


def test_an_atlas_beside_named_cases_is_not_a_case() -> None:
    dataset = listed("P1_t1.nii.gz", "P1_seg.nii.gz", "atlas/t1.nii.gz")
    assert [case.name for case in dataset.cases] == ["P1"]
    assert "t1.nii.gz" in dataset.notes[0]
