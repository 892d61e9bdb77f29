"""What the arguments of ``kdnet segment`` mean: which files make a case, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from kdnet.errors import DataError
from kdnet.segmentation.grouping import Input, RejectedInput
from kdnet.segmentation.inputs import require_inputs, survey


def folder_with(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def series_in(folder: Path, *names: str) -> Path:
    """Files that begin as DICOM files do."""
    for path in (folder_with(folder, *names) / name for name in names):
        path.write_bytes(bytes(128) + b"DICM")
    return folder


def cases(found: list[Input | RejectedInput]) -> dict[str, list[str]]:
    assert all(isinstance(item, Input) for item in found), found
    return {item.name: [path.name for path in item.files] for item in found if isinstance(item, Input)}


def only_reason(found: list[Input | RejectedInput]) -> str:
    (refused,) = (item for item in found if isinstance(item, RejectedInput))
    return refused.reason


def test_a_flat_folder_of_many_cases_loses_none(tmp_path: Path) -> None:
    folder_with(tmp_path, "a_t1.nii.gz", "a_t1ce.nii.gz", "b_t1.nii.gz", "b_t1ce.nii.gz", "b_seg.nii.gz")
    assert cases(survey([tmp_path], ["t1ce"]).cases) == {"a": ["a_t1ce.nii.gz"], "b": ["b_t1ce.nii.gz"]}


def test_a_folder_of_case_folders_gives_every_modality_in_the_order_of_the_model(tmp_path: Path) -> None:
    folder_with(tmp_path, *(f"{case}/{case}-{part}.nii.gz" for case in ("x", "y") for part in ("t1n", "t2w", "t1c", "t2f")))
    found = cases(survey([tmp_path], ["t1", "t1ce", "t2", "flair"]).cases)
    assert found["x"] == ["x-t1n.nii.gz", "x-t1c.nii.gz", "x-t2w.nii.gz", "x-t2f.nii.gz"]
    assert list(found) == ["x", "y"]


@pytest.mark.parametrize("suffix", [".nrrd", ".mha", ".nii"])
def test_modality_names_are_recognized_in_every_format(tmp_path: Path, suffix: str) -> None:
    folder_with(tmp_path, f"p_T1{suffix}", f"p_FLAIR{suffix}")
    assert cases(survey([tmp_path], ["flair"]).cases) == {"p": [f"p_FLAIR{suffix}"]}


def test_the_models_own_modality_names_count(tmp_path: Path) -> None:
    folder_with(tmp_path, "p_ADC.nii.gz", "p_T1w.nii.gz", "p_FLAIR.nii.gz")
    assert cases(survey([tmp_path], ["FLAIR", "ADC"]).cases) == {"p": ["p_FLAIR.nii.gz", "p_ADC.nii.gz"]}


def test_files_called_by_their_modality_alone_belong_to_the_case_of_their_folder(tmp_path: Path) -> None:
    folder_with(tmp_path / "patient", "T1.nii.gz", "T1ce.nii.gz")
    assert cases(survey([tmp_path], ["t1", "t1ce"]).cases) == {"patient": ["T1.nii.gz", "T1ce.nii.gz"]}


def test_numbered_channels_follow_the_order_of_the_model(tmp_path: Path) -> None:
    folder_with(tmp_path, "a_0001.nii.gz", "a_0000.nii.gz", "b_0000.nii.gz", "b_0001.nii.gz")
    found = cases(survey([tmp_path], ["FLAIR", "T2"]).cases)
    assert found == {"a": ["a_0000.nii.gz", "a_0001.nii.gz"], "b": ["b_0000.nii.gz", "b_0001.nii.gz"]}


def test_numbered_channels_that_the_model_cannot_distinguish_are_refused(tmp_path: Path) -> None:
    folder_with(tmp_path, "a_0001.nii.gz", "a_0000.nii.gz")
    assert "2 numbered channels" in only_reason(survey([tmp_path], ["t1ce"]).cases)


def test_a_case_that_lacks_a_modality_is_refused_and_the_others_stay(tmp_path: Path) -> None:
    folder_with(tmp_path, "a_t1.nii.gz", "b_t1.nii.gz", "b_t2.nii.gz")
    found = survey([tmp_path], ["t1", "t2"]).cases
    assert "a in" in only_reason(found)
    assert "is missing T2" in only_reason(found)
    assert [item.name for item in found if isinstance(item, Input)] == ["b"]


def test_two_files_for_one_modality_are_refused(tmp_path: Path) -> None:
    folder_with(tmp_path, "a_t1ce.nii.gz", "a_t1c.nii.gz")
    assert "are both the T1ce of a" in only_reason(survey([tmp_path], ["t1ce"]).cases)


def test_images_without_modality_are_cases_of_their_own_but_results_and_hidden_files_are_not(tmp_path: Path) -> None:
    folder_with(tmp_path, "a.nii.gz", "b.mha", "a_seg.nii.gz", "a_ET_percent.nii.gz", "._a.nii.gz", "notes.txt")
    assert cases(survey([tmp_path], ["t1ce"]).cases) == {"a": ["a.nii.gz"], "b": ["b.mha"]}


def test_a_folder_of_dicom_files_is_one_series(tmp_path: Path) -> None:
    series_in(tmp_path / "series", "IM0001", "IM0002")
    (found,) = survey([tmp_path], ["t1ce"]).cases
    assert found == Input("series", (tmp_path / "series",), ".nii.gz")


def test_one_file_is_not_enough_for_a_teacher(tmp_path: Path) -> None:
    folder_with(tmp_path, "a_t1.nii.gz")
    assert "needs T1 + T2" in only_reason(survey([tmp_path / "a_t1.nii.gz"], ["t1", "t2"]).cases)


def test_an_empty_folder_and_a_foreign_file_are_refused(tmp_path: Path) -> None:
    folder_with(tmp_path / "full", "table.xlsx")
    (tmp_path / "empty").mkdir()
    assert "nothing that can be segmented" in only_reason(survey([tmp_path / "empty"], ["t1"]).cases)
    assert "convert it" in only_reason(survey([tmp_path / "full" / "table.xlsx"], ["t1"]).cases)


def test_cases_of_one_name_are_distinguished_by_their_folders(tmp_path: Path) -> None:
    folder_with(tmp_path, "one/a.nii.gz", "two/A.nii.gz", "two/b.nii.gz", "s-1/x/t1.nii.gz", "s-2/x/t1.nii.gz")
    assert list(cases(survey([tmp_path], ["t1"]).cases)) == ["one_a", "s-1_x", "s-2_x", "two_A", "b"]


def test_a_case_of_a_folder_that_is_named_by_modality_alone_has_the_name_of_the_present_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder_with(tmp_path / "patient", "t1ce.nii.gz")
    monkeypatch.chdir(tmp_path / "patient")
    assert list(cases(survey([Path()], ["t1ce"]).cases)) == ["patient"]


def test_nothing_to_segment_is_refused_with_the_reason(tmp_path: Path) -> None:
    folder_with(tmp_path, "a_mask.nii.gz")
    with pytest.raises(DataError, match=r"a_mask.nii.gz is a labelmap, mask or map, judging by its name"):
        require_inputs(survey([tmp_path / "a_mask.nii.gz"], ["t1"]))
    assert "only labelmaps" in only_reason(survey([tmp_path], ["t1"]).cases)


def test_patients_that_are_numbered_with_four_digits_are_no_channels(tmp_path: Path) -> None:
    folder_with(tmp_path, "patient_0001.nii.gz", "patient_0002.nii.gz", "patient_0003.nii.gz")
    assert sorted(cases(survey([tmp_path], ["t1ce"]).cases)) == ["patient_0001", "patient_0002", "patient_0003"]


def test_a_series_in_the_present_folder_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    series_in(tmp_path / "series", "IM1", "IM2")
    monkeypatch.chdir(tmp_path / "series")
    assert list(cases(survey([Path()], ["t1ce"]).cases)) == ["series"]


def test_images_that_are_not_named_as_the_others_are_skipped_with_the_reason(tmp_path: Path) -> None:
    folder_with(tmp_path, "pat01.nii.gz", "pat03_t1ce.nii.gz")
    found = survey([tmp_path], ["t1ce"])
    assert [case.name for case in found.cases] == ["pat03"]
    assert [item.name for item in found.skipped] == ["pat01"]
    assert "does not state its modality like that of pat03_t1ce.nii.gz" in found.skipped[0].reason


@pytest.mark.parametrize("stray", ["localizer.nii.gz", "a_survey.mha", "ADC map.nii.gz"])
def test_a_stray_image_hides_no_patients(tmp_path: Path, stray: str) -> None:
    folder_with(tmp_path, stray, "P1/t1ce.nii.gz", "P2/t1ce.nii.gz")
    found = survey([tmp_path], ["t1ce"])
    assert [case.name for case in found.cases] == ["P1", "P2"]
    assert stray in found.skipped[0].reason


def test_a_case_without_the_modality_hides_no_images(tmp_path: Path) -> None:
    folder_with(tmp_path, "a_t2.nii.gz", "b.nii.gz")
    found = survey([tmp_path], ["t1ce"]).cases
    assert "is missing T1ce" in only_reason(found)
    assert [item.name for item in found if isinstance(item, Input)] == ["b"]


def test_a_series_is_found_beside_subfolders_and_segmentations(tmp_path: Path) -> None:
    series_in(tmp_path / "P1", "1.dcm", "2.dcm")
    folder_with(tmp_path / "P1", "previews/a.jpg", "report.pdf", "P1_seg.nii.gz")
    assert cases(survey([tmp_path / "P1"], ["t1ce"]).cases) == {"P1": ["P1"]}


def test_a_directory_of_a_disk_is_not_a_series_and_hides_none(tmp_path: Path) -> None:
    syntax = b"\x02\x00\x10\x00UI\x14\x00" + b"1.2.840.10008.1.2.1\x00"
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + syntax + b"\x04\x00\x30\x11CS\x04\x00DISK")
    series_in(tmp_path / "IMAGES" / "SE1", "1.dcm")
    assert list(cases(survey([tmp_path], ["t1ce"]).cases)) == ["SE1"]


def test_a_series_beside_a_converted_image_that_names_its_modality_is_skipped(tmp_path: Path) -> None:
    folder_with(series_in(tmp_path / "P1", "1.dcm"), "t1ce.nii.gz")
    found = survey([tmp_path], ["t1ce"])
    assert [case.path.name for case in found.cases] == ["t1ce.nii.gz"]
    assert "DICOM files" in found.skipped[0].reason


def test_a_folder_of_results_is_not_a_series(tmp_path: Path) -> None:
    folder_with(tmp_path, "P1/t1ce.nii.gz", "out/P1_seg.nii.gz", "out/P1_ET_percent.nii.gz", "out/volumes.csv", "log.txt")
    assert cases(survey([tmp_path], ["t1ce"]).cases) == {"P1": ["t1ce.nii.gz"]}


def test_each_folder_is_looked_into_once_whatever_links_lead_to_it(tmp_path: Path) -> None:
    folder_with(tmp_path, "P1/t1ce.nii.gz")
    for name in ("A all", "all"):
        (tmp_path / name).symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "P1" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "A alias").symlink_to(tmp_path / "P1", target_is_directory=True)
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    assert list(cases(survey([tmp_path, tmp_path / "P1", tmp_path / "P1" / "t1ce.nii.gz"], ["t1ce"]).cases)) == ["P1"]


def test_the_channels_of_a_file_are_one_case(tmp_path: Path) -> None:
    folder_with(tmp_path, "BRATS_001.nii.gz", "BRATS_001_seg.nii.gz")
    for path in (tmp_path, tmp_path / "BRATS_001.nii.gz"):
        (case,) = survey([path], ["t1", "t1ce"], (1, 2)).cases
        assert isinstance(case, Input)
        assert (case.files, case.channels) == ((tmp_path / "BRATS_001.nii.gz",) * 2, (1, 2))
