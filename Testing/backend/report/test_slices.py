"""Slices of a case in the colors of the label table."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from kdnet.report.content import Overlay
from kdnet.report.slices import PIXELS, slice_pictures
from kdnet.schema.labels import brats_labels
from matplotlib.image import imread


def pixels(address: str) -> np.ndarray:
    head, _, data = address.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(imread(io.BytesIO(base64.b64decode(data)), format="png"))[..., :3]


def overlay(spacing: tuple[float, float] = (1.0, 1.0)) -> Overlay:
    """A head of 20 x 10 pixels; its tumor lies to the left and in front, that is, at small indices."""
    image, labelmap = np.zeros((40, 40)), np.zeros((40, 40), np.uint8)
    image[10:30, 10:20] = 100
    labelmap[11:15, 11:13] = 3
    return Overlay("case", "student", image, labelmap, spacing)


def test_the_plain_slice_comes_first_and_is_gray() -> None:
    plain, painted = (pixels(address) for address in slice_pictures([overlay()], brats_labels()))
    assert np.ptp(plain, axis=2).max() == 0
    assert np.ptp(painted, axis=2).max() > 0.3


def test_the_first_axis_runs_to_the_right_and_the_second_down() -> None:
    painted = pixels(slice_pictures([overlay()], brats_labels())[1])
    rows, columns = np.nonzero(np.ptp(painted, axis=2))
    assert rows.mean() < painted.shape[0] / 2
    assert columns.mean() < painted.shape[1] / 2


def test_edges_have_the_very_color_of_the_table() -> None:
    painted = pixels(slice_pictures([overlay()], brats_labels())[1])
    color = np.array(brats_labels().labels[2].color)
    assert (np.round(painted * 255) == color).all(axis=2).any()


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (1.0, 3.0), (0.5, 0.25)])
def test_pictures_keep_the_proportions_of_the_patient(spacing: tuple[float, float]) -> None:
    height, width = pixels(slice_pictures([overlay(spacing)], brats_labels())[0]).shape[:2]
    assert max(height, width) == pytest.approx(PIXELS, abs=2)
    assert width / height == pytest.approx(28 * spacing[0] / (18 * spacing[1]), rel=0.02)


def test_an_empty_slice_has_a_picture_too() -> None:
    blank = Overlay("case", "reference", np.zeros((8, 8)), np.zeros((8, 8), np.uint8))
    assert pixels(slice_pictures([blank], brats_labels())[1]).max() == 0
