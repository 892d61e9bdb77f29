"""The overlay is seen in slice views, in the colors of the labels and at the right place (real rendering)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from capture_demo import SIZE, capture_overlay
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import write_volume
from kdnet.schema.labels import brats_labels


def test_a_block_of_enhancing_tumor_is_seen_where_it_is(tmp_path: Path) -> None:
    shape = (40, 40, 40)
    image = np.full(shape, 100, np.int16)
    image[[0, -1]] = 0
    affine = np.diag([-2.0, -2.0, 2.0, 1.0])
    affine[:3, 3] = [40, 40, -40]
    write_volume(tmp_path / "t1ce.nii.gz", Volume(image, Grid(shape, affine)))
    labelmap = np.zeros(shape, np.uint8)
    labelmap[25:35, 15:25, 15:25] = 3  # i grows to the left: the patient's left, the screen's right
    paths = capture_overlay(tmp_path / "t1ce.nii.gz", labelmap.T, brats_labels(), tmp_path / "pictures")
    axial = sitk.GetArrayFromImage(sitk.ReadImage(str(paths[0]))).astype(int)[..., :3]
    yellow = (axial[..., 0] - axial[..., 2] > 40) & (axial[..., 1] - axial[..., 2] > 20)
    rows, columns = np.nonzero(yellow)
    assert columns.mean() > SIZE * 0.6
    assert abs(rows.mean() - SIZE / 2) < SIZE * 0.05
    assert 0.7 < len(rows) / (SIZE / 40 * 10) ** 2 < 1.4
    assert len(paths) == 3


def test_sagittal_and_coronal_views_show_the_block_at_its_height(tmp_path: Path) -> None:
    shape = (40, 40, 40)
    image = np.full(shape, 100, np.int16)
    image[[0, -1]] = 0
    affine = np.diag([-2.0, -2.0, 2.0, 1.0])
    affine[:3, 3] = [40, 40, -40]
    write_volume(tmp_path / "t1ce.nii.gz", Volume(image, Grid(shape, affine)))
    labelmap = np.zeros(shape, np.uint8)
    labelmap[15:25, 15:25, 28:36] = 3  # k grows to the head: up on the screen
    _, *paths = capture_overlay(tmp_path / "t1ce.nii.gz", labelmap.T, brats_labels(), tmp_path / "pictures")
    for path in paths:
        picture = sitk.GetArrayFromImage(sitk.ReadImage(str(path))).astype(int)[..., :3]
        rows, columns = np.nonzero((picture[..., 0] - picture[..., 2] > 40) & (picture[..., 1] - picture[..., 2] > 20))
        assert abs(rows.mean() / SIZE - (1 - 32 / 40)) < 0.05
        assert abs(columns.mean() / SIZE - 0.5) < 0.05
