"""Plausible labels: nested, without debris, measured in mm, and stable."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kdnet.inference.decoding import VoxelLabels, decode, label_voxels, make_plausible
from kdnet.schema.decoding import Decoding, RegionDecoding, default_decoding
from kdnet.schema.labels import LabelTable, brats_labels, exclusive_labels, pediatric_labels, post_treatment_labels
from scipy import ndimage

TABLE = brats_labels()
TABLES = {
    "brats": TABLE,
    "pediatric": pediatric_labels(),
    "post-treatment": post_treatment_labels(),
    "exclusive": exclusive_labels({1: "a", 2: "b"}),
}
CORE, EDEMA, ENHANCING = 1, 2, 3
SPACINGS = st.tuples(*[st.sampled_from([0.5, 0.7, 1.0, 2.0, 6.0])] * 3)


def cleaned(
    labels: np.ndarray,
    decoding: Decoding,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    inward: np.ndarray | None = None,
    table: LabelTable = TABLE,
) -> np.ndarray:
    voxels = VoxelLabels(labels.copy(), np.zeros(labels.shape, bool) if inward is None else inward)
    make_plausible(voxels, spacing, table, decoding)
    return voxels.labels


def sizes_of(region: str, **sizes: float) -> Decoding:
    return Decoding((RegionDecoding(region, **sizes),))


def scores(*masks: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack(masks)).float() * 8 - 4


def block(shape: tuple[int, int, int], *values: tuple[int, slice]) -> np.ndarray:
    """Concentric cubes: each value fills its slice along all three axes."""
    labels = np.zeros(shape, np.uint8)
    for value, part in values:
        labels[part, part, part] = value
    return labels


SIZES = st.sampled_from([0.0, 2.0, 9.0, 40.0, 200.0])
SETTINGS = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**20),
        "shape": st.tuples(*[st.integers(1, 10)] * 3),
        "blur": st.sampled_from([0.0, 0.6, 1.2]),
        "sizes": st.lists(st.tuples(SIZES, SIZES), min_size=4, max_size=4),
        "rim": st.sampled_from([2.0, 3.0, 4.5]),
        "thin": st.integers(0, 4),
        "spacing": SPACINGS,
    }
)
"""What :func:`made` makes a case of."""


class Made(NamedTuple):
    labels: np.ndarray
    inward: np.ndarray
    decoding: Decoding
    spacing: tuple[float, float, float]


def made(settings: dict[str, Any], table: LabelTable = TABLE) -> Made:
    """Blobs of all labels, what the scores prefer, and sizes that bite at this scale."""
    random, shape = np.random.default_rng(settings["seed"]), settings["shape"]
    values = np.array([0, *(label.value for label in table.labels)], np.uint8)
    blobs = [ndimage.gaussian_filter(random.normal(size=shape), settings["blur"]) for _ in values]
    names = [item.name for item in (table.labels if table is TABLES["exclusive"] else table.regions)]
    regions = tuple(
        RegionDecoding(name, *sizes, settings["rim"] if index == settings["thin"] else 0.0)
        for index, (name, sizes) in enumerate(zip(names, settings["sizes"], strict=False))
    )
    labels = values[np.argmax(np.stack(blobs), axis=0)]
    return Made(labels, random.random(shape) < 0.5, Decoding(regions), settings["spacing"])


@pytest.mark.parametrize("name", TABLES)
@settings(max_examples=20, deadline=None)
@given(case=SETTINGS)
def test_decoding_again_changes_nothing(name: str, case: dict[str, Any]) -> None:
    table = TABLES[name]
    labels, inward, decoding, spacing = made(case, table)
    once = cleaned(labels, decoding, spacing, inward, table)
    assert np.array_equal(cleaned(once, decoding, spacing, inward, table), once)


@settings(max_examples=20, deadline=None)
@given(
    case=SETTINGS, axes=st.sampled_from([axes for count in (1, 2, 3) for axes in itertools.combinations(range(3), count)])
)
def test_mirroring_and_decoding_commute(case: dict[str, Any], axes: tuple[int, ...]) -> None:
    labels, inward, decoding, spacing = made(case)
    mirrored = cleaned(np.flip(labels, axes), decoding, spacing, np.flip(inward, axes))
    assert np.array_equal(np.flip(mirrored, axes), cleaned(labels, decoding, spacing, inward))


@settings(max_examples=15, deadline=None)
@given(case=SETTINGS, margin=st.integers(1, 5))
def test_the_place_in_the_scan_does_not_matter(case: dict[str, Any], margin: int) -> None:
    labels, inward, decoding, spacing = made(case)
    padded = cleaned(np.pad(labels, margin), decoding, spacing, np.pad(inward, margin))
    inside = (slice(margin, -margin),) * 3
    assert np.array_equal(padded[inside], cleaned(labels, decoding, spacing, inward))
    assert np.count_nonzero(padded) == np.count_nonzero(padded[inside])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**20), spacing=SPACINGS, name=st.sampled_from(["brats", "pediatric", "post-treatment"]))
def test_labels_are_exclusive_and_regions_lie_within_those_that_contain_them(
    seed: int, spacing: tuple[float, float, float], name: str
) -> None:
    table = TABLES[name]
    logits = torch.randn(table.channels, 8, 9, 7, generator=torch.Generator().manual_seed(seed))
    labels = decode(logits, spacing, table, default_decoding(table))
    assert set(np.unique(labels)) <= {0, *(label.value for label in table.labels)}
    nested = decode(logits, spacing, table, Decoding())
    for channel, region in enumerate(table.regions):
        for other, around in enumerate(table.regions):
            if set(region.values) < set(around.values):
                found = np.isin(nested, region.values)
                assert (logits[other].numpy()[found] > 0).all()
                assert (logits[channel].numpy()[found] > 0).all()


def test_a_card_without_a_decoding_labels_each_voxel_by_itself() -> None:
    logits = torch.randn(3, 6, 6, 6, generator=torch.Generator().manual_seed(0))
    assert np.array_equal(decode(logits, (1.0, 1.0, 1.0), TABLE, None), TABLE.decode(logits[None])[0].numpy())


def test_a_region_counts_only_within_those_around_it() -> None:
    enhancing, core, whole = (np.zeros((3, 1, 1), bool) for _ in range(3))
    enhancing[:] = True
    core[:2] = True
    whole[0] = True
    labels = decode(scores(enhancing, core, whole), (1.0, 1.0, 1.0), TABLE, Decoding())
    assert labels.ravel().tolist() == [ENHANCING, 0, 0]


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.5, 0.5, 4.0), (2.0, 0.5, 1.0)])
def test_parts_are_measured_in_cubic_millimeters(spacing: tuple[float, float, float]) -> None:
    labels = np.zeros((12, 5, 5), np.uint8)
    labels[0:2], labels[3:7] = EDEMA, EDEMA  # of 50 and 100 voxels of 1 mm³
    part = 50.0
    assert np.array_equal(cleaned(labels, sizes_of("WT", smallest_part=part), spacing), labels)
    left = cleaned(labels, sizes_of("WT", smallest_part=part + 0.1), spacing)
    assert not left[0:2].any()
    assert np.array_equal(left[3:], labels[3:])


def test_a_small_part_goes_to_the_region_around_it() -> None:
    labels = block((9, 9, 9), (EDEMA, slice(1, 8)), (ENHANCING, slice(4, 5)))
    core = cleaned(labels, sizes_of("ET", smallest_part=2.0))
    assert core[4, 4, 4] == CORE  # TC is kept
    edema = cleaned(labels, Decoding((RegionDecoding("ET", 2.0), RegionDecoding("TC", 2.0))))
    assert edema[4, 4, 4] == EDEMA


def test_parts_that_touch_at_a_corner_are_one() -> None:
    labels = np.zeros((4, 4, 4), np.uint8)
    labels[0, 0, 0] = labels[1, 1, 1] = EDEMA
    assert np.array_equal(cleaned(labels, sizes_of("WT", smallest_part=2.0)), labels)


def test_small_holes_are_filled_and_large_ones_kept() -> None:
    labels = block((11, 11, 11), (ENHANCING, slice(1, 10)), (CORE, slice(4, 7)))  # a hole of 27 mm³ in ET
    assert np.array_equal(cleaned(labels, sizes_of("ET", smallest_hole=27.0)), labels)
    assert (cleaned(labels, sizes_of("ET", smallest_hole=27.1))[4:7, 4:7, 4:7] == ENHANCING).all()
    labels[4:7, 4:7, 4:7] = 0
    filled = cleaned(labels, sizes_of("WT", smallest_hole=28.0))
    assert (filled[4:7, 4:7, 4:7] == EDEMA).all()


def test_what_reaches_the_edge_of_the_scan_is_not_a_hole() -> None:
    labels = np.full((5, 5, 5), EDEMA, np.uint8)
    labels[2, 2, :3] = 0
    assert np.array_equal(cleaned(labels, sizes_of("WT", smallest_hole=100.0)), labels)


def test_a_hole_with_another_region_in_it_is_kept() -> None:
    labels = np.full((5, 5, 5), 1, np.uint8)
    labels[2, 2, 2] = 2
    table = TABLES["exclusive"]
    assert np.array_equal(cleaned(labels, sizes_of("a", smallest_hole=9.0), table=table), labels)


def rimmed() -> np.ndarray:
    return block((15, 15, 15), (EDEMA, slice(0, 15)), (CORE, slice(2, 13)), (ENHANCING, slice(3, 12)), (CORE, slice(5, 10)))


@pytest.mark.parametrize(("preferred", "expected"), [(True, ENHANCING), (False, EDEMA)])
def test_a_thin_rim_of_core_goes_to_a_neighbor_by_score(preferred: bool, expected: int) -> None:
    labels = rimmed()
    left = cleaned(labels, sizes_of("TC", thinnest_rim=3.0), inward=np.full(labels.shape, preferred))
    assert left[2, 7, 7] == left[7, 12, 7] == expected
    assert (left[5:10, 5:10, 5:10] == CORE).all(), "a core inside the enhancing tumor stays"
    assert (left[5:10, 5:10, 3:5] == ENHANCING).all()


def test_a_thin_core_inside_the_enhancing_tumor_stays() -> None:
    labels = block((11, 11, 11), (EDEMA, slice(0, 11)), (ENHANCING, slice(2, 9)))
    labels[5, 4:7, 4:7] = CORE
    assert np.array_equal(cleaned(labels, sizes_of("TC", thinnest_rim=6.0)), labels)


def test_a_core_without_enhancing_tumor_stays() -> None:
    labels = block((7, 7, 7), (EDEMA, slice(0, 7)), (CORE, slice(3, 4)))
    assert np.array_equal(cleaned(labels, sizes_of("TC", thinnest_rim=6.0)), labels)


@pytest.mark.parametrize(("step", "is_rim"), [(0.5, True), (1.0, True), (2.5, False)])
def test_rims_are_measured_in_millimeters(step: float, is_rim: bool) -> None:
    """A plate of core two voxels thick between enhancing tumor and edema is a rim if a ball of 4 mm is thicker."""
    labels = np.full((16, 17, 17), EDEMA, np.uint8)
    labels[2:9, 2:15, 2:15], labels[9:11, 2:15, 2:15] = ENHANCING, CORE
    left = cleaned(labels, sizes_of("TC", thinnest_rim=4.0), (step, 1.0, 1.0))
    assert bool(left[9, 8, 8] == EDEMA) is is_rim


def test_the_scores_say_to_which_neighbor_a_rim_goes() -> None:
    logits = torch.full((3, 1, 1, 2), 3.0)
    logits[0], logits[1] = -0.1, 0.1  # nearly enhancing, hardly core
    logits[0, ..., 1] = -5.0
    voxels = label_voxels(logits, TABLE, sizes_of("TC", thinnest_rim=2.0))
    assert voxels.labels.ravel().tolist() == [CORE, CORE]
    assert voxels.inward.ravel().tolist() == [True, False]


def test_balls_cover_what_an_opening_with_a_ball_leaves(random: np.random.Generator) -> None:
    from kdnet.inference.decoding import _opened

    mask = np.pad(ndimage.gaussian_filter(random.normal(size=(20, 24, 18)), 1.5) > 0, 1)
    spacing, radius = (0.7, 1.0, 2.1), 2.1
    steps = [np.arange(-int(radius / step + 1e-6), int(radius / step + 1e-6) + 1) * step for step in spacing]
    ball = sum(axis**2 for axis in np.meshgrid(*steps, indexing="ij")) <= radius**2 + 1e-6
    assert np.array_equal(_opened(mask, radius, spacing), ndimage.binary_opening(mask, ball))
