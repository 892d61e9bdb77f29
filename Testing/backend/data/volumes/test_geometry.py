"""Properties of reading, preprocessing and resampling for oblique, flipped, anisotropic and cropped volumes."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from kdnet.data.preprocessing.prepare import prepare_image, prepare_labelmap
from kdnet.data.preprocessing.resampling import resample, resampling_matrix
from kdnet.data.volumes.geometry import require_same_grid
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import check_volume, read_volume, write_volume
from kdnet.errors import DataError
from kdnet.schema.preprocessing import Preprocessing
from scipy.spatial.transform import Rotation

seeds = st.integers(0, 2**31 - 1)


def random_volume(seed: int, *, oblique: bool = True, size: tuple[int, int] = (12, 22)) -> Volume:
    """A masked ball of noise on any grid that a scanner could give."""
    random = np.random.default_rng(seed)
    shape = tuple(int(length) for length in random.integers(*size, 3))
    affine = np.eye(4)
    axes = Rotation.random(random_state=random).as_matrix() if oblique else np.eye(3)
    affine[:3, :3] = axes[:, random.permutation(3)] * random.uniform(0.8, 4.0, 3) * random.choice([-1.0, 1.0], 3)
    affine[:3, 3] = random.uniform(-100, 100, 3)
    grids = np.meshgrid(*((np.arange(n) - (n - 1) / 2) / (n / 2.3) for n in shape), indexing="ij")
    radius = np.sqrt(sum(axis**2 for axis in grids))
    voxels = np.where(radius < 1, random.integers(50, 1000, shape), 0).astype(np.int16)
    return Volume(voxels, Grid((shape[0], shape[1], shape[2]), affine))


def stored_otherwise(volume: Volume, order: tuple[int, ...], flips: tuple[bool, ...]) -> Volume:
    """The same volume with its axes stored in another order and direction."""
    affine = volume.grid.affine.copy()
    voxels = np.transpose(volume.voxels, order)
    affine[:, :3] = affine[:, list(order)]
    for axis, flip in enumerate(flips):
        if flip:
            voxels = np.flip(voxels, axis)
            affine[:3, 3] += affine[:3, axis] * (voxels.shape[axis] - 1)
            affine[:3, axis] *= -1
    i, j, k = voxels.shape
    return Volume(np.ascontiguousarray(voxels), Grid((i, j, k), affine))


SUFFIXES = [".nii.gz", ".nii", ".nrrd", ".mha", ".NII.GZ", ".NRRD", ".MHA"]


@settings(max_examples=40, deadline=None)
@given(seed=seeds, suffix=st.sampled_from(SUFFIXES))
def test_a_written_volume_is_read_back_with_its_voxels_and_geometry(
    tmp_path_factory: pytest.TempPathFactory, seed: int, suffix: str
) -> None:
    volume = random_volume(seed)
    path = tmp_path_factory.mktemp("volume") / f"volume{suffix}"
    write_volume(path, volume)
    again = read_volume(path)
    assert np.array_equal(again.voxels, volume.voxels)
    assert again.grid.matches(volume.grid, tolerance_mm=1e-3)
    assert again.grid.spacing == pytest.approx(volume.grid.spacing, rel=1e-5)
    assert again.grid.orientation == volume.grid.orientation
    assert not again.warnings


@settings(max_examples=40, deadline=None)
@given(
    seed=seeds,
    suffix=st.sampled_from([".nii", ".nrrd", ".mha"]),
    angle=st.floats(0.012, 1.55) | st.floats(0, 0.008),
    first=st.integers(0, 2),
)
def test_axes_that_are_not_perpendicular_are_refused_in_every_format(
    tmp_path_factory: pytest.TempPathFactory, seed: int, suffix: str, angle: float, first: int
) -> None:
    volume = random_volume(seed)
    affine = volume.grid.affine.copy()
    one, other = affine[:3, first].copy(), affine[:3, (first + 1) % 3].copy()
    reoriented = np.cos(angle) * other / np.linalg.norm(other) + np.sin(angle) * one / np.linalg.norm(one)
    affine[:3, (first + 1) % 3] = reoriented * np.linalg.norm(other)
    path = tmp_path_factory.mktemp("sheared") / f"volume{suffix}"
    if suffix == ".nii":
        image = nibabel.Nifti1Image(volume.voxels, affine)
        image.set_qform(None, code=0)
        nibabel.save(image, path)
    else:
        write_volume(path, Volume(volume.voxels, Grid(volume.grid.shape, affine)))
    if angle < 0.01:
        assert read_volume(path).grid.matches(Grid(volume.grid.shape, affine), tolerance_mm=1e-3)
        return
    with pytest.raises(DataError, match="perpendicular"):
        read_volume(path)


def test_grids_count_as_the_same_up_to_a_tenth_of_a_millimeter() -> None:
    grid = Grid((10, 10, 10), np.diag([-2.0, 1.0, 0.5, 1.0]))
    shifted = [Grid(grid.shape, grid.affine + np.array([[0, 0, 0, far], *[[0] * 4] * 3])) for far in (0.09, 0.11)]
    require_same_grid(shifted[0], grid, "mask.nii", "scan.nii")
    with pytest.raises(
        DataError, match=r"^mask\.nii has a different geometry than scan\.nii \(10 x 10 x 10 voxels .*\): resample"
    ):
        require_same_grid(shifted[1], grid, "mask.nii", "scan.nii")
    assert (grid.voxel_mm3, grid.voxel_ml) == (pytest.approx(1.0), pytest.approx(0.001))


def test_nibabel_and_itk_see_the_same_place(tmp_path: Path) -> None:
    volume = random_volume(3)
    write_volume(tmp_path / "volume.nii.gz", volume)
    assert np.allclose(nibabel.load(tmp_path / "volume.nii.gz").affine, volume.grid.affine, atol=1e-3)
    itk = sitk.ReadImage(str(tmp_path / "volume.nii.gz"))
    corner = np.array(itk.TransformIndexToPhysicalPoint((1, 2, 3))) * [-1, -1, 1]
    assert np.allclose(corner, (volume.grid.affine @ [1, 2, 3, 1])[:3], atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_storage_orientation_does_not_change_the_prepared_image(seed: int) -> None:
    volume = random_volume(seed, oblique=False)
    wanted, _ = prepare_image([volume], Preprocessing((3.0, 3.0, 3.0)))
    random = np.random.default_rng(seed)
    order = tuple(int(axis) for axis in random.permutation(3))
    flips = tuple(bool(flip) for flip in random.integers(0, 2, 3))
    got, _ = prepare_image([stored_otherwise(volume, order, flips)], Preprocessing((3.0, 3.0, 3.0)))
    assert got.shape == wanted.shape
    assert np.abs(got - wanted).max() < 1e-5  # standard deviations: sums over another order of voxels round otherwise


@settings(max_examples=25, deadline=None)
@given(seed=seeds)
def test_a_labelmap_goes_to_the_prepared_grid_and_back(seed: int) -> None:
    volume = random_volume(seed, size=(20, 30))
    labelmap = Volume((volume.voxels > 0).astype(np.uint8), volume.grid)
    _, transform = prepare_image([volume], Preprocessing((1.0, 1.0, 1.0)))
    prepared = prepare_labelmap(labelmap, transform)
    back = resample(torch.from_numpy(prepared).float(), transform.matrices(back=True)).numpy() > 0.5
    restored = np.zeros(volume.grid.shape, bool)
    transform.cropped(restored)[:] = back
    wanted = labelmap.voxels > 0
    dice = 2 * (restored & wanted).sum() / (restored.sum() + wanted.sum())
    assert dice > 0.9


def test_halving_the_resolution_averages_blocks() -> None:
    image = torch.randn(8, 6, 4)
    matrices = [torch.from_numpy(resampling_matrix(n, 1.0, n // 2, 2.0)) for n in image.shape]
    blocks = image.reshape(4, 2, 3, 2, 2, 2).mean(dim=(1, 3, 5))
    assert torch.allclose(resample(image, matrices), blocks, atol=1e-6)


def test_the_same_spacing_changes_nothing() -> None:
    assert np.allclose(resampling_matrix(7, 1.3, 7, 1.3), np.eye(7), atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 40), st.floats(0.3, 5), st.integers(1, 40), st.floats(0.3, 5), st.floats(-5, 5))
def test_weights_of_a_resampled_voxel_add_up_to_one(
    source: int, spacing: float, target: int, new_spacing: float, offset: float
) -> None:
    matrix = resampling_matrix(source, spacing, target, new_spacing, offset)
    assert (matrix >= 0).all()
    assert np.allclose(matrix.sum(axis=1), 1, atol=1e-5)


def test_foreground_has_mean_zero_and_deviation_one_and_background_is_zero() -> None:
    volume = random_volume(5)
    image, transform = prepare_image([volume], Preprocessing((1.0, 1.0, 1.0)))
    inside = image[image != 0]
    assert abs(inside.mean()) < 1e-4
    assert abs(inside.std() - 1) < 1e-3
    assert transform.shape == image.shape[1:]


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("factor", [1e-300, 1e-42, 1e-30, 1e-12, 1e-9, 1e-6, 1e-3, 1e20, 1e37, 1e100])
def test_the_unit_of_the_intensities_does_not_change_the_prepared_image(factor: float, masked: bool) -> None:
    volume = random_volume(7)
    noise = np.random.default_rng(0).uniform(1, 5, volume.grid.shape)
    voxels = volume.voxels + (0 if masked else noise)
    kind = np.float32 if 1e-30 <= factor <= 1e30 else np.float64
    wanted, _ = prepare_image([Volume(voxels.astype(kind), volume.grid)], Preprocessing((2.0, 2.0, 2.0)))
    scaled = Volume((voxels * factor).astype(kind), volume.grid)
    got, _ = prepare_image([scaled], Preprocessing((2.0, 2.0, 2.0)))
    assert np.allclose(got, wanted, atol=1e-3)


@pytest.mark.parametrize("background", [0.0, -50.0])
def test_a_fine_scan_is_prepared_like_a_coarse_one_of_the_same_head(background: float) -> None:
    shape = (24, 20, 16)
    grids = np.meshgrid(*((np.arange(n) - (n - 1) / 2) / (n / 2.5) for n in shape), indexing="ij")
    inside = np.sqrt(sum(axis**2 for axis in grids)) < 1
    voxels = np.where(inside, np.random.default_rng(0).uniform(50, 1000, shape), 0) + background
    coarse = voxels.reshape(12, 2, 10, 2, 8, 2).mean(axis=(1, 3, 5))
    whole = Preprocessing((2.0, 2.0, 2.0), margin=100.0)
    prepared = [
        prepare_image([Volume(values.astype(np.float32), Grid(values.shape, np.diag([step, step, step, 1.0])))], whole)[0]
        for values, step in ((voxels, 1.0), (coarse, 2.0))
    ]
    assert np.allclose(*prepared, atol=1e-4)


@settings(max_examples=10, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-0.3, 0.3)] * 3),
    interpolator=st.sampled_from([sitk.sitkBSpline3, sitk.sitkHammingWindowedSinc]),
    background=st.sampled_from([0.0, -50.0]),
)
def test_traces_that_an_interpolation_leaves_around_the_head_are_background(
    angles: tuple[float, float, float], interpolator: int, background: float
) -> None:
    grids = np.meshgrid(*[np.arange(40) - 19.5] * 3, indexing="ij")
    head = np.where(np.sqrt(sum(axis**2 for axis in grids)) < 12, 600 + 300 * np.sin(sum(grids) / 5), 0) + background
    source = sitk.GetImageFromArray(head.astype(np.float32))
    whole, close = Preprocessing((2.0, 2.0, 2.0), margin=100.0), Preprocessing((2.0, 2.0, 2.0), margin=0.0)
    prepared, boxes = [], []
    for kind in (sitk.sitkLinear, interpolator):
        reoriented = sitk.Resample(source, source, sitk.Euler3DTransform([19.5] * 3, *angles), kind, background)
        volume = Volume(sitk.GetArrayFromImage(reoriented), Grid((40, 40, 40), np.eye(4)))
        prepared.append(prepare_image([volume], whole)[0])
        boxes.append(prepare_image([volume], close)[1].box)
    core = np.sqrt(sum(axis**2 for axis in np.meshgrid(*[np.arange(20) - 9.5] * 3, indexing="ij"))) < 4.5
    assert np.abs(np.subtract(*boxes)).max() <= 3
    assert np.abs(prepared[0] - prepared[1])[0][core].mean() < 0.5


def test_the_crop_keeps_the_whole_head() -> None:
    for seed in range(20):
        volume = random_volume(seed)
        _, transform = prepare_image([volume], Preprocessing((2.0, 2.0, 2.0), margin=0.0))
        assert (transform.cropped(volume.voxels) != 0).sum() == (volume.voxels != 0).sum()


def test_a_noisy_background_is_cropped_too() -> None:
    random = np.random.default_rng(0)
    voxels = np.abs(random.normal(0, 5, (60, 60, 60)))
    voxels[20:40, 20:40, 20:40] += 500
    volume = Volume(voxels.astype(np.float32), Grid((60, 60, 60), np.diag([2.0, 2.0, 2.0, 1.0])))
    _, transform = prepare_image([volume], Preprocessing((2.0, 2.0, 2.0)))
    assert all(10 <= start <= 20 and 40 <= stop <= 50 for start, stop in transform.box)


def test_modalities_of_different_geometry_are_refused_by_name() -> None:
    volume = random_volume(0)
    moved = Volume(volume.voxels, Grid(volume.grid.shape, volume.grid.affine + np.eye(4)[:, [3, 3, 3, 0]] * 5))
    with pytest.raises(DataError, match="flair"):
        prepare_image([volume, moved], Preprocessing((2.0, 2.0, 2.0)), names=("t1", "flair"))


def _written(path: Path, array: np.ndarray, *, vector: bool = False) -> Path:
    sitk.WriteImage(sitk.GetImageFromArray(array, isVector=vector), str(path))
    return path


@pytest.mark.parametrize(
    ("array", "vector", "told"),
    [
        (np.ones((9, 9), np.float32), False, "2D"),
        (np.ones((9, 9, 9, 9), np.float32), False, "4D with 9 volumes"),
        (np.ones((9, 9, 9, 3), np.uint8), True, "color"),
        (np.full((9, 9, 9), np.nan, np.float32), False, "NaN"),
    ],
)
def test_a_file_that_is_not_a_scalar_volume_is_refused(tmp_path: Path, array: np.ndarray, vector: bool, told: str) -> None:
    with pytest.raises(DataError, match=told):
        read_volume(_written(tmp_path / "odd.nrrd", array, vector=vector))


def test_damaged_and_missing_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "cut.nii.gz").write_bytes(b"\x1f\x8b\x08 not an image")
    with pytest.raises(DataError, match=r"cut\.nii\.gz"):
        read_volume(tmp_path / "cut.nii.gz")
    with pytest.raises(DataError, match="does not exist"):
        read_volume(tmp_path / "gone.nii")


@pytest.mark.parametrize(
    ("spacing", "value", "told"), [(0.001, 1, "spacing"), (50.0, 1, "spacing"), (1.0, 0, "in every voxel")]
)
def test_absurd_volumes_are_refused(spacing: float, value: int, told: str) -> None:
    voxels = np.zeros((10, 10, 10), np.int16)
    voxels[5] = value
    volume = Volume(voxels, Grid((10, 10, 10), np.diag([spacing, spacing, spacing, 1.0])))
    with pytest.raises(DataError, match=told):
        check_volume(volume, "scan")


def test_a_slightly_skewed_nifti_is_read_and_a_sheared_one_refused(tmp_path: Path) -> None:
    for shear, name in ((2e-3, "rounded"), (0.3, "sheared")):
        affine = np.diag([1.0, 1.0, 1.0, 1.0])
        affine[0, 1] = shear
        image = nibabel.Nifti1Image(np.ones((9, 9, 9), np.int16), affine)
        image.set_qform(None, code=0)
        nibabel.save(image, tmp_path / f"{name}.nii")
    assert read_volume(tmp_path / "rounded.nii").grid.shape == (9, 9, 9)
    with pytest.raises(DataError, match="perpendicular"):
        read_volume(tmp_path / "sheared.nii")
