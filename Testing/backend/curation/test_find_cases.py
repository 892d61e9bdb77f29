"""Cases of raw folders: who is who, and which files belong together."""

from __future__ import annotations

import shutil
from pathlib import Path

import made_raw
import pytest
from kdnet.curation.find_cases import FoundCases, find_cases
from kdnet.curation.names import Pseudonyms
from kdnet.curation.raw_case import RawCase
from kdnet.curation.raw_files import walk_raw
from made_raw import brats_case, dicom_study, labels, nifti_case, scan

PSEUDONYMS = Pseudonyms(b"key")


def found_in(root: Path) -> FoundCases:
    return find_cases(walk_raw(root, root / "out"), PSEUDONYMS)


def named(root: Path) -> dict[str, RawCase]:
    return {case.name: case for case in found_in(root).cases}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return tmp_path / "raw"


def flatten(folder: Path, start: int = 0) -> None:
    """Put the slices of all series into one folder, without extensions."""
    for number, path in enumerate(sorted(folder.rglob("*.dcm")), start):
        path.rename(folder / f"IM{number:05d}")
    for empty in [path for path in folder.iterdir() if path.is_dir()]:
        empty.rmdir()


def test_dicom_cases_have_the_names_of_their_folders(raw: Path) -> None:
    dicom_study(raw / "P1" / "DICOM", "MRN1", "1.1")
    dicom_study(raw / "P2" / "DICOM", "MRN2", "1.2")
    cases = named(raw)
    assert set(cases) == {"P1", "P2"}
    assert len(cases["P1"].sources) == 4
    assert {len(source.files) for source in cases["P1"].sources} == {scan().grid.shape[2]}


def test_mixed_series_without_extensions_in_one_folder_are_told_apart(raw: Path) -> None:
    flatten(dicom_study(raw / "P1", "MRN1", "1.1"))
    (case,) = named(raw).values()
    assert case.name == "P1"
    assert len(case.sources) == 4
    assert len({source.name for source in case.sources}) == 4


def test_two_patients_in_one_folder_are_two_hashes(raw: Path) -> None:
    flatten(dicom_study(raw / "mixed", "MRN1", "1.1"))
    flatten(dicom_study(raw / "mixed", "MRN2", "1.2"), start=500)
    cases = named(raw)
    assert len(cases) == 2
    assert len({case.patient for case in cases.values()}) == 2
    assert not any("MRN" in name or "mixed" in name for name in cases)


def test_names_of_patients_in_headers_are_never_used(raw: Path) -> None:
    dicom_study(raw / "P1", "MRN1", "1.1")
    assert "nne" not in repr(found_in(raw))  # PatientName is "Größer^Änne"
    assert "MRN1" not in repr(found_in(raw))


def test_visits_of_a_patient_are_cases_of_one_patient(raw: Path) -> None:
    dicom_study(raw / "P1" / "b", "MRN1", "1.9", StudyDate="20250101")
    dicom_study(raw / "P1" / "a", "MRN1", "1.3", StudyDate="20260101")
    cases = named(raw)
    assert set(cases) == {"P1_ses-a", "P1_ses-b"}
    assert {case.patient for case in cases.values()} == {"P1"}


def test_visits_in_one_folder_are_numbered_by_date(raw: Path) -> None:
    dicom_study(raw / "P1", "MRN1", "1.9", ("t1",), StudyDate="20250101")
    dicom_study(raw / "P1", "MRN1", "1.3", ("t2",), StudyDate="20260101")
    cases = {name: case.sources[0].name for name, case in named(raw).items()}
    assert cases == {"P1_ses-1": "P1/t1", "P1_ses-2": "P1/t2"}


def test_a_placeholder_is_not_a_patient(raw: Path) -> None:
    dicom_study(raw / "P1", "ANONYMOUS", "1.1", ("t1",))
    dicom_study(raw / "P2", "ANONYMOUS", "1.2", ("t1",))
    assert {case.patient for case in named(raw).values()} == {"P1", "P2"}


def test_a_copy_of_a_slice_is_not_another_slice(raw: Path) -> None:
    folder = dicom_study(raw / "P1", "MRN1", "1.1", ("t1",))
    shutil.copy(folder / "t1" / "000.dcm", folder / "copy")
    (case,) = named(raw).values()
    assert len(case.sources[0].files) == scan().grid.shape[2]


def test_a_damaged_slice_is_known_to_its_series(raw: Path) -> None:
    folder = dicom_study(raw / "P1", "MRN1", "1.1", ("t1", "t2"))
    last = max((folder / "t1").iterdir())
    last.write_bytes(last.read_bytes()[:900])
    (case,) = named(raw).values()
    assert {source.name: bool(source.damaged) for source in case.sources} == {"P1/t1": True, "P1/t2": False}


def test_a_damaged_file_on_its_own_is_reported(raw: Path) -> None:
    brats_case(raw / "P1", "P1")
    (raw / "lost.dcm").write_bytes(b"")
    found = found_in(raw)
    assert [case.name for case in found.cases] == ["P1"]
    assert [path.name for path, _ in found.problems] == ["lost.dcm"]
    assert "not a DICOM file" in found.problems[0][1]


def test_a_segmentation_beside_dicom_belongs_to_its_case(raw: Path) -> None:
    dicom_study(raw / "P1", "MRN1", "1.1")
    dicom_study(raw / "P2", "MRN2", "1.2")
    nifti_case(raw / "P1", {"tumor_seg": labels(), "brain_mask": labels()})
    cases = named(raw)
    assert [path.name for path in cases["P1"].labels] == ["tumor_seg.nii.gz"]
    assert not cases["P2"].labels


def test_brats_folders(raw: Path) -> None:
    for name in ("BraTS-GLI-00001-000", "BraTS-GLI-00001-001"):
        brats_case(raw / "train" / name, name)
    cases = named(raw)
    assert set(cases) == {"BraTS-GLI-00001-000", "BraTS-GLI-00001-001"}
    assert {case.patient for case in cases.values()} == {"BraTS-GLI-00001"}
    assert all(len(case.sources) == 4 and len(case.labels) == 1 for case in cases.values())


def test_a_flat_folder_is_grouped_by_name(raw: Path) -> None:
    brats_case(raw, "P1")
    brats_case(raw, "P2")
    assert {name: len(case.sources) for name, case in named(raw).items()} == {"P1": 4, "P2": 4}


def test_bids_with_derivatives(raw: Path) -> None:
    for session in ("1", "2"):
        stem = f"sub-01_ses-{session}"
        files = {f"{stem}_T1w": scan(), f"{stem}_ce-gd_T1w": scan(1), f"{stem}_T2w": scan(2), f"{stem}_FLAIR": scan(3)}
        nifti_case(raw / "sub-01" / f"ses-{session}" / "anat", files)
        nifti_case(
            raw / "derivatives" / "manual" / "sub-01" / f"ses-{session}",
            {f"{stem}_label-tumor_dseg": labels(), f"{stem}_desc-preproc_T1w": scan()},
        )
    cases = named(raw)
    assert set(cases) == {"sub-01_ses-1", "sub-01_ses-2"}
    assert {case.patient for case in cases.values()} == {"sub-01"}
    assert all(len(case.sources) == 4 and len(case.labels) == 1 for case in cases.values())


def test_patient_session_and_series_folders(raw: Path) -> None:
    for session in ("baseline", "followup1"):
        for modality in ("T1", "T1c", "T2", "FLAIR"):
            nifti_case(raw / "data" / "P1" / session / modality, {"image": scan()})
    cases = named(raw)
    assert set(cases) == {"P1_ses-baseline", "P1_ses-followup1"}
    assert {case.patient for case in cases.values()} == {"P1"}


def test_series_numbers_of_converters_are_not_cases(raw: Path) -> None:
    nifti_case(raw / "P1", {"3_SAG_T1": scan(), "14_AX_T1_POST": scan(), "5_AX_FLAIR": scan(), "7_AX_T2": scan()})
    (case,) = named(raw).values()
    assert case.name == "P1"
    assert len(case.sources) == 4


def test_labels_in_a_folder_of_their_own(raw: Path) -> None:
    for name in ("P1", "P2"):
        brats_case(raw / "images", name, reference=False)
        nifti_case(raw / "labels", {f"{name}_seg": labels()})
    assert all(len(case.labels) == 1 for case in named(raw).values())


def test_the_output_below_the_raw_folder_is_not_searched(raw: Path) -> None:
    brats_case(raw / "P1", "P1")
    brats_case(raw / "out" / "P9", "P9")
    assert set(named(raw)) == {"P1"}


def test_cases_travel_as_json(raw: Path) -> None:
    dicom_study(raw / "P1", "MRN1", "1.1")
    made_raw.nifti_case(raw / "P1", {"seg": labels()})
    (case,) = named(raw).values()
    assert RawCase.from_json(case.to_json()) == case
    first = case.fingerprint(raw, {})
    assert first == case.fingerprint(raw, {}) != case.fingerprint(raw, {"spacing": 1})
    case.labels[0].touch()
    assert case.fingerprint(raw, {}) != first


def test_visits_numbered_after_the_modality_are_cases_of_their_own(raw: Path) -> None:
    files = {f"P1_{modality}{number}": scan() for modality in ("T1ce", "FLAIR") for number in ("", "-2")}
    nifti_case(raw / "P1", files | {"P1_T1ce_tumor": labels(), "P1_T1ce-2_tumor": labels()})
    cases = named(raw)
    assert {name: case.patient for name, case in cases.items()} == {"P1_ses-1": "P1", "P1_ses-2": "P1"}
    assert {source.name for source in cases["P1_ses-2"].sources} == {"P1/P1_T1ce-2.nii.gz", "P1/P1_FLAIR-2.nii.gz"}
    assert [path.name for path in cases["P1_ses-1"].labels] == ["P1_T1ce_tumor.nii.gz"]
    assert [path.name for path in cases["P1_ses-2"].labels] == ["P1_T1ce-2_tumor.nii.gz"]


def test_a_series_that_was_repeated_is_no_visit(raw: Path) -> None:
    nifti_case(raw / "P1", {"P1_T1": scan(), "P1_T1-2": scan(), "P1_T2": scan(), "P1_FLAIR": scan()})
    (case,) = named(raw).values()
    assert (case.name, len(case.sources)) == ("P1", 4)


def test_visits_named_before_the_modality_stay_with_their_patients(raw: Path) -> None:
    for patient in ("patient01", "patient02"):
        nifti_case(raw / patient, {f"study{n}_{modality}": scan() for n in (1, 2) for modality in ("T1W", "FLAIR")})
    cases = named(raw)
    assert {name: case.patient for name, case in cases.items()} == {
        f"{patient}_ses-study{n}": patient for patient in ("patient01", "patient02") for n in (1, 2)
    }
    assert all(len(case.sources) == 2 for case in cases.values())


@pytest.mark.parametrize(
    "layout", ["P1/{0}/P1_{1}", "{0}/P1/P1_{1}", "{0}/P1_{1}"], ids=["patient first", "session first", "session alone"]
)
def test_visits_whose_files_have_the_same_names_are_not_mixed(raw: Path, layout: str) -> None:
    for session in ("visit1", "visit2"):
        for modality in ("t1", "t2"):
            path = raw / layout.format(session, modality)
            nifti_case(path.parent, {path.name: scan()})
    assert {name: (case.patient, len(case.sources)) for name, case in named(raw).items()} == {
        "P1_ses-visit1": ("P1", 2),
        "P1_ses-visit2": ("P1", 2),
    }


def test_patients_whose_files_have_the_same_names_are_not_mixed(raw: Path) -> None:
    for folder, stem in (("P1", "brain"), ("P2", "brain"), ("siteA", "S1"), ("siteB", "S1")):
        nifti_case(raw / folder, {f"{stem}_t1": scan(), f"{stem}_t2": scan()})
    cases = named(raw)
    assert set(cases) == {"P1", "P2", "siteA_S1", "siteB_S1"}
    assert len({case.patient for case in cases.values()}) == 4


def test_numbers_alone_are_patients_in_one_folder(raw: Path) -> None:
    nifti_case(raw, {f"{number}_{modality}": scan() for number in ("01", "02") for modality in ("t1", "t2")})
    assert {name: case.patient for name, case in named(raw).items()} == {"01": "01", "02": "02"}
