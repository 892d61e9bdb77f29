"""Gap recoveries of published methods."""

from __future__ import annotations

import pytest
from kdnet.report.published import published_recoveries

BRATS = ("ET", "TC", "WT")


def shares(modality: str) -> dict[str, float]:
    return {item.method: round(item.share, 2) for item in published_recoveries(modality, BRATS)}


def test_published_shares_are_those_of_the_method_document() -> None:
    assert shares("t1ce") == {"KD-Net": 0.42, "PMKL": 0.09, "ProtoKD": 0.51}
    assert shares("t1")["ProtoKD"] == 0.19
    assert shares("t1")["KD-Net"] < 0


def test_students_of_other_modalities_are_held_against_t1ce() -> None:
    assert {item.modality for item in published_recoveries("t1+t2", BRATS)} == {"t1ce"}


@pytest.mark.parametrize("regions", [("lesion",), ("ET", "TC"), ()])
def test_other_regions_have_no_published_figures(regions: tuple[str, ...]) -> None:
    assert published_recoveries("t1ce", regions) == ()
