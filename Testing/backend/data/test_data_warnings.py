"""What a plan warns of: labels, patients and lesions."""

from __future__ import annotations

from pathlib import Path

from kdnet.data.data_warnings import data_warnings
from kdnet.data.dataset import Case, Dataset
from kdnet.schema.case_report import CaseReport
from kdnet.schema.folds import Split
from kdnet.schema.labels import brats_labels

FINE, COARSE = (1.0, 1.0, 1.0), (2.0, 2.0, 2.0)


def dataset(*names: str) -> Dataset:
    return Dataset(Path(), "BraTS", ("t1ce",), brats_labels(), tuple(Case(name, {}, None, {4: 3}) for name in names))


def report(name: str, labels: tuple[int, ...] = (1, 2, 4), lesions: int = 1, small: tuple[float, ...] = ()) -> CaseReport:
    return CaseReport(name, ("t1ce",), (9, 9, 9), FINE, "RAS", labels, lesions=lesions, small_lesions=small)


def test_sound_data_are_not_warned_of() -> None:
    splits = {0: Split(("a",), ("b",), ("c",))}
    assert data_warnings(dataset("a", "b", "c"), [report("a"), report("b"), report("c")], splits, FINE) == ()


def test_a_label_that_only_the_test_cases_have() -> None:
    splits = {0: Split(("a",), (), ("b",)), 1: Split(("b",), (), ("a",))}
    (told,) = data_warnings(dataset("a", "b"), [report("a", (1, 2)), report("b", (1, 2, 4))], splits, FINE)
    assert told.startswith("In fold 0, test cases contain Enhancing tumor")


def test_a_patient_who_trains_and_tests() -> None:
    names = ("BraTS-GLI-00001-000", "BraTS-GLI-00001-001")
    splits = {0: Split(names[:1], (), names[1:])}
    (told,) = data_warnings(dataset(*names), [report(name) for name in names], splits, FINE)
    assert told.startswith("1 patient(s)")


def test_lesions_that_the_grid_is_too_coarse_for() -> None:
    reports = [report("a", lesions=12, small=(2.0,) * 12), report("b", lesions=3, small=(2.0,))]
    (told,) = data_warnings(dataset("a", "b"), reports, {}, COARSE)
    assert told.startswith("13 of 15 lesions")
    assert "for example in a" in told
    assert data_warnings(dataset("a", "b"), reports, {}, FINE) == ()
    assert data_warnings(dataset("b"), [report("b", lesions=9, small=(2.0,))], {}, COARSE) == ()
