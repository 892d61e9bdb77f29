"""Every case has one place; nothing that chooses a checkpoint is ever tested on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kdnet.data.splits import FoldList, assign_folds, read_folds, shared_patients, split
from kdnet.errors import DataError

names = st.lists(st.text("abcdef0123", min_size=1, max_size=6), min_size=4, max_size=60, unique=True)
seeds = st.integers(0, 1000)
shares = st.floats(0, 1)


@given(names, st.integers(2, 6), seeds)
def test_folds_are_of_nearly_equal_size_and_do_not_depend_on_the_order(cases: list[str], count: int, seed: int) -> None:
    folds = assign_folds(cases, count, seed)
    sizes = Counter(folds.values())
    assert folds.keys() == set(cases)
    assert max(sizes.values()) - min(sizes[fold] for fold in range(count)) <= 1
    assert folds == assign_folds(sorted(cases), count, seed)


@given(names, seeds, shares)
def test_a_split_puts_each_case_in_exactly_one_part(cases: list[str], seed: int, share: float) -> None:
    folds = assign_folds(cases, 2, seed)
    for fold in (0, 1):
        parts = split(folds, fold, validation_share=share, seed=seed)
        assert sorted((*parts.train, *parts.validation, *parts.test)) == sorted(cases)
        assert set(parts.test) == {name for name, number in folds.items() if number == fold}
        assert parts.train
        assert parts.validation


@given(names, seeds, shares)
def test_a_split_is_the_same_however_the_folds_are_listed(cases: list[str], seed: int, share: float) -> None:
    folds = assign_folds(cases, 2, seed)
    backwards = dict(reversed(folds.items()))
    assert split(folds, 0, validation_share=share, seed=seed) == split(backwards, 0, validation_share=share, seed=seed)


@given(names, st.integers(2, 4), seeds)
def test_over_all_folds_every_case_is_tested_once(cases: list[str], count: int, seed: int) -> None:
    folds = assign_folds(cases, count, seed)
    tested = [name for fold in range(count) for name in split(folds, fold, validation_share=0.2, seed=0).test]
    assert sorted(tested) == sorted(cases)


def test_the_validation_share_is_of_the_cases_that_are_not_tested() -> None:
    folds = {f"case{index}": index % 3 for index in range(42)}
    parts = split(folds, 2, validation_share=0.15, seed=0)
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [24, 4, 14]


def test_other_seeds_choose_other_cases() -> None:
    cases = [f"case{index}" for index in range(30)]
    assert assign_folds(cases, 3, 0) != assign_folds(cases, 3, 1)
    folds = assign_folds(cases, 3, 0)
    first, second = (split(folds, 0, validation_share=0.3, seed=seed).validation for seed in (0, 1))
    assert first != second


@pytest.mark.parametrize("folds", [{"a": 0, "b": 0, "c": 1}, {"a": 1, "b": 1, "c": 2}])
def test_too_few_cases_to_train_validate_and_test_are_refused(folds: dict[str, int]) -> None:
    with pytest.raises(DataError, match="3 cases are not enough"):
        split(folds, 0, validation_share=0.2, seed=0)


visits = st.lists(st.integers(1, 4), min_size=4, max_size=20).map(
    lambda counts: [
        f"BraTS-GLI-{patient:05d}-{visit:03d}" for patient, count in enumerate(counts) for visit in range(count)
    ]
)


@given(visits, st.integers(2, 4), seeds, shares)
def test_visits_of_a_patient_are_never_in_two_parts(cases: list[str], count: int, seed: int, share: float) -> None:
    folds = assign_folds(cases, count, seed)
    assert not shared_patients(folds)
    assert set(folds.values()) == set(range(count))
    for fold in range(count):
        if len({name.rsplit("-", 1)[0] for name in cases if folds[name] != fold}) < 2:
            continue  # refused, as a test below has it
        parts = split(folds, fold, validation_share=share, seed=seed)
        owners = [{name.rsplit("-", 1)[0] for name in part} for part in (parts.train, parts.validation, parts.test)]
        assert all(owners)
        assert sum(map(len, owners)) == len(set.union(*owners))


def test_patients_that_a_list_names_count_instead_of_names() -> None:
    patients = {"a": "P1", "b": "P1", "c": "P2", "d": "P3"}
    folds = assign_folds("abcd", 3, 0, patients)
    assert folds["a"] == folds["b"]
    assert shared_patients({"a": 0, "b": 1, "c": 1}, patients) == ("P1",)


def test_a_list_may_name_patients_and_groups(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("case,fold,patient,group\na,0,P1,Site A\nb,1,,\n")
    found = read_folds(tmp_path, ["a", "b"])
    assert (found.folds, found.patients, found.groups) == ({"a": 0, "b": 1}, {"a": "P1"}, {"a": "Site A"})


def test_a_fold_whose_complement_is_one_patient_is_refused() -> None:
    folds = {"BraTS-GLI-00001-000": 0, "BraTS-GLI-00001-001": 0, "BraTS-GLI-00002-000": 1}
    with pytest.raises(DataError, match="one patient"):
        split(folds, 1, validation_share=0.2, seed=0)


def test_a_list_in_the_folder_comes_before_one_beside_it(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    assert read_folds(data, ["a", "b"]) == FoldList()
    (tmp_path / "cases.csv").write_text("case,fold\na,0\n")
    assert read_folds(data, ["a"]).folds == {"a": 0}
    (data / "cases.csv").write_text("fold,year,case,patient\n1,2018,a,P\n2,2020,b,P\n")
    found = read_folds(data, ["a", "b"])
    assert (found.folds, found.patients, found.source) == ({"a": 1, "b": 2}, {"a": "P", "b": "P"}, data / "cases.csv")


@pytest.mark.parametrize("content", ["\ufeffcase,fold\r\nPatient é,0\r\n", "Case;Fold\nPatient é;0\n"])
def test_a_list_saved_by_a_spreadsheet_is_read(tmp_path: Path, content: str) -> None:
    (tmp_path / "cases.csv").write_bytes(content.encode())
    assert read_folds(tmp_path, ["Patient é"]).folds == {"Patient é": 0}


@pytest.mark.parametrize(
    "content",
    [
        b"Subject,Age,Grade\na,55,IV\n",
        b"name,fold\na,0\n",
        b"case,age\na,55\n",
        b"case,fold\nother,0\n",
        b"",
        b"Patient;Gr\xf6\xdfe\na;1\n",
    ],
)
def test_a_list_of_other_things_is_reported_and_not_followed(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cases.csv").write_bytes(content)
    found = read_folds(tmp_path, ["a"])
    assert (found.folds, found.source) == ({}, None)
    assert "cases.csv" in found.notes[0]


@pytest.mark.parametrize(
    "content", ["case,fold\na,first\n", "case,fold\na\n", "case,fold\na,-1\n", "case,fold\na,0\na,1\n"]
)
def test_a_list_of_these_cases_that_cannot_be_understood_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "cases.csv").write_text(content)
    with pytest.raises(DataError, match=r"cases\.csv assigns case a to fold"):
        read_folds(tmp_path, ["a"])


def test_a_list_that_leaves_cases_out_is_reported(tmp_path: Path) -> None:
    (tmp_path / "cases.csv").write_text("case,fold\na,0\n")
    assert "does not assign a fold to 1 of 2 cases, for example b" in read_folds(tmp_path, ["a", "b"]).notes[0]


def test_the_splits_of_nnunet_are_folds(tmp_path: Path) -> None:
    (tmp_path / "splits_final.json").write_text('[{"train": ["a"], "val": ["b"]}, {"train": ["b"], "val": ["a"]}]')
    assert read_folds(tmp_path, ["a", "b"]).folds == {"b": 0, "a": 1}
    assert not read_folds(tmp_path, ["c"]).folds
    (tmp_path / "splits_final.json").write_text('{"train": []}')
    with pytest.raises(DataError, match="splits_final"):
        read_folds(tmp_path, ["a"])


@pytest.mark.real
def test_the_folds_of_the_real_cases_are_three_of_equal_size(real_cases: Path) -> None:
    names = sorted(path.name for path in (real_cases / "2mm").iterdir() if path.is_dir())
    folds = read_folds(real_cases / "2mm", names).folds
    counts = Counter(folds.values())
    assert sorted(counts) == [0, 1, 2]
    assert sum(counts.values()) == len(names)
    assert max(counts.values()) - min(counts.values()) <= 1
