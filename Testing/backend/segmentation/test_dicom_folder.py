"""A folder with a whole examination, as disks and archives give it: the series that the model needs is segmented."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
from kdnet.cli import main
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume
from kdnet.segmentation.grouping import Input, RejectedInput
from kdnet.segmentation.inputs import survey
from made_enhanced import enhanced
from made_images import dicom_slice
from made_raw import HEADERS
from made_series import dicom_series
from pydicom import dcmread
from pydicom.uid import generate_uid

SHAPE = (24, 26, 14)
GRID = Grid(SHAPE, np.array([[-3.0, 0, 0, 36], [0, -3, 0, 39], [0, 0, 5, -60], [0, 0, 0, 1.0]]))


def scan(seed: int = 0) -> Volume:
    voxels = np.zeros(SHAPE, np.uint16)
    voxels[3:-3, 3:-3, 2:-2] = np.random.default_rng(seed).integers(50, 900, (18, 20, 10))
    return Volume(voxels, GRID)


def add(folder: Path, volume: Volume, **values: object) -> list[Path]:
    """Add a series to a folder, its files named without suffix in one sequence with the others."""
    folder.mkdir(exist_ok=True)
    made = dicom_series(folder.parent / "made", volume, **values)
    count = len(list(folder.glob("IM*")))
    added = []
    for number, path in enumerate(sorted(made.iterdir()), start=count + 1):
        added.append(folder / f"IM{number:05d}")
        path.rename(added[-1])
    shutil.rmtree(made)
    return added


@pytest.fixture
def examination(tmp_path: Path) -> Path:
    folder = tmp_path / "CD"
    localizer = Volume(scan().voxels[:, :, :3], Grid((24, 26, 3), GRID.affine))
    add(folder, localizer, SeriesDescription="loc", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    for seed, modality in enumerate(("t2", "flair", "t1", "t1ce"), start=1):
        add(folder, scan(seed), **HEADERS[modality])
    add(folder, scan(9), SeriesDescription="ep2d_diff_b1000", ScanningSequence="EP", SequenceName="ep_b1000")
    capture = dicom_slice(np.zeros((40, 40), np.uint16), (0, 0, 0), 1, generate_uid())
    capture.SOPClassUID = capture.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    capture.SamplesPerPixel, capture.PhotometricInterpretation, capture.PixelData = 3, "RGB", bytes(40 * 40 * 3)
    capture.BitsAllocated = capture.BitsStored = 8
    capture.HighBit, capture.PlanarConfiguration, capture.SeriesDescription = 7, 0, "Dose report"
    capture.save_as(folder / "IM99999", enforce_file_format=True)
    syntax = b"\x02\x00\x10\x00UI\x14\x00" + b"1.2.840.10008.1.2.1\x00"
    (folder / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + syntax + b"\x04\x00\x30\x11CS\x04\x00DISK")
    return folder


def test_the_series_of_the_model_is_found_among_those_of_an_examination(examination: Path) -> None:
    for seed, modality in enumerate(("t2", "flair", "t1", "t1ce"), start=1):
        found = survey([examination], [modality])
        (case,) = found.cases
        assert isinstance(case, Input)
        assert case.name == "CD"
        assert np.array_equal(read_volume(case.path).voxels, scan(seed).voxels)
        assert "contains 7 DICOM series" in found.skipped[0].reason
        assert '"loc"' in found.skipped[0].reason


def test_a_teacher_gets_all_its_series(examination: Path) -> None:
    (case,) = survey([examination], ["t1", "t1ce", "t2", "flair"]).cases
    assert isinstance(case, Input)
    for file, seed in zip(case.files, (3, 4, 1, 2), strict=True):
        assert np.array_equal(read_volume(file).voxels, scan(seed).voxels)


def test_two_series_that_may_be_meant_are_named(examination: Path) -> None:
    again = add(examination, scan(20), **{**HEADERS["t1ce"], "SeriesDescription": "T1 SE SAG GD"})
    (case,) = survey([examination], ["t1ce"]).cases
    assert isinstance(case, RejectedInput)
    assert "8 DICOM series, 2 of which are T1ce" in case.reason
    assert '"T1 SE SAG GD"' in case.reason
    (named,) = survey([again[4]], ["t1ce"]).cases
    assert np.array_equal(read_volume(named.path).voxels, scan(20).voxels)


def test_the_only_volume_is_taken_whatever_its_header_says(tmp_path: Path) -> None:
    folder = tmp_path / "CD"
    localizer = Volume(scan().voxels[:, :, :3], Grid((24, 26, 3), GRID.affine))
    add(folder, localizer, SeriesDescription="loc", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    add(folder, scan(3), SeriesDescription="head", RepetitionTime=None, EchoTime=None, ContrastBolusAgent=None)
    (case,) = survey([folder], ["t1ce"]).cases
    assert np.array_equal(read_volume(case.path).voxels, scan(3).voxels)


def test_a_copied_slice_is_read_once_and_changed_ones_are_not_copies(tmp_path: Path) -> None:
    folder = dicom_series(tmp_path / "s", scan())
    shutil.copy(folder / "004.dcm", folder / "004 (copy).dcm")
    assert np.array_equal(read_volume(folder).voxels, scan().voxels)
    for path in sorted(folder.glob("00?.dcm")) + sorted(folder.glob("01?.dcm")):  # a tool that gives all one identifier
        slice_ = dcmread(path)
        slice_.SOPInstanceUID = slice_.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        slice_.save_as(path, enforce_file_format=True)
    (folder / "004 (copy).dcm").unlink()
    assert np.array_equal(read_volume(folder).voxels, scan().voxels)


def test_labels_report_and_seg_of_the_chosen_series(
    examination: Path, model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    highdicom = pytest.importorskip("highdicom")
    out = tmp_path / "out"
    wanted = ["--report", str(out / "r.html"), "--dicom-seg", str(out / "s.dcm")]
    arguments = ["segment", str(model_file), str(examination), "-o", str(out), "--brain", "none", *wanted]
    assert main(arguments) == 0, capsys.readouterr().err
    assert '"Dose report"' in capsys.readouterr().err
    labels = read_volume(out / "CD_seg.nii.gz")
    assert labels.grid.matches(scan().grid)
    page = (out / "r.html").read_text(encoding="utf-8")
    assert "KD-0042" in page
    source = survey([examination], ["t1ce"]).cases[0].path
    made = highdicom.seg.segread(out / "s.dcm")
    assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == dcmread(source).SeriesInstanceUID
    assert main(arguments) != 0  # the report exists and is kept
    with (out / "volumes.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert sorted(row["state"] for row in rows) == ["segmented", "skipped"]


def test_an_enhanced_file_is_segmented_by_its_name(model_file: Path, tmp_path: Path) -> None:
    enhanced(tmp_path / "IM_0001", scan())
    assert (
        main(["segment", str(model_file), str(tmp_path / "IM_0001"), "-o", str(tmp_path / "out"), "--brain", "none"]) == 0
    )
    assert read_volume(tmp_path / "out" / "IM_0001_seg.nii.gz").grid.matches(scan().grid)
