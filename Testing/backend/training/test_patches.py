"""A training patch depends on seed, step and slot alone, and shows what it should."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kdnet.data.preprocessing.case_cache import PreparedCase
from kdnet.errors import SettingsError
from kdnet.schema.augmentation_settings import Augmentation
from kdnet.schema.labels import LabelTable, brats_labels, exclusive_labels
from kdnet.training.patches import PatchSampler, Sample, StepDataset
from kdnet.training.workers import begin_worker
from torch.utils.data import DataLoader

SHAPE = (20, 18, 22)
OFF = Augmentation(flip=0.0, scale=0.0, shift=0.0)
ALL = Augmentation(flip=0.5, scale=0.2, shift=0.2, noise=0.2, contrast=0.3, smooth=1.0, shading=0.3, rotate=20.0, zoom=0.2)


def numbered_case(index: int, shape: tuple[int, int, int] = SHAPE) -> PreparedCase:
    """A case whose first modality numbers its voxels, with a small enhancing tumor in a large edema."""
    numbers = 1 + np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    labelmap = np.zeros(shape, np.uint8)
    labelmap[3:13, 3:13, 3:13] = 2
    labelmap[4:6, 4:6, 4:6] = 1
    labelmap[10:12, 10:12, 10:12] = 3
    return PreparedCase(f"case{index}", np.stack([numbers, -numbers]), labelmap)


def sampler(
    count: int = 3,
    *,
    patch: tuple[int, int, int] = (8, 8, 8),
    batch: int = 2,
    foreground: float = 0.5,
    augmentation: Augmentation = OFF,
    seed: int = 0,
    shape: tuple[int, int, int] = SHAPE,
    labels: LabelTable | None = None,
) -> PatchSampler:
    cases = [numbered_case(index, shape) for index in range(count)]
    return PatchSampler(
        cases,
        labels or brats_labels(),
        patch=patch,
        batch=batch,
        foreground=foreground,
        augmentation=augmentation,
        seed=seed,
    )


def same(one: Sample, two: Sample) -> bool:
    return one.case == two.case and torch.equal(one.image, two.image) and torch.equal(one.target, two.target)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 99), step=st.integers(0, 999), slot=st.integers(0, 1), before=st.lists(st.integers(0, 99)))
def test_earlier_calls_and_other_samplers_change_nothing(seed: int, step: int, slot: int, before: list[int]) -> None:
    used = sampler(augmentation=ALL, seed=seed)
    for other in before[:3]:
        used.sample(other, 0)
    np.random.default_rng().random()
    torch.rand(1)
    assert same(used.sample(step, slot), sampler(augmentation=ALL, seed=seed).sample(step, slot))


def test_step_slot_and_seed_each_matter() -> None:
    first = sampler(count=1, augmentation=ALL).sample(4, 1)
    assert not same(first, sampler(count=1, augmentation=ALL).sample(5, 1))
    assert not same(first, sampler(count=1, augmentation=ALL).sample(4, 0))
    assert not same(first, sampler(count=1, augmentation=ALL, seed=1).sample(4, 1))


@pytest.mark.slow
def test_worker_processes_give_the_patches_of_one_process() -> None:
    alone = sampler(augmentation=ALL)
    keys = [[(step, slot) for slot in range(2)] for step in range(5)]
    loader = DataLoader(StepDataset(alone), batch_sampler=keys, num_workers=2, collate_fn=list)
    for batch, pairs in zip(loader, keys, strict=True):
        assert all(same(got, alone.sample(*pair)) for got, pair in zip(batch, pairs, strict=True))


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 7), batch=st.integers(1, 4), seed=st.integers(0, 9), epochs=st.integers(1, 4))
def test_every_case_is_visited_equally_often(count: int, batch: int, seed: int, epochs: int) -> None:
    source = sampler(count, patch=(2, 2, 2), batch=batch, seed=seed)
    steps = -(-epochs * count // batch)
    visits = [source.sample(step, slot).case for step in range(steps) for slot in range(batch)]
    seen = Counter(visits[: epochs * count])
    assert set(seen.values()) == {epochs}
    assert len(seen) == count


def test_epochs_differ_in_order() -> None:
    source = sampler(6, patch=(2, 2, 2), batch=6)
    orders = {tuple(source.sample(step, slot).case for slot in range(6)) for step in range(5)}
    assert len(orders) > 1


@settings(max_examples=30, deadline=None)
@given(step=st.integers(0, 500), foreground=st.sampled_from([0.0, 1.0]))
def test_without_augmentation_a_patch_is_cut_from_its_case(step: int, foreground: float) -> None:
    source = sampler(1, foreground=foreground)
    got = source.sample(step, 0)
    number = int(got.image[0, 0, 0, 0]) - 1
    corner = np.unravel_index(number, SHAPE)
    box = tuple(slice(int(low), int(low) + 8) for low in corner)
    case = source.cases[0]
    assert np.array_equal(got.image.numpy(), case.image[(slice(None), *box)])
    assert np.array_equal(got.target.numpy(), brats_labels().encode(case.labelmap[box]))


def test_a_case_smaller_than_the_patch_is_padded_with_background() -> None:
    source = sampler(1, patch=(24, 8, 30), shape=(16, 16, 16))
    for step in range(10):
        got = source.sample(step, 0)
        assert got.image.shape == (2, 24, 8, 30)
        assert int((got.image[0] != 0).sum()) == 16 * 8 * 16
        assert not got.target[:, got.image[0] == 0].any()


def test_foreground_patches_show_tumor_and_favor_no_region() -> None:
    source = sampler(1, foreground=1.0, patch=(4, 4, 4))
    targets = [source.sample(step, 0).target for step in range(200)]
    assert sum(bool(target.any()) for target in targets) == 200
    enhancing = sum(bool(target[0].any()) for target in targets) / 200
    # ET fills 8 of 1000 tumor voxels, but is asked for in a third of the patches
    assert enhancing > 0.3


def test_without_foreground_patches_lie_anywhere() -> None:
    source = sampler(1, foreground=0.0)
    corners = {int(source.sample(step, 0).image[0, 0, 0, 0]) for step in range(100)}
    places = np.array(np.unravel_index([corner - 1 for corner in corners], SHAPE))
    assert (places.min(axis=1) <= 1).all()
    assert (places.max(axis=1) >= np.array(SHAPE) - 8 - 1).all()


def test_a_case_without_tumor_is_sampled_anywhere() -> None:
    source = sampler(1, foreground=1.0)
    source.cases[0].labelmap[:] = 0
    assert not source.sample(0, 0).target.any()


def test_exclusive_labels_give_a_background_channel() -> None:
    source = sampler(1, labels=exclusive_labels({1: "a", 2: "b", 3: "c"}))
    target = source.sample(0, 0).target
    assert target.shape == (4, 8, 8, 8)
    assert torch.equal(target.sum(dim=0), torch.ones(8, 8, 8, dtype=target.dtype))


@pytest.mark.parametrize("augmentation", [ALL, Augmentation()], ids=["all", "default"])
def test_background_stays_zero_and_targets_stay_zero_or_one(augmentation: Augmentation) -> None:
    source = sampler(1, patch=(24, 24, 24), shape=(16, 16, 16), augmentation=augmentation)
    for step in range(20):
        got = source.sample(step, 0)
        assert (got.image.dtype, got.target.dtype) == (torch.float32, torch.uint8)
        assert type(got.image) is torch.Tensor
        assert set(got.target.unique().tolist()) <= {0, 1}
        assert int((got.image[0] == 0).sum()) > 24**3 // 2


def test_image_and_target_are_mirrored_together() -> None:
    source = sampler(1, foreground=1.0, augmentation=Augmentation(flip=0.5, scale=0.0, shift=0.0))
    case, kinds = source.cases[0], set()
    labels = brats_labels().encode(case.labelmap).reshape(3, -1)
    for step in range(40):
        got = source.sample(step, 0)
        numbers = got.image[0].long().numpy() - 1
        assert np.array_equal(got.target.numpy().reshape(3, -1), labels[:, numbers.ravel()])
        kinds.add(tuple(int(np.sign(np.diff(numbers, axis=axis).flat[0])) for axis in range(3)))
    assert len(kinds) == 8


def test_intensities_change_by_modality_within_their_limits() -> None:
    still, changed = sampler(1), sampler(1, augmentation=Augmentation(flip=0.0, scale=0.2, shift=0.0))
    factors = []
    for step in range(20):
        ratio = changed.sample(step, 0).image / still.sample(step, 0).image
        each = [float(modality.mean()) for modality in ratio]
        assert all(torch.allclose(modality, modality.mean(), rtol=1e-4) for modality in ratio)
        factors.append(each)
    table = np.array(factors)
    assert (np.abs(table - 1) <= 0.2 + 1e-4).all()
    assert (np.abs(table[:, 0] - table[:, 1]) > 1e-3).any()
    assert table.std() > 0.05


def test_shading_is_smooth_and_keeps_mean_deviation_and_background() -> None:
    shape = (16, 16, 16)
    head = np.random.default_rng(0).normal(5, 1, shape).astype(np.float32)
    head[12:] = 0
    case = PreparedCase("case", head[None], np.zeros(shape, np.uint8))
    shading = Augmentation(flip=0.0, scale=0.0, shift=0.0, shading=0.2)
    source = PatchSampler([case], brats_labels(), patch=shape, batch=1, foreground=0.0, augmentation=shading, seed=0)
    slopes = []
    for step in range(40):
        shaded = source.sample(step, 0).image[0].numpy()
        inside = shaded[:12]
        assert not shaded[12:].any()
        assert inside.mean() == pytest.approx(head[:12].mean(), abs=1e-3)
        assert inside.std() == pytest.approx(head[:12].std(), abs=1e-3)
        for corner in (0, 4, 8):
            here = np.s_[corner : corner + 3, :3, :3]
            assert np.corrcoef(shaded[here].ravel(), head[here].ravel())[0, 1] > 0.9
        slopes.append(abs(float(inside[:, :8].mean() - inside[:, 8:].mean())))
    assert 3 < sum(slope > 0.2 for slope in slopes) < 20


@pytest.mark.parametrize("name", ["noise", "contrast", "smooth", "shading"])
def test_each_optional_change_comes_sometimes_and_not_always(name: str) -> None:
    still = sampler(1)
    changed = sampler(1, augmentation=Augmentation(flip=0.0, scale=0.0, shift=0.0, **{name: 0.5}))
    differs = [not torch.equal(changed.sample(step, 0).image, still.sample(step, 0).image) for step in range(60)]
    assert 5 < sum(differs) < 55


@pytest.mark.parametrize("name", ["rotate", "zoom"])
def test_deformed_targets_follow_their_image(name: str) -> None:
    """The tumor is drawn into the image, so that wherever it goes the labels must be found."""
    value = {"rotate": 30.0, "zoom": 0.3}[name]
    source = sampler(1, patch=(16, 16, 16), augmentation=Augmentation(flip=0.0, scale=0.0, shift=0.0, **{name: value}))
    case = source.cases[0]
    case.image[0] = np.where(case.labelmap > 0, 2.0, 1.0)
    still = sampler(1, patch=(16, 16, 16))
    moved = 0
    for step in range(40):
        got, plain = source.sample(step, 0), still.sample(step, 0)
        drawn, labeled = got.image[0] > 1.5, got.target[2] > 0
        assert not drawn.any() or float((drawn & labeled).sum() / (drawn | labeled).sum()) > 0.8
        moved += not torch.equal(got.target, plain.target)
    assert 3 < moved < 30


def test_a_deformed_patch_looks_beyond_its_own_edge() -> None:
    """Where the case goes on, a rotated patch has no empty corners."""
    settings_ = Augmentation(flip=0.0, scale=0.0, shift=0.0, rotate=15.0, zoom=0.2)
    source = sampler(1, patch=(8, 8, 8), foreground=1.0, augmentation=settings_, shape=(48, 48, 48))
    source.cases[0].labelmap[:] = 0
    source.cases[0].labelmap[23:25, 23:25, 23:25] = 3
    assert all(bool((source.sample(step, 0).image[0] != 0).all()) for step in range(30))


@pytest.mark.parametrize("wrong", [{"flip": 1.5}, {"contrast": 1.0}, {"noise": -0.1}, {"rotate": 200.0}, {"zoom": 1.0}])
def test_absurd_augmentation_is_refused_by_name(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match=rf"augmentation\.{next(iter(wrong))}"):
        Augmentation(**wrong)


@pytest.mark.slow
def test_workers_that_begin_anew_give_the_same_patches(tmp_path: Path) -> None:
    """As on Windows and macOS, where cases are sent to each worker."""
    cases = []
    for index in range(3):
        case = numbered_case(index)
        paths = [tmp_path / f"{index}-{kind}.npy" for kind in ("image", "labelmap")]
        np.save(paths[0], case.image)
        np.save(paths[1], case.labelmap)
        cases.append(PreparedCase(case.name, *paths))
    source = PatchSampler(cases, brats_labels(), patch=(8, 8, 8), batch=2, foreground=0.5, augmentation=OFF, seed=0)
    assert len(pickle.dumps(source)) < 10_000
    keys = [[(step, slot) for slot in range(2)] for step in range(3)]
    loader = DataLoader(
        StepDataset(source),
        batch_sampler=keys,
        num_workers=1,
        collate_fn=list,
        worker_init_fn=begin_worker,
        multiprocessing_context="spawn",
    )
    for batch, pairs in zip(loader, keys, strict=True):
        assert all(same(got, source.sample(*pair)) for got, pair in zip(batch, pairs, strict=True))


def test_hundreds_of_cases_train_where_a_process_may_open_256_files(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    case = numbered_case(0)
    np.save(tmp_path / "labelmap.npy", case.labelmap)
    np.save(tmp_path / "image.npy", case.image)
    cases = [PreparedCase(f"case{i}", tmp_path / "image.npy", tmp_path / "labelmap.npy") for i in range(600)]
    source = PatchSampler(cases, brats_labels(), patch=(8, 8, 8), batch=2, foreground=0.5, augmentation=OFF, seed=0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        seen = {source.sample(step, slot).case for step in range(300) for slot in range(2)}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(seen) == 600


def test_coordinates_of_regions_take_limited_memory_and_change_no_patch(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = range(6)
    kept = sampler(count=4, foreground=1.0)
    wanted = [kept.sample(step, slot) for step in steps for slot in range(2)]
    assert len(kept._found) == 4
    each = kept._found_bytes // 4
    monkeypatch.setattr("kdnet.training.patches.MOST_REGION_BYTES", 2 * each)
    limited = sampler(count=4, foreground=1.0)
    found = [limited.sample(step, slot) for step in steps for slot in range(2)]
    assert len(limited._found) == 2
    assert all(same(one, two) for one, two in zip(wanted, found, strict=True))
