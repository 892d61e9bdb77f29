"""Every case is looked at; each problem is a sentence, and a case is left out only with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from kdnet.data.dataset import Case, Dataset
from kdnet.data.formats.detect import read_dataset
from kdnet.data.inspection import inspect_case, inspect_dataset, inspection_table, valid_cases
from kdnet.schema.case_report import CaseReport
from kdnet.schema.labels import exclusive_labels
from kdnet.schema.modalities import MODALITIES

SHAPE = (8, 9, 10)
AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])


@dataclass
class Bench:
    """Two sound cases ("other" and "case") whose files a test then spoils."""

    root: Path

    def write(self, name: str, voxels: np.ndarray, affine: np.ndarray = AFFINE) -> None:
        nibabel.save(nibabel.Nifti1Image(voxels, affine), self.root / f"{name}.nii.gz")

    def read(self, name: str) -> np.ndarray:
        return np.asarray(nibabel.load(self.root / f"{name}.nii.gz").dataobj)

    def label(self, values: Sequence[float], dtype: type = np.uint8) -> None:
        voxels = np.zeros(SHAPE, dtype)
        voxels.flat[: len(values)] = values
        self.write("case_seg", voxels)

    def inspect(self) -> CaseReport:
        dataset = read_dataset(self.root)
        return inspect_case(next(case for case in dataset.cases if case.name == "case"), dataset)


@pytest.fixture
def bench(tmp_path: Path, random: np.random.Generator) -> Bench:
    bench = Bench(tmp_path)
    for case in ("other", "case"):
        for modality in MODALITIES:
            bench.write(f"{case}_{modality}", random.integers(0, 900, SHAPE).astype(np.int16))
        bench.write(f"{case}_seg", random.integers(0, 3, SHAPE).astype(np.uint8))
    return bench


def test_a_sound_case_is_described(bench: Bench) -> None:
    bench.label([1, 2, 4])
    report = bench.inspect()
    assert report.problems == ()
    assert report.modalities == MODALITIES
    assert (report.shape, report.spacing, report.orientation) == (SHAPE, (2.0, 2.0, 3.0), "LPS")
    assert report.labels == (1, 2, 4)


def told(bench: Bench) -> str:
    """The one problem of the case."""
    (problem,) = bench.inspect().problems
    assert ": " in problem, "a problem names its remedy"
    assert problem.endswith(".")
    return problem


def test_a_missing_modality_and_a_missing_reference(bench: Bench) -> None:
    (bench.root / "case_t2.nii.gz").unlink()
    assert "modality T2 is missing" in told(bench)
    bench.write("case_t2", np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE))
    (bench.root / "case_seg.nii.gz").unlink()
    assert "reference segmentation is missing" in told(bench)


def test_a_case_without_any_image(bench: Bench) -> None:
    for modality in MODALITIES:
        (bench.root / f"case_{modality}.nii.gz").unlink()
    assert len(bench.inspect().problems) == 4
    assert bench.inspect().shape == ()


@pytest.mark.parametrize("keep", [0, 20, 300])
def test_a_file_that_cannot_be_read(bench: Bench, keep: int) -> None:
    path = bench.root / "case_flair.nii.gz"
    path.write_bytes(path.read_bytes()[:keep])
    assert str(path) in told(bench)


@pytest.mark.parametrize("name", ["case_t1ce", "case_seg"])
def test_another_place_or_another_shape(bench: Bench, name: str) -> None:
    voxels = bench.read(name)
    moved = AFFINE.copy()
    moved[0, 3] = 1.0
    bench.write(name, voxels, moved)
    assert "different geometry" in told(bench)
    bench.write(name, voxels[:, :, :-1])
    assert "different geometry" in told(bench)


def test_a_rounding_error_of_the_place_is_none(bench: Bench) -> None:
    moved = AFFINE.copy()
    moved[0, 3] = 1e-3
    bench.write("case_t1ce", bench.read("case_t1ce"), moved)
    assert bench.inspect().problems == ()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_single_value_that_is_not_a_number(bench: Bench, value: float) -> None:
    voxels = bench.read("case_t1").astype(np.float32)
    voxels[3, 4, 5] = value
    bench.write("case_t1", voxels)
    assert "case_t1.nii.gz contains NaN" in told(bench)


def test_an_image_of_nothing(bench: Bench) -> None:
    bench.write("case_t1", np.zeros(SHAPE, np.int16))
    assert "T1 is empty" in told(bench)


@pytest.mark.parametrize(
    ("values", "dtype", "problem"),
    [
        ([1, 2, 3], np.uint8, None),
        ([1.0, 2.0, 4.0], np.float64, None),
        ([0], np.uint8, None),
        ([1, 3, 4], np.uint8, "two conventions"),
        ([1, 5, 200], np.uint8, "unknown labels (5, 200)"),
        ([1, 0.5], np.float32, "unknown labels (0.5)"),
        ([0.5], np.float32, "unknown labels (0.5)"),
        ([1, -1], np.int16, "unknown labels (-1)"),
        (range(5, 100), np.uint8, "unknown labels (5, 6, 7, 8, 9, 10, 11, 12, ...)"),
    ],
)
def test_values_of_the_reference(bench: Bench, values: Sequence[float], dtype: type, problem: str | None) -> None:
    bench.label(values, dtype)
    if problem is None:
        assert bench.inspect().problems == ()
    else:
        assert problem in told(bench)


def test_a_mask_of_255_is_explained(bench: Bench) -> None:
    bench.label([255])
    (problem,) = bench.inspect().problems
    assert "--labels 255=Tumor" in problem


def test_values_count_by_the_label_table_given(bench: Bench) -> None:
    bench.label([1, 2])
    dataset = read_dataset(bench.root, exclusive_labels({1: "Lesion"}))
    report = inspect_case(dataset.cases[0], dataset)
    assert "unknown labels (2)" in " ".join(report.problems)


def test_a_modality_copied_within_a_case_even_as_another_type(bench: Bench) -> None:
    bench.write("case_t2", bench.read("case_t1").astype(np.float64))
    assert "T2 has the same voxels as T1" in told(bench)


def test_a_case_copied_under_another_name_is_reported_once(bench: Bench) -> None:
    for modality in MODALITIES:
        bench.write(f"other_{modality}", bench.read(f"case_{modality}"))
    first, second = inspect_dataset(read_dataset(bench.root))
    assert (first.name, first.problems) == ("case", ())
    assert second.problems == ("It has the same voxels as case case: exclude one of them.",)


def test_only_sound_cases_are_used_and_every_other_has_its_reason(bench: Bench) -> None:
    (bench.root / "case_t2.nii.gz").unlink()
    dataset = read_dataset(bench.root)
    reports = inspect_dataset(dataset)
    left = valid_cases(dataset, reports)
    assert [case.name for case in left.cases] == ["other"]
    assert replace(left, cases=dataset.cases) == dataset
    assert {report.name: bool(report.problems) for report in reports} == {"case": True, "other": False}


def test_progress_counts_the_cases(bench: Bench) -> None:
    calls: list[tuple[int, int]] = []
    inspect_dataset(read_dataset(bench.root), lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]


def test_the_table_has_a_line_for_each_case_in_straight_columns(bench: Bench) -> None:
    bench.label(range(1, 100))
    lines = inspection_table(inspect_dataset(read_dataset(bench.root))).splitlines()
    assert len(lines) == 3
    assert [line.split()[0] for line in lines] == ["case", "case", "other"]
    assert "8 x 9 x 10" in lines[1]
    assert "1 2 3 4 5 6 7 8 ..." in lines[1]
    assert lines[2].endswith("none")
    assert len({line.index(word) for line, word in zip(lines, ("axes", "LPS", "LPS"), strict=True)}) == 1


def test_names_cannot_steer_the_terminal_or_forge_lines_of_the_table() -> None:
    table = inspection_table([CaseReport("P1\nP2\x1b[2J", ("t1\x07",), problems=("P1\x1b]0;x\nP3 is bad.",))])
    assert len(table.splitlines()) == 2
    assert not set(table) & set("\x1b\x07")


def test_a_data_set_of_no_cases_has_no_reports() -> None:
    empty = Dataset(Path(), "BraTS", ("t1",), exclusive_labels({1: "a"}), ())
    assert inspect_dataset(empty) == ()
    assert valid_cases(empty, ()) == empty
    assert inspection_table(()).startswith("case")


def test_a_path_that_is_gone_is_a_problem_not_a_crash(bench: Bench) -> None:
    dataset = read_dataset(bench.root)
    case: Case = dataset.cases[0]
    (bench.root / "case_t1.nii.gz").unlink()
    assert "does not exist" in " ".join(inspect_case(case, dataset).problems)


@pytest.mark.real
def test_no_real_case_has_a_problem(real_cases: Path) -> None:
    dataset = read_dataset(real_cases / "2mm")
    reports = inspect_dataset(dataset)
    assert {report.name: report.problems for report in reports if report.problems} == {}
    assert {(report.shape, report.spacing, report.orientation) for report in reports} == {
        ((120, 120, 78), (2.0, 2.0, 2.0), "LPS")
    }
