"""Labels move with their scan, and none is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from kdnet.curation.label_files import is_label_name, may_be_reference, references_of
from kdnet.curation.reference_labels import check_labels, moved_labels, read_labels, volumes_ml
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import write_volume
from kdnet.errors import DataError
from made_raw import labels


def test_names_of_segmentations() -> None:
    assert is_label_name("P1_seg")
    assert not is_label_name("P1_t1ce")
    for name in ("P1_brain_mask", "hdbet_mask", "tumor_prediction", "P1_probabilities"):
        assert not may_be_reference(Path(f"{name}.nii.gz")), name
    seg, other = Path("P1_seg.nii.gz"), Path("P1_tumor_labels.nii.gz")
    assert references_of((other, seg)) == (seg,)
    assert references_of((other,)) == (other,)
    assert references_of(()) == ()


def test_labels_on_a_finer_grid_keep_their_volumes() -> None:
    before = labels()
    fine = Grid((48, 56, 44), np.diag([3.0, 3, 3, 1]))
    fine.affine[:3, 3] = -1.5
    after = moved_labels(before, fine, sitk.Transform())
    assert volumes_ml(after) == pytest.approx(volumes_ml(before))
    assert check_labels(before, after) == ()


def test_labels_move_with_the_transform() -> None:
    shift = sitk.TranslationTransform(3, (-6.0, 0.0, 0.0))  # LPS: the target's points lie 6 mm to the right in the labels
    moved = moved_labels(labels(), labels().grid, shift)
    assert np.array_equal(moved.voxels[:-1], labels().voxels[1:])


def test_a_label_that_vanishes_is_refused_and_one_that_shrinks_is_reported() -> None:
    before = labels()
    cut = before.voxels.copy()
    cut[cut == 1] = 2
    with pytest.raises(DataError, match=r"label 1 \(1.7 mL\) .* would be lost .*--reference, --spacing"):
        check_labels(before, Volume(cut, before.grid))
    smaller = before.voxels.copy()
    smaller[8:10] = 0
    (change,) = check_labels(before, Volume(smaller, before.grid))
    assert change.startswith("Label 2 has")


def test_a_file_of_other_values_is_no_segmentation(tmp_path: Path) -> None:
    path = tmp_path / "seg.nii.gz"
    write_volume(path, Volume(labels().voxels.astype(np.float32), labels().grid))
    assert read_labels(path).voxels.dtype == np.uint8
    write_volume(path, Volume(labels().voxels.astype(np.float32) / 2, labels().grid))
    with pytest.raises(DataError, match="not a labelmap"):
        read_labels(path)
