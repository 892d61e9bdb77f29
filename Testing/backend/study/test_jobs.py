"""What a model's card says of its training data."""

from __future__ import annotations

import pytest
from kdnet.study.jobs import BRATS, citations, data_format


@pytest.mark.parametrize("name", ["BraTS-GLI-00001-000", "BraTS2021_00000", "BraTS20_Training_001", "Brats18_CBICA_AAB_1"])
def test_data_of_brats_is_cited(name: str) -> None:
    assert set(BRATS) < set(citations([name, "other"]))


@pytest.mark.parametrize("name", ["pat0", "Phantom_000", "sub-01", "hospital_brats_1"])
def test_no_data_is_cited_that_was_not_used(name: str) -> None:
    assert not set(BRATS) & set(citations([name]))


@pytest.mark.parametrize(
    ("cases", "expected"),
    [
        (["Phantom_000", "Phantom_001"], "phantom"),
        (["Phantom_000", "Patient_001"], "BraTS"),
        (["BraTS-GLI-00001-000"], "BraTS"),
        ([], "BraTS"),
    ],
)
def test_a_model_of_the_phantom_says_so_although_it_has_the_layout_of_brats(cases: list[str], expected: str) -> None:
    assert data_format("BraTS", cases) == expected
