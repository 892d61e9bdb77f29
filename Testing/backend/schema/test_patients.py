"""Whose visit a case is."""

from __future__ import annotations

import pytest
from kdnet.schema.patients import patient_of


@pytest.mark.parametrize(
    ("case", "patient"),
    [
        ("BraTS-GLI-00001-100", "BraTS-GLI-00001"),
        ("BraTS-SSA-00002-000", "BraTS-SSA-00002"),
        ("BraTS-MEN-RT-0001-1", "BraTS-MEN-RT-0001"),
        ("UPENN-GBM-00001_11", "UPENN-GBM-00001"),
        ("TCGA-02-0006_1996.08.23", "TCGA-02-0006"),
        ("sub-01_ses-2", "sub-01"),
        ("P1_visit2", "P1"),
        ("Patient-001_week-000-1", "Patient-001"),
        ("Patient-001_week-044", "Patient-001"),
        ("RHUH-0001_2", "RHUH-0001"),
        ("MRN123_20190304", "MRN123"),
        ("yale_00012_2015-03-02", "yale_00012"),
        ("W1_1996.08.23", "W1"),
        ("P01_V2", "P01"),
        ("P01_T0", "P01"),
        ("P1_preop", "P1"),
        ("P1_post", "P1"),
        ("P1_follow-up2", "P1"),
        ("glioma_scan_001", "glioma_scan_001"),
        ("Hospital_day_001", "Hospital_day_001"),
        ("scan_20190304", "scan_20190304"),
        ("Brats18_2013_10_10", "Brats18_2013_10_10"),
        ("BraTS2021_00000", "BraTS2021_00000"),
        ("Brats18_2013_10_1", "Brats18_2013_10_1"),
        ("Phantom_003", "Phantom_003"),
    ],
)
def test_names_give_the_patient_where_they_follow_a_known_scheme(case: str, patient: str) -> None:
    assert patient_of(case) == patient
