"""How files and channels of public data sets spell modalities."""

from __future__ import annotations

import pytest
from kdnet.schema.modalities import FilePart, channel_modality, file_part


@pytest.mark.parametrize(
    ("stem", "case", "part"),
    [
        ("BraTS20_Training_001_t1ce", "BraTS20_Training_001", "t1ce"),
        ("BraTS-GLI-00001-100-t1n", "BraTS-GLI-00001-100", "t1"),
        ("BraTS-GLI-00001-100-t2f", "BraTS-GLI-00001-100", "flair"),
        ("BraTS-MEN-RT-0001-1_gtv", "BraTS-MEN-RT-0001-1", "reference"),
        ("UPENN-GBM-00001_11_T1GD", "UPENN-GBM-00001_11", "t1ce"),
        ("UPENN-GBM-00001_11_T2-FLAIR", "UPENN-GBM-00001_11", "flair"),
        ("UPENN-GBM-00001_11_segm", "UPENN-GBM-00001_11", "reference"),
        ("UCSF-PDGM-0004_tumor_segmentation", "UCSF-PDGM-0004", "reference"),
        ("P1_T1_post", "P1", "t1ce"),
        ("P1_post_t1ce", "P1_post", "t1ce"),
        ("sub-01_T1w", "sub-01", "t1"),
        ("sub-01_ses-2_acq-mprage_ce-gadolinium_run-1_T1w", "sub-01_ses-2", "t1ce"),
        ("sub-01_acq-pre_T1w", "sub-01", "t1"),
        ("sub-01_ce-none_T1w", "sub-01", "t1"),
        ("sub-01_ce-gadolinium_T2w", "sub-01", "t2"),
        ("sub-01_space-T1w_FLAIR", "sub-01", "flair"),
        ("sub-01_space-T1w_label-lesion_mask", "sub-01", "reference"),
        ("t1ce", "", "t1ce"),
    ],
)
def test_a_file_name_gives_case_and_modality(stem: str, case: str, part: str) -> None:
    assert file_part(stem) == FilePart(case, part)


@pytest.mark.parametrize(
    "stem", ["PT2034", "P1_T2star", "sub-01_T1map", "sub-01_bold", "UCSF-PDGM-0004_brain_segmentation", "P1_ADC"]
)
def test_other_names_give_nothing(stem: str) -> None:
    assert file_part(stem) is None


def test_channels_are_named_in_many_ways() -> None:
    spelt = {
        "T1w": "t1",
        "T1 Gd": "t1ce",
        "t1gd": "t1ce",
        "T1 post-contrast": "t1ce",
        "T2-FLAIR": "flair",
        "T2-weighted": "t2",
    }
    assert {name: channel_modality(name) for name in spelt} == spelt
    assert [channel_modality(name) for name in ("CT", "ADC", "noNormalization", "T2*")] == [""] * 4
