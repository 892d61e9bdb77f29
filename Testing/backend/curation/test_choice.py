"""The best series of each modality, and the reference."""

from __future__ import annotations

import numpy as np
import pytest
from kdnet.curation.candidate import Candidate, coverage_mm, slice_axis
from kdnet.curation.choice import choose_series, reference_modality
from kdnet.data.volumes.grid import Grid
from kdnet.errors import DataError


def candidate(
    name: str,
    spacing: tuple[float, float, float] = (1, 1, 1),
    shape: tuple[int, int, int] = (200, 200, 160),
    modality: str = "t1",
    **values: object,
) -> Candidate:
    return Candidate(name, modality, grid=Grid(shape, np.diag([*spacing, 1.0])), **values)  # type: ignore[arg-type]


def best(*candidates: Candidate) -> str:
    return choose_series(candidates, ("t1",)).scans["t1"].name


def test_the_axis_across_the_slices() -> None:
    assert slice_axis(Grid((20, 256, 256), np.diag([6.0, 1, 1, 1]))) == 0
    assert coverage_mm(Grid((256, 256, 26), np.diag([1.0, 1, 5.5, 1]))) == pytest.approx(143)


def test_thin_slices_win() -> None:
    thick = candidate("thick", (0.5, 0.5, 5.5), (512, 512, 28))
    assert best(thick, candidate("thin")) == "thin"


def test_coverage_wins_over_thin_slices() -> None:
    slab = candidate("slab", (1, 1, 1), (200, 200, 60))
    assert best(slab, candidate("whole", (0.5, 0.5, 5.5), (512, 512, 28))) == "whole"


def test_an_original_wins_over_a_derived_series() -> None:
    derived = candidate("derived", original=False)
    thick = candidate("original", (0.5, 0.5, 5.5), (512, 512, 28))
    assert best(derived, thick) == "original"
    assert best(derived) == "derived"


def test_a_repeated_series_wins() -> None:
    assert best(candidate("first", number=3), candidate("second", number=7)) == "second"


def test_skipped_series_have_reasons() -> None:
    chosen = choose_series([candidate("a"), candidate("b", number=2), candidate("c", modality="t2")], ("t1",))
    assert dict(chosen.skipped) == {"a": "b is the better T1", "c": "T2 is not needed"}


def test_a_missing_modality_names_what_came_close() -> None:
    broken = Candidate("P1/7", "t1ce", "it has only 3 slices")
    with pytest.raises(DataError, match=r"no usable T1ce among 2 series \(P1/7: it has only 3 slices\)"):
        choose_series([candidate("a"), broken], ("t1", "t1ce"))
    with pytest.raises(DataError, match="--modalities"):
        choose_series([candidate("a")], ("t1", "t2"))


def test_the_reference_is_the_scan_with_the_segmentation_or_the_finest() -> None:
    thick = candidate("f", (1, 1, 6), (200, 200, 26), "flair")
    scans = {"t1": candidate("t", modality="t1"), "t1ce": candidate("c", modality="t1ce"), "flair": thick}
    assert reference_modality(scans, "auto", None) == "t1ce"
    assert reference_modality(scans, "auto", thick.grid) == "flair"
    assert reference_modality(scans, "t1", thick.grid) == "t1"
    thick_ce = {**scans, "t1ce": candidate("c", (1, 1, 6), (200, 200, 26), "t1ce")}
    assert reference_modality(thick_ce, "auto", None) == "t1"
