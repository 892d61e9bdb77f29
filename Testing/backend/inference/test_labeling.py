"""Labels from scores: only part of them is resampled, and the result is that of resampling all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kdnet.data.preprocessing.prepare import CropTransform
from kdnet.data.preprocessing.resampling import resample_axis, resampling_matrix
from kdnet.data.volumes.grid import Grid
from kdnet.inference.labeling import label, label_with_maps
from kdnet.schema.labels import Label, LabelMode, LabelTable, Region, brats_labels

EXCLUSIVE = LabelTable(
    LabelMode.EXCLUSIVE, (Label(1, "core", (1, 0, 0)), Label(2, "edema", (0, 1, 0))), (Region("core", (1,)),)
)


def transform_of(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], prepared: float, flips: tuple[bool, bool, bool]
) -> CropTransform:
    """Return the transform of a volume stored as (superior, right, anterior) with a margin of one voxel around its box."""
    stored = (shape[2] + 2, shape[0] + 2, shape[1] + 2)
    box = tuple((1, size + 1) for size in shape)
    sizes = tuple(max(1, round(size * step / prepared)) for size, step in zip(shape, spacing, strict=True))
    return CropTransform(
        Grid(stored, np.eye(4)),
        (1, 2, 0),
        flips,
        box,
        spacing,
        sizes,
        (prepared,) * 3,  # type: ignore[arg-type]
    )


def plain(logits: torch.Tensor, transform: CropTransform, table: LabelTable) -> np.ndarray:
    """Resample all scores, then take the labels."""
    scores, matrices = logits, transform.matrices(back=True)
    for axis in (-2, -3, -1):
        scores = torch.matmul(matrices[axis], scores.movedim(axis, -2)).movedim(-2, axis)
    labelmap = np.zeros(transform.original.shape, dtype=np.uint8)
    transform.cropped(labelmap)[...] = table.decode(scores[None])[0].numpy()
    return labelmap


@pytest.mark.parametrize("table", [brats_labels(), EXCLUSIVE], ids=["regions", "exclusive"])
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    shape=st.tuples(*[st.integers(3, 40)] * 3),
    spacing=st.tuples(*[st.sampled_from([0.4, 0.7, 1.0, 1.3, 3.0, 6.0])] * 3),
    flips=st.tuples(*[st.booleans()] * 3),
    rarity=st.sampled_from([0.0, 0.5, 2.0, 3.0, 9.0]),
)
def test_labels_are_those_of_resampling_everything(
    table: LabelTable,
    seed: int,
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    flips: tuple[bool, bool, bool],
    rarity: float,
) -> None:
    transform = transform_of(shape, spacing, 2.0, flips)
    logits = torch.randn(table.channels, *transform.shape, generator=torch.Generator().manual_seed(seed))
    if table.mode is LabelMode.EXCLUSIVE:
        logits[0] += rarity
    else:
        logits -= rarity
    stages: list[int] = []
    found = label(logits, transform, table, lambda progress: stages.append(progress.done))
    assert np.array_equal(found, plain(logits, transform, table))
    assert stages[-1] == shape[0]
    everywhere, maps = label_with_maps(logits, transform, table, lambda _progress: None)
    assert np.array_equal(found, everywhere)
    within, some = label_with_maps(logits, transform, table, lambda _progress: None, everywhere=False)
    assert np.array_equal(found, within)
    assert all(np.array_equal(some[name][found > 0], voxels[found > 0]) for name, voxels in maps.items())


def test_a_tie_with_the_background_is_background() -> None:
    transform = transform_of((8, 8, 8), (1.0, 1.0, 1.0), 2.0, (False, False, False))
    logits = torch.zeros(EXCLUSIVE.channels, *transform.shape)
    assert not label(logits, transform, EXCLUSIVE, lambda _progress: None).any()


def test_bands_of_a_matrix_give_its_product() -> None:
    matrix = torch.from_numpy(resampling_matrix(150, 1.0, 61, 2.45, 0.2))
    image = torch.randn(2, 5, 150, 7, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(resample_axis(image, -2, matrix), torch.einsum("ts,bisk->bitk", matrix, image), atol=1e-5)
