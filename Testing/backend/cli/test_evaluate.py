"""``kdnet evaluate``: pairing, label conventions, grids, figures and tables."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from kdnet.cli import main as kdnet
from kdnet.cli.evaluate import task_of
from kdnet.evaluation.case_pairs import CasePair, case_of, find_pairs

SHAPE = (30, 28, 26)
AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])


def labels(shift: int = 0, values: tuple[int, int, int] = (1, 2, 3)) -> np.ndarray:
    """Core, edema and enhancing tumor: nested boxes of 4 x 4 x 4, 12 x 12 x 12 and 8 x 8 x 8 voxels."""
    core, edema, enhancing = values
    found = np.zeros(SHAPE, np.uint8)
    for size, value in ((12, edema), (8, enhancing), (4, core)):
        low = 14 - size // 2
        found[low + shift : low + size + shift, low : low + size, low : low + size] = value
    return found


def save(path: Path, voxels: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(voxels, affine), path)
    return path


def table(path: Path) -> dict[tuple[str, str], dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return {(row["case"], row["region"]): row for row in csv.DictReader(stream)}


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "predictions", tmp_path / "references"


def run(folders: tuple[Path, Path], *more: str) -> tuple[int, Path]:
    out = folders[0].parent / "table.csv"
    return kdnet(["evaluate", *map(str, folders), "-o", str(out), *more]), out


def test_figures_are_those_counted_by_hand(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    save(folders[0] / "P1.nii.gz", labels(shift=2))
    save(folders[1] / "P1.nii.gz", labels())
    code, out = run(folders)
    assert code == 0
    row = table(out)["P1", "WT"]
    assert float(row["dice"]) == pytest.approx(10 / 12, abs=1e-5)
    assert float(row["hd95_mm"]) == pytest.approx(2.0)
    assert float(row["volume_ml"]) == pytest.approx(12**3 * 2 / 1000)
    assert float(row["difference_ml"]) == 0
    assert float(row["sensitivity"]) == pytest.approx(10 / 12, abs=1e-5)
    assert float(row["precision"]) == pytest.approx(10 / 12, abs=1e-5)
    assert (row["lesions_found"], row["lesions_missed"], row["lesions_false"], row["empty"]) == ("1", "0", "0", "neither")
    assert {region for _, region in table(out)} == {"ET", "TC", "WT"}
    told = capsys.readouterr().out
    assert "larger of the two directed 95th percentiles" in told
    assert "WT: 0 empty predictions and 0 penalties in HD95 in 1 cases; lesions: 1 found, 0 missed, 0 false" in told


def test_the_summary_has_mean_median_and_number(folders: tuple[Path, Path]) -> None:
    for index, shift in enumerate((0, 2, 6)):
        save(folders[0] / f"P{index}_seg.nii.gz", labels(shift))
        save(folders[1] / f"P{index}_seg.nii.gz", labels())
    code, out = run(folders)
    assert code == 0
    with out.with_name("table_summary.csv").open(encoding="utf-8") as stream:
        rows = {(row["region"], row["figure"]): row for row in csv.DictReader(stream)}
    assert float(rows["WT", "dice"]["mean"]) == pytest.approx((1 + 10 / 12 + 0.5) / 3, abs=1e-5)
    assert float(rows["WT", "dice"]["median"]) == pytest.approx(10 / 12, abs=1e-5)
    assert rows["WT", "dice"]["n"] == "3"


def test_empty_predictions_and_penalties_are_counted(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    save(folders[0] / "P1.nii.gz", np.zeros(SHAPE, np.uint8))
    save(folders[1] / "P1.nii.gz", labels())
    save(folders[0] / "P2.nii.gz", labels())
    save(folders[1] / "P2.nii.gz", np.where(labels() == 3, 0, labels()))
    code, out = run(folders)
    assert code == 0
    rows = table(out)
    assert (rows["P1", "ET"]["hd95_mm"], rows["P1", "ET"]["empty"], rows["P1", "ET"]["precision"]) == (
        "373.13",
        "prediction",
        "",
    )
    assert (rows["P2", "ET"]["hd95_mm"], rows["P2", "ET"]["empty"], rows["P2", "ET"]["sensitivity"]) == (
        "373.13",
        "reference",
        "",
    )
    assert "ET: 1 empty predictions and 2 penalties in HD95 in 2 cases" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("prediction", "reference"),
    [
        ("P1.nii.gz", "P1.nii.gz"),
        ("P1_t1ce_seg.nii.gz", "P1/P1_seg.nii.gz"),
        ("P1_seg.nii.gz", "P1/seg.nii.gz"),
        ("p1-seg.nii.gz", "deep/er/P1-seg.nii.gz"),
        ("P1_seg.nrrd", "labelsTr/P1.nii.gz"),
        ("P1_pred.nii", "P1_gt.mha"),
        ("P1_seg_kdnet.nii.gz", "P1_dseg.nii.gz"),
        ("prostate_0001.nii.gz", "prostate_0001.nii.gz"),
        ("BraTS-GLI-00001-000.nii.gz", "BraTS-GLI-00001-000/BraTS-GLI-00001-000-seg.nii.gz"),
    ],
)
def test_cases_are_paired_by_their_names(folders: tuple[Path, Path], prediction: str, reference: str) -> None:
    found, wanted = folders[0] / prediction, folders[1] / reference
    for path in (found, wanted):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (pair,) = find_pairs(*folders).pairs
    assert (pair.prediction, pair.reference) == (found, wanted)


def test_images_and_maps_beside_labelmaps_are_passed_over(folders: tuple[Path, Path]) -> None:
    for name in ("P1_t1ce.nii.gz", "P1_flair.nii.gz", "P1_seg.nii.gz", "imagesTr/P1_0000.nii.gz"):
        save(folders[1] / name, labels())
    for name in ("P1_seg.nii.gz", "P1_seg_percent.nii.gz", "P1_ET_percent.nii.gz", ".partial-1.nii.gz", "._P1_seg.nii.gz"):
        save(folders[0] / name, labels())
    (pair,) = find_pairs(*folders).pairs
    assert (pair.prediction.name, pair.reference.name) == ("P1_seg.nii.gz", "P1_seg.nii.gz")


def test_a_number_at_the_end_of_a_case_is_part_of_it() -> None:
    assert case_of(Path("BraTS-GLI-00001-000-seg.nii.gz"))[0] == "BraTS-GLI-00001-000"
    assert case_of(Path("Phantom_003_t1ce_seg.nii.gz"))[0] == "Phantom_003"
    assert case_of(Path("P.1_seg.nii.gz"))[0] == "P.1"
    assert case_of(Path("labelsTr/prostate_0001.nii.gz"))[0] == "prostate_0001"


def test_missing_and_extra_cases_are_said(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for folder, names in zip(folders, (("P1", "P3"), ("P1", "P2")), strict=True):
        for name in names:
            save(folder / f"{name}.nii.gz", labels())
    code, out = run(folders)
    told = capsys.readouterr().err
    assert code == 1
    assert "cases without a prediction: P2." in told
    assert "predictions without a reference: P3." in told
    assert table(out)["P2", ""]["problem"] == "P2 has no prediction."


def test_a_labelmap_of_another_grid_is_refused_in_a_sentence_and_the_others_are_done(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    moved = AFFINE.copy()
    moved[0, 3] = 1
    for name, affine in (("P1", AFFINE), ("P2", moved), ("P3", AFFINE * [2, 2, 2, 1])):
        save(folders[0] / f"{name}.nii.gz", labels(), affine)
        save(folders[1] / f"{name}.nii.gz", labels())
    save(folders[0] / "P4.nii.gz", labels()[:-1])
    save(folders[1] / "P4.nii.gz", labels())
    code, out = run(folders)
    sentences = [line for line in capsys.readouterr().err.splitlines() if "has a different geometry than" in line]
    assert code == 1
    assert len(sentences) == 3
    assert all(line.endswith("resample it to the same grid first.") for line in sentences)
    assert ("P1", "WT") in table(out)
    assert "has a different geometry than" in table(out)["P2", ""]["problem"]


def test_when_nothing_can_be_evaluated_the_command_fails(
    folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    save(folders[0] / "P1.nii.gz", labels()[:-1])
    save(folders[1] / "P1.nii.gz", labels())
    code, out = run(folders)
    assert code == 2
    assert not out.exists()
    save(folders[0] / "P1.nii.gz", labels())
    (folders[1] / "P1.nii.gz").rename(folders[1] / "Q1.nii.gz")
    assert run(folders)[0] == 2
    assert "give the labelmaps of a case the same name" in capsys.readouterr().err


def test_the_order_in_which_axes_are_stored_does_not_matter(folders: tuple[Path, Path]) -> None:
    save(folders[1] / "P1.nii.gz", labels())
    image = nibabel.Nifti1Image(labels(shift=2), AFFINE)
    reoriented = image.as_reoriented(nibabel.orientations.axcodes2ornt("PIL"))
    save(folders[0] / "P1.nii.gz", np.asarray(reoriented.dataobj), reoriented.affine)
    code, out = run(folders)
    assert code == 0
    assert float(table(out)["P1", "WT"]["dice"]) == pytest.approx(10 / 12, abs=1e-5)


def test_old_and_new_values_of_enhancing_tumor_are_the_same(folders: tuple[Path, Path]) -> None:
    for name, found, wanted in (("P1", (1, 2, 3), (1, 2, 4)), ("P2", (1, 2, 3), (1, 2, 4))):
        save(folders[0] / f"{name}.nii.gz", labels(values=found))
        save(folders[1] / f"{name}.nii.gz", labels(values=wanted).astype(np.float32))
    code, out = run(folders)
    assert code == 0
    assert {row["dice"] for row in table(out).values()} == {"1"}
    swapped = folders[1], folders[0]
    assert kdnet(["evaluate", *map(str, swapped), "-o", str(out)]) == 0
    assert {row["dice"] for row in table(out).values()} == {"1"}


def test_values_of_two_conventions_are_not_guessed(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    mixed = labels()
    mixed[:3] = 4
    save(folders[0] / "P1.nii.gz", labels())
    save(folders[1] / "P1.nii.gz", mixed)
    assert run(folders)[0] == 2
    assert "--labels" in capsys.readouterr().err
    code, out = run(folders, "--labels", "1=a,2=b,3=c,4=d")
    assert code == 0
    assert float(table(out)["P1", "c"]["dice"]) > 0.8


def test_the_cavity_of_2024_is_not_tumor(folders: tuple[Path, Path]) -> None:
    mixed = labels()
    mixed[:3] = 4
    save(folders[0] / "BraTS-GLI-00001-101.nii.gz", mixed)
    save(folders[1] / "BraTS-GLI-00001-101-seg.nii.gz", mixed)
    code, out = run(folders)
    assert code == 0
    rows = table(out)
    assert float(rows["BraTS-GLI-00001-101", "ET"]["reference_ml"]) == pytest.approx((8**3 - 4**3) * 2 / 1000)


def test_other_values_are_labels_of_their_own(folders: tuple[Path, Path]) -> None:
    save(folders[0] / "P1.nii.gz", labels(values=(7, 1, 2)))
    save(folders[1] / "P1.nii.gz", labels(values=(7, 1, 2)))
    code, out = run(folders)
    assert code == 0
    assert {region for _, region in table(out)} == {"label 1", "label 2", "label 7"}


@pytest.mark.parametrize("drawn", [1, 255])
def test_masks_of_1_and_of_255_are_masks_of_one_label(
    folders: tuple[Path, Path], drawn: int, capsys: pytest.CaptureFixture[str]
) -> None:
    mask = (labels() > 0).astype(np.uint8)
    save(folders[0] / "P1.nii.gz", mask * np.uint8(256 - drawn))
    save(folders[1] / "P1.nii.gz", mask * np.uint8(drawn))
    code, out = run(folders)
    assert code == 0
    assert {region: row["dice"] for (_, region), row in table(out).items()} == {"label 1": "1"}
    assert "both are treated as masks of one label" in capsys.readouterr().err


def test_255_is_a_label_where_masks_hold_nothing_else(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        save(folder / "P1.nii.gz", (labels() > 0) * np.uint8(255))
    code, out = run(folders)
    assert code == 0
    assert {region: row["dice"] for (_, region), row in table(out).items()} == {"label 255": "1"}


def test_a_description_names_the_labels(folders: tuple[Path, Path]) -> None:
    root = folders[1].parent
    content = {
        "channel_names": {"0": "FLAIR"},
        "labels": {"background": 0, "lesion": 1},
        "numTraining": 1,
        "file_ending": ".nii.gz",
    }
    (root / "dataset.json").write_text(json.dumps(content), encoding="utf-8")
    mask = (labels() > 0).astype(np.uint8)
    save(root / "labelsTr" / "P1.nii.gz", mask)
    save(root / "imagesTr" / "P1_0000.nii.gz", mask)
    save(folders[0] / "P1.nii.gz", mask)
    code, out = run((folders[0], root / "labelsTr"))
    assert code == 0
    assert set(table(out)) == {("P1", "lesion")}


def test_images_in_place_of_labelmaps_are_refused(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    noise = np.random.default_rng(0).integers(0, 2000, SHAPE).astype(np.int16)
    for folder in folders:
        save(folder / "P1.nii.gz", noise)
    assert run(folders)[0] == 2
    assert len(capsys.readouterr().err.splitlines()[-1]) < 600


def test_a_damaged_file_does_not_end_the_others(folders: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("P1", "P2"):
        for folder in folders:
            save(folder / f"{name}.nii.gz", labels())
    (folders[0] / "P2.nii.gz").write_bytes(b"\x1f\x8bnothing")
    code, out = run(folders)
    assert code == 1
    assert ("P1", "WT") in table(out)
    assert "P2.nii.gz" in capsys.readouterr().err


def test_no_foreign_file_is_replaced(folders: tuple[Path, Path]) -> None:
    for folder in folders:
        save(folder / "P1.nii.gz", labels())
    other = folders[0].parent / "table.csv"
    other.write_text("patient,age\n", encoding="utf-8")
    assert run(folders)[0] == 2
    assert other.read_text(encoding="utf-8") == "patient,age\n"
    assert kdnet(["evaluate", *map(str, folders), "-o", str(folders[1] / "P1.nii.gz")]) == 2
    other.unlink()
    assert run(folders)[0] == 0
    assert run(folders)[0] == 0  # its own table is


def test_two_files_are_a_pair_and_cells_are_no_formulas(folders: tuple[Path, Path]) -> None:
    found, wanted = save(folders[0] / "anything.nii.gz", labels()), save(folders[1] / "=1+1.nii.gz", labels())
    code, out = run((found, wanted))
    assert code == 0
    assert {case for case, _ in table(out)} == {"'=1+1"}


def test_the_task_is_that_of_the_names() -> None:
    met, gli = (CasePair(name, Path(), Path()) for name in ("BraTS-MET-00001-000", "BraTS-GLI-00001-000"))
    assert task_of([met, met]) == "met"
    assert task_of([met, gli]) == "gli"
    assert task_of([CasePair("P1", Path(), Path())]) == "gli"
