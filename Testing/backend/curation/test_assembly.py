"""From chosen series to a case on one grid."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.curation.assembly import Assembled, assemble, target_grid
from kdnet.curation.candidate import Candidate
from kdnet.curation.choice import choose_series
from kdnet.curation.pictures import case_picture
from kdnet.curation.reference_labels import Drawn, volumes_ml
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import write_volume
from kdnet.errors import DataError
from kdnet.preparation.brain import BrainExtractor
from kdnet.preparation.brain_mask import only_brain
from kdnet.schema.raw_studies import CurationSettings
from made_heads import detailed_head, head, position_of, stripped
from made_raw import labels, scan

EXTRACTOR = BrainExtractor(torch.device("cpu"))


def candidate(modality: str, volume: Volume, name: str = "") -> Candidate:
    return Candidate(name or modality, modality, grid=volume.grid, read=lambda: volume)


def assembled(*candidates: Candidate, label_file: Path | None = None, **values: object) -> Assembled:
    modalities = tuple(dict.fromkeys(item.modality for item in candidates))
    settings = CurationSettings(modalities=modalities, **values)  # type: ignore[arg-type]
    drawn = Drawn.read(label_file, candidates) if label_file is not None else None
    chosen = choose_series(candidates, modalities, drawn.scan if drawn is not None else None)
    return assemble(chosen, candidates, drawn, settings, EXTRACTOR)


@pytest.fixture
def segmentation(tmp_path: Path) -> Path:
    path = tmp_path / "seg.nii.gz"
    write_volume(path, labels())
    return path


def test_a_stripped_case_on_one_grid_is_left_as_it_is(segmentation: Path) -> None:
    case = assembled(candidate("t1", scan()), candidate("t2", scan(1)), label_file=segmentation, brain="none")
    assert np.array_equal(case.volumes["t1"].voxels, scan().voxels)
    assert np.array_equal(case.volumes["t2"].voxels, scan(1).voxels)
    assert case.labels is not None
    assert np.array_equal(case.labels.voxels, labels().voxels)
    assert case.done == ("The scans were used as they are.",)
    assert case.warnings == ()


def test_isotropic_voxels_fill_the_same_box(segmentation: Path) -> None:
    case = assembled(candidate("t1", scan()), label_file=segmentation, brain="none", spacing=3.0)
    assert case.labels is not None
    assert case.labels.grid.matches(case.volumes["t1"].grid)
    assert case.volumes["t1"].grid.spacing == pytest.approx((3, 3, 3))
    assert case.volumes["t1"].voxels.dtype == np.int16
    assert volumes_ml(case.labels) == pytest.approx(volumes_ml(labels()))


def test_the_target_grid_keeps_axes_and_center() -> None:
    turned = np.array([[0, -1.0, 0, 7], [1.0, 0, 0, -3], [0, 0, 5.5, 2], [0, 0, 0, 1]])
    grid = Grid((10, 12, 7), turned)
    fine = target_grid(grid, 1.0)
    assert fine.shape == (10, 12, 39)
    for one, other in ((grid, fine),):
        centers = [item.affine @ [*((np.array(item.shape) - 1) / 2), 1] for item in (one, other)]
        assert centers[0] == pytest.approx(centers[1])
    assert target_grid(grid, 0) is grid


def test_a_segmentation_of_unknown_place_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seg.nii.gz"
    affine = np.diag([6.0, 6, 6, 1])
    affine[0, 3] = 40
    write_volume(path, Volume(labels().voxels, Grid(labels().grid.shape, affine)))
    with pytest.raises(DataError, match="geometry of none of the scans"):
        assembled(candidate("t1", scan()), label_file=path, brain="none")


def test_the_brain_of_a_head_is_extracted_from_all_scans(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    volume, brain = head()
    monkeypatch.setattr(BrainExtractor, "mask", lambda _self, _volume: brain)
    tumor = np.zeros(brain.shape, np.uint8)
    tumor[0:6, 30:40, 25:35] = 1  # most of it outside
    tumor[30:34, 30:34, 28:32] = 1
    path = tmp_path / "seg.nii.gz"
    write_volume(path, Volume(tumor, volume.grid))
    case = assembled(candidate("t1", volume), candidate("flair", volume), label_file=path)
    for found in case.volumes.values():
        assert np.array_equal(found.voxels, only_brain(volume, brain).voxels)
    assert np.array_equal(case.head.voxels, volume.voxels)
    assert case.done[-1].startswith("Brain extracted (")
    assert "of the segmentation lies outside the extracted brain" in case.warnings[-1]
    assert case_picture(case).startswith(b"\xff\xd8")


def test_labels_follow_a_scan_that_is_registered(tmp_path: Path) -> None:
    still = detailed_head(np.eye(4), (60, 72, 60), (3.0, 3.0, 3.0), dark=False)
    position = position_of((0, 0, 8), (6, -4, 0))
    turned = detailed_head(position, (60, 72, 30), (3.0, 3.0, 6.0), dark=True)
    point = position @ [125, 138, 110, 1]  # the center of the lesion
    i, j, k = (round(float(value / step)) for value, step in zip(point[:3], turned.grid.spacing, strict=True))
    marked = np.zeros(turned.grid.shape, np.uint8)
    marked[i - 3 : i + 4, j - 3 : j + 4, k - 1 : k + 2] = 1
    path = tmp_path / "seg.nii.gz"
    write_volume(path, Volume(marked, turned.grid))
    case = assembled(
        candidate("t1", still), candidate("t2", turned), label_file=path, brain="none", reference="t1", force=True
    )
    assert case.labels is not None
    center = np.argwhere(case.labels.voxels).mean(axis=0) * 3
    assert center == pytest.approx([125, 138, 110], abs=3)
    assert case.done[0].startswith("T2 registered to T1 (rotated by")


def test_a_picture_of_a_stripped_case_has_a_column_per_modality() -> None:
    volume, brain = head()
    case = assembled(candidate("t1", stripped(volume, brain)), candidate("t2", stripped(volume, brain)), brain="none")
    assert case_picture(case).startswith(b"\xff\xd8")


def test_of_two_series_on_one_grid_the_one_that_the_segmentation_is_named_after_is_used(tmp_path: Path) -> None:
    path = tmp_path / "P1_T1ce-2_tumor.nii.gz"
    write_volume(path, labels())
    first, second = (candidate("t1ce", scan(seed), f"P1/P1_T1ce{number}.nii.gz") for seed, number in ((0, ""), (1, "-2")))
    case = assembled(first, second, label_file=path, brain="none")
    assert np.array_equal(case.volumes["t1ce"].voxels, scan(1).voxels)
    other = path.rename(tmp_path / "P1_T1ce_tumor.nii.gz")
    case = assembled(first, second, label_file=other, brain="none")
    assert np.array_equal(case.volumes["t1ce"].voxels, scan(0).voxels)


def test_a_segmentation_that_may_belong_to_two_series_is_refused(segmentation: Path) -> None:
    twins = [candidate("t1ce", scan(seed), f"P1/T1ce{seed}.nii.gz") for seed in (0, 1)]
    with pytest.raises(DataError, match=r"several T1ce series \(P1/T1ce0.nii.gz, P1/T1ce1.nii.gz\).*T1ce0_seg"):
        assembled(*twins, label_file=segmentation, brain="none")
