"""Which files are no scans, by their names."""

from __future__ import annotations

import pytest
from kdnet.segmentation.not_scans import is_no_scan


@pytest.mark.parametrize(
    "stem",
    [
        *("P1_seg", "P1-seg", "BraTS-GLI-00001-000-seg", "P1_seg_kdnet", "a_ET_percent", "a_Lesion-core_percent_kdnet"),
        *("Segmentation.seg", "Segmentation", "Segmentation_1", "Segmentation 2", "MRHead-label", "labels", "label_0001"),
        *(
            "x_mask",
            "brainmask",
            "tumorMask",
            "P1_lesion_roi",
            "P1_gt",
            "P1 groundTruth",
            "sub-01_dseg",
            "sub-01_label-GM_probseg",
        ),
        *("P1_seg_final", "P1_seg_v2", "P1_seg2", "P1_seg_corrected", "aseg", "P1_pred", "P1_tumor-segmentation"),
        *("MRHead probability ET (%)", "MRHead uncertainty (%)", "P1_mask_t1ce", "P1_seg_t1ce", "P1_contour"),
    ],
)
def test_labelmaps_masks_maps_and_results_are_no_scans(stem: str) -> None:
    assert is_no_scan(stem, ("t1ce",))


@pytest.mark.parametrize(
    "stem",
    [
        *("P1_t1ce", "MRHead", "scan", "t1ce", "case_0000", "MSSEG_01_flair", "MR-SEG-007_t1ce", "T1 masked", "t1_brain"),
        *("sub-01_ses-1_T1w", "Maskell_01", "IM0001", "Labella", "Segal-7_t1", "P1_final", "1"),
    ],
)
def test_scans_are_scans(stem: str) -> None:
    assert not is_no_scan(stem, ("t1ce",))
