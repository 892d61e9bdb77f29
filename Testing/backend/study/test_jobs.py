"""What a model's card says of its training data."""

from __future__ import annotations

import pytest
from kdnet.study.jobs import BRATS, citations


@pytest.mark.parametrize("name", ["BraTS-GLI-00001-000", "BraTS2021_00000", "BraTS20_Training_001", "Brats18_CBICA_AAB_1"])
def test_data_of_brats_is_cited(name: str) -> None:
    assert set(BRATS) < set(citations([name, "other"]))


@pytest.mark.parametrize("name", ["pat0", "Phantom_000", "sub-01", "hospital_brats_1"])
def test_no_data_is_cited_that_was_not_used(name: str) -> None:
    assert not set(BRATS) & set(citations([name]))
