"""What is used of a case, and why not."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from kdnet.curation.candidate import Candidate
from kdnet.curation.dicom_candidates import dicom_candidates
from kdnet.curation.image_candidates import image_candidate
from kdnet.curation.raw_case import Source
from made_raw import HEADERS, nifti_case, scan
from made_series import dicom_series


def series(folder: Path, modality: str = "t1", **values: object) -> Candidate:
    dicom_series(folder, scan(), **{**HEADERS[modality], **values})
    (found,) = dicom_candidates(Source(folder.name, tuple(sorted(folder.iterdir())), dicom=True))
    return found


@pytest.mark.parametrize("modality", HEADERS)
def test_the_header_tells_the_modality(tmp_path: Path, modality: str) -> None:
    found = series(tmp_path / "s", modality)
    assert (found.modality, found.why_not) == (modality, "")
    assert np.array_equal(found.load().voxels, scan().voxels)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"Modality": "CT"}, "CT, not MR"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, "secondary capture"),
        ({"SeriesDescription": "localizer"}, "localizer"),
        ({"SeriesDescription": "3-plane loc"}, "localizer|another kind"),
        ({"SeriesDescription": "ep2d_diff_ADC"}, "another kind"),
        ({"SeriesDescription": "DWI b1000"}, "another kind"),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, "reformat"),
        ({"ImageType": ["DERIVED", "PRIMARY", "SUBTRACTION"]}, "subtraction|another kind"),
        ({"SeriesDescription": "head", "RepetitionTime": 1500, "EchoTime": 40}, "do not say its modality"),
    ],
)
def test_other_series_are_excluded_with_the_reason(tmp_path: Path, values: dict[str, object], reason: str) -> None:
    found = series(tmp_path / "s", **values)
    assert found.grid is None
    assert re.search(reason, found.why_not)


def test_a_missing_slice_is_the_reason(tmp_path: Path) -> None:
    folder = dicom_series(tmp_path / "s", scan(), **HEADERS["t1"])
    (folder / "010.dcm").unlink()
    (found,) = dicom_candidates(Source("P1/s", tuple(sorted(folder.iterdir())), dicom=True))
    assert found.modality == "t1"
    assert "P1/s has missing slices" in found.why_not


def test_a_damaged_file_in_the_folder_excludes_the_series(tmp_path: Path) -> None:
    folder = dicom_series(tmp_path / "s", scan(), **HEADERS["t1"])
    (found,) = dicom_candidates(Source("s", tuple(sorted(folder.iterdir())), dicom=True, damaged="x is truncated."))
    assert found.grid is None
    assert "x is truncated" in found.why_not


def test_two_echoes_in_one_series_are_two_volumes(tmp_path: Path) -> None:
    values = {"ContrastBolusAgent": None, "RepetitionTime": 4000, "SeriesInstanceUID": "1.5", "SeriesDescription": "AX T2"}
    dicom_series(tmp_path / "a", scan(), EchoTime=100, **values)
    dicom_series(tmp_path / "b", scan(1), EchoTime=160, **values)
    files = tuple(sorted(tmp_path.rglob("*.dcm")))
    found = dicom_candidates(Source("s", files, dicom=True))
    assert [item.modality for item in found] == ["t2", "t2"]
    assert all(item.grid is not None for item in found)


@pytest.mark.parametrize(
    ("name", "modality", "reason"),
    [
        ("P1_t1ce", "t1ce", ""),
        ("sub-01_ce-gd_T1w", "t1ce", ""),
        ("14_AX_FLAIR_FS", "flair", ""),
        ("ADC", "", "another kind"),
        ("localizer", "", "localizer"),
        ("scan", "", "does not state"),
    ],
)
def test_names_of_image_files(tmp_path: Path, name: str, modality: str, reason: str) -> None:
    nifti_case(tmp_path / "P1", {name: scan()})
    found = image_candidate(Source(name, (tmp_path / "P1" / f"{name}.nii.gz",)))
    assert found.modality == modality
    assert re.search(reason, found.why_not) if reason else found.why_not == ""


def test_the_folder_names_a_nameless_file(tmp_path: Path) -> None:
    nifti_case(tmp_path / "T1wCE", {"image": scan()})
    assert image_candidate(Source("x", (tmp_path / "T1wCE" / "image.nii.gz",))).modality == "t1ce"


def test_the_sidecar_of_a_converter_is_read(tmp_path: Path) -> None:
    nifti_case(tmp_path, {"scan7": scan()})
    content = {"Modality": "MR", "SeriesDescription": "", "EchoTime": 0.12, "RepetitionTime": 9, "InversionTime": 2.2}
    (tmp_path / "scan7.json").write_text(json.dumps({**content, "ScanningSequence": "SE_IR", "ImageType": ["DERIVED"]}))
    found = image_candidate(Source("x", (tmp_path / "scan7.nii.gz",)))
    assert (found.modality, found.original) == ("flair", False)
    (tmp_path / "scan7.json").write_text("{")
    assert image_candidate(Source("x", (tmp_path / "scan7.nii.gz",))).modality == ""


def test_a_damaged_image_file_is_the_reason(tmp_path: Path) -> None:
    nifti_case(tmp_path, {"P1_t1": scan()})
    path = tmp_path / "P1_t1.nii.gz"
    path.write_bytes(path.read_bytes()[:500])
    found = image_candidate(Source("x", (path,)))
    assert found.modality == "t1"
    assert "cannot be read" in found.why_not
