"""Scans are registered to the reference, or through another scan."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import SimpleITK as sitk
from kdnet.curation import register as module
from kdnet.curation.register import register
from kdnet.data.volumes.grid import Volume
from kdnet.errors import DataError
from kdnet.preparation.registration import Alignment
from made_raw import scan

VOLUMES = {"t1ce": scan(), "t2": scan(1, shape=(24, 28, 20)), "flair": scan(2, shape=(24, 28, 18))}
NAMES = {name: name.upper() for name in VOLUMES}


def aligned(good: Callable[[Volume, Volume], bool]) -> Callable[..., Alignment]:
    def align(fixed: Volume, moving: Volume, _mask: object = None) -> Alignment:
        shift = (float(moving.grid.shape[2] - fixed.grid.shape[2]), 0, 0)
        transform = sitk.Euler3DTransform()
        transform.SetTranslation(shift)
        return Alignment(transform, 1.0, 0.2 if good(fixed, moving) else 0.0, 1.0, 0.0)

    return align


def test_a_scan_that_does_not_fit_the_reference_is_placed_through_another(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = {VOLUMES["t1ce"].grid.shape, VOLUMES["t2"].grid.shape}
    monkeypatch.setattr(module, "align", aligned(lambda one, two: {one.grid.shape, two.grid.shape} != pair))
    found = register(VOLUMES, NAMES, "t1ce", None)
    assert set(found) == {"t2", "flair"}
    assert (found["t2"].through, found["flair"].through) == ("flair", "")
    assert found["t2"].transform.TransformPoint((0.0, 0.0, 0.0)) == pytest.approx((-2, 0, 0))
    assert found["t2"].degrees == pytest.approx(0, abs=1e-3)
    inside = scan().voxels != 0
    assert set(register(VOLUMES, NAMES, "t1ce", inside)) == set(found)


def test_a_scan_that_fits_none_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "align", aligned(lambda _one, two: two is not VOLUMES["t2"]))
    with pytest.raises(DataError, match="T2 could not be registered to T1CE"):
        register(VOLUMES, NAMES, "t1ce", None)


def test_a_patient_who_moved_between_scans_of_one_geometry_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    volumes = {"t1": scan(), "t2": scan(1)}
    for shift, moved in ((5.0, {"t2"}), (0.5, set())):
        transform = sitk.Euler3DTransform()
        transform.SetTranslation((shift, 0, 0))
        monkeypatch.setattr(module, "align", lambda *_, found=transform: Alignment(found, 1.0, 0.2, 1.0, 0.0))
        assert set(register(volumes, NAMES, "t1", scan().voxels != 0)) == moved
        assert register(volumes, NAMES, "t1", None) == {}


def test_scans_on_the_grid_of_the_reference_are_not_touched() -> None:
    assert register({"t1": scan(), "t2": scan(1)}, NAMES, "t1", None) == {}
