"""Lesions, report and DICOM SEG from ``kdnet segment`` and ``kdnet measure``, and ``kdnet compare-visits``."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from kdnet.cli import main
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.preparation import registration
from made_series import dicom_series

SHAPE = (24, 26, 22)
GRID = Grid(SHAPE, np.array([[-3.0, 0, 0, 36], [0, -3, 0, 39], [0, 0, 5, -60], [0, 0, 0, 1.0]]))


def scan_voxels() -> np.ndarray:
    voxels = np.zeros(SHAPE, np.int16)
    voxels[3:-3, 3:-3, 3:-3] = np.random.default_rng(0).integers(50, 900, (18, 20, 16))
    return voxels


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    write_volume(tmp_path / "scan.nii.gz", Volume(scan_voxels(), GRID))
    return tmp_path / "scan.nii.gz"


@pytest.fixture
def labelmap(tmp_path: Path) -> Path:
    return write_labels(tmp_path / "labels.nii.gz", (8, 16))


def write_labels(path: Path, rows: tuple[int, int], value: int = 3) -> Path:
    voxels = np.zeros(SHAPE, np.uint8)
    voxels[rows[0] - 2 : rows[1] + 2, 6:18, 6:14] = 2
    voxels[rows[0] : rows[1], 8:16, 8:12] = value
    write_volume(path, Volume(voxels, GRID))
    return path


def kdnet(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_segment_writes_everything_of_a_dicom_series(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("highdicom")
    series, out = dicom_series(tmp_path / "series", Volume(scan_voxels(), GRID)), tmp_path / "out"
    wanted = ("--lesions", out / "l.csv", "--report", out / "r.html", "--dicom-seg", out / "s.dcm")
    code, _, told = kdnet(capsys, "segment", model_file, series, "-o", out, "--brain", "none", "--probabilities", *wanted)
    assert code == 0, told
    voxels = read_volume(out / "series_seg.nii.gz").voxels
    rows = list(csv.DictReader((out / "l.csv").open(encoding="utf-8")))
    whole = [row for row in rows if row["region"] == "WT"]
    assert sum(float(row["volume_ml"]) for row in whole) == pytest.approx(np.count_nonzero(voxels) * 0.045, abs=0.01)
    assert all(0 < float(row["probability"]) <= 1 for row in whole)
    page = (out / "r.html").read_text(encoding="utf-8")
    assert "Größer, Änne" in page
    assert model_file.name in page
    assert (out / "s.dcm").is_file()
    # what is done before is reported on again, with the warnings of then
    done = next(csv.DictReader((out / "volumes.csv").open(encoding="utf-8")))["brain"]
    assert done
    code, _, _ = kdnet(
        capsys, "segment", model_file, series, "-o", out, "--brain", "none", "--probabilities", "--report", out / "2.html"
    )
    assert code == 0
    assert done in page
    assert done in (out / "2.html").read_text(encoding="utf-8")


def test_what_cannot_be_written_is_said_before_time_is_spent(
    model_file: Path, scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = tmp_path / "taken.html"
    taken.write_text("mine")
    out = tmp_path / "out"
    for options, sentence in (
        (("--report", taken), "exists and is kept"),
        (("--report", tmp_path / "r.docx"), "must end in .html or .pdf"),
        (("--lesions", tmp_path / "l.xlsx"), "must end in .csv or .json"),
        (("--dicom-seg", tmp_path / "s.dcm"), "is not a DICOM series"),
    ):
        code, _, told = kdnet(capsys, "segment", model_file, scan, "-o", out, *options)
        assert code == 2
        assert sentence in told
        assert not out.exists()
    write_volume(tmp_path / "other.nii.gz", Volume(scan_voxels(), GRID))
    code, _, told = kdnet(
        capsys, "segment", model_file, scan, tmp_path / "other.nii.gz", "-o", out, "--report", tmp_path / "r.pdf"
    )
    assert (code, "there are 2" in told) == (2, True)
    assert taken.read_text() == "mine"


def test_a_series_is_never_overwritten(labelmap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("highdicom")
    series = dicom_series(tmp_path / "series", Volume(scan_voxels(), GRID))
    before = (series / "000.dcm").read_bytes()
    code, _, told = kdnet(capsys, "measure", series, labelmap, "--dicom-seg", series / "000.dcm", "--overwrite")
    assert (code, "is kept" in told) == (2, True)
    assert (series / "000.dcm").read_bytes() == before


def test_measure_takes_a_corrected_labelmap(
    scan: Path, labelmap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "l.json"
    code, text, told = kdnet(capsys, "measure", scan, labelmap, "--lesions", table, "--report", tmp_path / "r.pdf")
    assert code == 0
    assert "as those of BraTS" in told
    (lesion,) = json.loads(table.read_text())["scan.nii.gz"]["lesions"]
    assert lesion["sizes"][0]["name"] == "WT"
    assert lesion["sizes"][0]["milliliters"] == pytest.approx(12 * 12 * 8 * 0.045)
    assert f"{lesion['sizes'][0]['milliliters']:.2f} mL" in text
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("value", "labels", "regions"),
    [
        (3, "auto", {"WT", "TC", "ET"}),
        (4, "auto", {"WT", "TC", "ET"}),
        (7, "auto", {"label 2", "label 7"}),
        (3, "2=A,3=B", {"A", "B"}),
    ],
)
def test_the_meaning_of_labels_is_recognized_or_given(
    value: int, labels: str, regions: set[str], scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_labels(tmp_path / "other.nii.gz", (8, 16), value)
    assert kdnet(capsys, "measure", scan, file, "--labels", labels, "--lesions", tmp_path / "l.csv")[0] == 0
    rows = csv.DictReader((tmp_path / "l.csv").open(encoding="utf-8"))
    assert {row["region"] for row in rows} == regions


def test_labelmaps_that_do_not_fit_are_refused(
    scan: Path, labelmap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_volume(tmp_path / "moved.nii.gz", Volume(scan_voxels(), Grid(SHAPE, np.eye(4))))
    for arguments, sentence in (
        ((tmp_path / "moved.nii.gz", labelmap, "--report", tmp_path / "r.html"), "another geometry"),
        ((scan, scan), "is not a labelmap"),
        ((scan, labelmap, "--labels", "1=Lesion"), "which is not a label"),
    ):
        code, _, told = kdnet(capsys, "measure", *arguments)
        assert (code, sentence in told) == (2, True)
    assert not (tmp_path / "r.html").exists()


def test_visits_are_compared_as_text_and_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = write_labels(tmp_path / "1.nii.gz", (8, 16)), write_labels(tmp_path / "2.nii.gz", (8, 20))
    code, text, _ = kdnet(capsys, "compare-visits", first, second, "-o", tmp_path / "t.csv")
    assert code == 0
    assert "+50 %" in text
    assert "progressive disease" in text
    assert "not an assessment" in text
    rows = list(csv.DictReader((tmp_path / "t.csv").open(encoding="utf-8")))
    enhancing = next(row for row in rows if row["region"] == "ET" and row["category_by_volume"])
    assert float(enhancing["earlier_ml"]) == pytest.approx(8 * 8 * 4 * 0.045)
    assert float(enhancing["change_percent"]) == pytest.approx(50)
    assert kdnet(capsys, "compare-visits", first, second, "-o", tmp_path / "t.csv")[0] == 2
    assert kdnet(capsys, "compare-visits", first, second, "-o", tmp_path / "t.json")[0] == 0
    content = json.loads((tmp_path / "t.json").read_text())
    assert "not an assessment" in content["note"]
    assert {region["name"] for region in content["regions"]} == {"ET", "TC", "WT"}


def test_visits_are_registered_by_their_scans(
    scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later scan lies 33 mm further left: a lesion that did not move in the head is the same one only if undone."""
    first, second = write_labels(tmp_path / "1.nii.gz", (3, 5)), write_labels(tmp_path / "2.nii.gz", (14, 16))
    shift = sitk.Euler3DTransform()
    shift.SetTranslation((11 * 3.0, 0, 0))  # from points of the earlier scan to those of the later one, in LPS mm
    monkeypatch.setattr(registration, "align", lambda *_scans: registration.Alignment(shift, 1.0, 0.2, 1.0, 0.0))
    code, text, told = kdnet(capsys, "compare-visits", first, second, "-o", tmp_path / "apart.json")
    assert code == 0
    assert "without registration" in text
    assert "No lesion of the later visit is near" in told
    code, text, told = kdnet(
        capsys, "compare-visits", first, second, "--scans", scan, scan, "-o", tmp_path / "together.json"
    )
    assert code == 0
    assert "registered rigidly" in text
    assert "No lesion" not in told
    enhancing = next(
        region for region in json.loads((tmp_path / "together.json").read_text())["regions"] if region["name"] == "ET"
    )
    assert [(lesion["earlier"], lesion["later"]) for lesion in enhancing["lesions"]] == [([1], [1])]


def test_scans_of_visits_that_cannot_be_read_are_named(
    labelmap: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "no.nii.gz"
    code, _, told = kdnet(capsys, "compare-visits", labelmap, labelmap, "--scans", missing, missing)
    assert code == 2
    assert str(missing) in told
