"""Resampling with matrices: exact, and free where nothing changes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from kdnet.data.preprocessing.resampling import resample_axis, resampling_matrix


@pytest.mark.parametrize("axis", [-1, -2, -3])
def test_equal_spacing_copies_nothing(axis: int) -> None:
    image = torch.rand(2, 40, 40, 40, generator=torch.Generator().manual_seed(0))
    matrix = torch.from_numpy(resampling_matrix(40, 1.5, 40, 1.5))
    same = resample_axis(image, axis, matrix)
    assert torch.equal(same, image)
    assert same.data_ptr() == image.data_ptr()
    part = resample_axis(image, axis, matrix[7:30])
    assert torch.equal(part, image.narrow(axis, 7, 23))


@pytest.mark.parametrize(("size", "spacing"), [(40, 1.5001), (39, 1.5), (20, 3.0), (80, 0.75)])
def test_any_other_grid_is_what_its_matrix_gives(size: int, spacing: float) -> None:
    image = torch.rand(40, 40, 40, generator=torch.Generator().manual_seed(0))
    matrix = torch.from_numpy(resampling_matrix(40, 1.5, size, spacing, (40 * 1.5 - size * spacing) / 2))
    expected = np.einsum("ti,ijk->tjk", matrix.double(), image.double())
    assert torch.allclose(resample_axis(image, -3, matrix).double(), torch.from_numpy(expected), atol=1e-6)
