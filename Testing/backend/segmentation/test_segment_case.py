"""``kdnet segment``: labelmaps on exactly the grid of the input, whatever the input is."""

from __future__ import annotations

import csv
import gzip
import os
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from itk_series import write_series
from kdnet.cli import main
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.inference.postprocessing import measure, remove_small_components
from kdnet.inference.predictor import Predictor
from kdnet.inference.sliding_window import forward
from kdnet.model_file import Model, load_model
from kdnet.networks.base import NetworkOutput, SegmentationNetwork
from kdnet.schema.labels import LabelMode, brats_labels, exclusive_labels
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import Role
from kdnet.schema.networks import NetworkSpec
from kdnet.schema.preprocessing import Preprocessing
from scipy.spatial.transform import Rotation
from torch import nn

CPU = torch.device("cpu")


class Bright(SegmentationNetwork):
    """Calls tumor what is in the brighter half of the range, so that the right answer is known everywhere."""

    stride = 4
    bottleneck_features = 1

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv3d(1, 2, 1)

    def forward(self, image: torch.Tensor) -> NetworkOutput:
        middle = (image.max() + image.min()) / 2
        logits = torch.cat([torch.zeros_like(image), image - middle], dim=1)
        return NetworkOutput(logits, image)

    def output_layers(self) -> tuple[nn.Module, ...]:
        return (self.layer,)

    def input_layer(self) -> nn.Conv3d:
        return self.layer


def bright_model(spacing: float) -> Model:
    spec = NetworkSpec("double", 1, 2)
    labels = exclusive_labels({1: "bright"})
    card = ModelCard(Role.STUDENT, "Bright", spec, ("t1",), labels, Preprocessing((spacing,) * 3))
    return Model(card, Bright().eval())


def head(seed: int, *, oblique: bool = True) -> tuple[Volume, np.ndarray]:
    """A masked head with one bright block, on any grid; and where the block is."""
    random = np.random.default_rng(seed)
    shape = tuple(int(size) for size in random.integers(24, 40, 3))
    affine = np.eye(4)
    axes = Rotation.random(random_state=random).as_matrix() if oblique else np.eye(3)
    affine[:3, :3] = axes[:, random.permutation(3)] * random.uniform(0.7, 3.0, 3) * random.choice([-1.0, 1.0], 3)
    affine[:3, 3] = random.uniform(-80, 80, 3)
    voxels = np.zeros(shape, np.int16)
    voxels[2:-2, 2:-2, 2:-2] = 100
    low = random.integers(4, 8, 3)
    block = tuple(slice(int(start), int(start) + 12) for start in low)
    voxels[block] = 900
    mask = np.zeros(shape, bool)
    mask[block] = True
    return Volume(voxels, Grid((shape[0], shape[1], shape[2]), affine)), mask


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_what_is_bright_is_labeled_at_its_voxels_on_the_grid_of_the_input(seed: int) -> None:
    volume, mask = head(seed)
    labelmap = Predictor(bright_model(1.0), CPU).predict([volume]).labelmap
    assert labelmap.grid is volume.grid
    assert labelmap.voxels.dtype == np.uint8
    found = labelmap.voxels == 1
    assert 2 * (found & mask).sum() / (found.sum() + mask.sum()) > 0.9


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31 - 1))
def test_storage_orientation_does_not_change_a_single_label(model_file: Path, seed: int) -> None:
    volume, _ = head(seed, oblique=False)
    predictor = Predictor(load_model(model_file), CPU)
    wanted = predictor.predict([volume]).labelmap.voxels
    flipped = volume.grid.affine.copy()
    flipped[:3, 3] += flipped[:3, 1] * (volume.grid.shape[1] - 1)
    flipped[:3, 1] *= -1
    order = [2, 0, 1]
    i, j, k = (volume.grid.shape[axis] for axis in order)
    other = np.ascontiguousarray(np.transpose(np.flip(volume.voxels, 1), order))
    got = predictor.predict([Volume(other, Grid((i, j, k), flipped[:, [*order, 3]]))]).labelmap.voxels
    assert np.array_equal(np.flip(np.transpose(got, np.argsort(order)), 1), wanted)


def test_windows_give_nearly_what_the_whole_gives() -> None:
    image = torch.randn(1, 1, 40, 36, 44)
    whole = forward(Bright().eval(), image, LabelMode.EXCLUSIVE)
    windowed = forward(Bright().eval(), image, LabelMode.EXCLUSIVE, whole_voxels=0)
    assert torch.allclose(whole, windowed, atol=1e-4)


def test_tta_averages_eight_passes(model_file: Path) -> None:
    network = load_model(model_file).network
    image = torch.randn(1, 1, 16, 16, 16)
    steps: list[int] = []
    with torch.inference_mode():
        flipped = forward(network, image, LabelMode.REGIONS, tta=True, step=lambda: steps.append(1))
        mirrored = forward(network, image.flip(2), LabelMode.REGIONS, tta=True).flip(2)
    assert len(steps) == 8
    assert torch.allclose(flipped, mirrored, atol=1e-5)


def test_probabilities_agree_with_the_labels(model_file: Path) -> None:
    volume, _ = head(1)
    prediction = Predictor(load_model(model_file), CPU).predict([volume], probabilities=True)
    inside = prediction.labelmap.voxels == 3
    assert set(prediction.probabilities) == {"ET", "TC", "WT"}
    assert (prediction.probabilities["ET"].voxels[inside] >= 50).all()


def test_volumes_and_components_are_measured_in_millimeters() -> None:
    voxels = np.zeros((10, 10, 10), np.uint8)
    voxels[:5, :5, :5] = 3
    voxels[9, 9, 9] = 1
    labelmap = Volume(voxels, Grid((10, 10, 10), np.diag([2.0, 2.0, 2.0, 1.0])))
    amounts = {amount.name: amount.milliliters for amount in measure(labelmap, brats_labels())}
    assert amounts["Enhancing tumor"] == pytest.approx(1.0)
    assert amounts["WT"] == pytest.approx(1.008)
    kept = remove_small_components(labelmap, smallest=100.0).voxels
    assert (kept == 3).sum() == 125
    assert not (kept == 1).any()


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_the_result_has_the_format_and_geometry_of_its_input(model_file: Path, tmp_path: Path, suffix: str) -> None:
    volume, _ = head(2)
    write_volume(tmp_path / f"scan{suffix}", volume)
    assert main(["segment", str(model_file), str(tmp_path / f"scan{suffix}"), "-o", str(tmp_path / "out")]) == 0
    given, got = (
        sitk.ReadImage(str(path)) for path in (tmp_path / f"scan{suffix}", tmp_path / "out" / f"scan_seg{suffix}")
    )
    assert got.GetSize() == given.GetSize()
    for figure in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert np.allclose(getattr(got, figure)(), getattr(given, figure)(), atol=1e-5)


def test_a_dicom_folder_is_one_case(model_file: Path, tmp_path: Path) -> None:
    volume, _ = head(3, oblique=False)
    folder = write_series(tmp_path / "series", volume.voxels)
    assert main(["segment", str(model_file), str(folder), "-o", str(tmp_path / "out")]) == 0
    assert read_volume(tmp_path / "out" / "series_seg.nii.gz").grid.spacing == pytest.approx((1, 1, 2))


def test_a_bad_file_is_reported_and_the_rest_continues(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    write_volume(folder / "a.nii.gz", head(4)[0])
    (folder / "b.nii.gz").write_bytes(b"\x1f\x8bnothing")
    write_volume(folder / "c.nii.gz", head(5)[0])
    assert main(["segment", str(model_file), str(folder), "-o", str(tmp_path / "out")]) == 1
    assert "b.nii.gz" in capsys.readouterr().err
    with (tmp_path / "out" / "volumes.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["case"], row["state"]) for row in rows] == [("a", "segmented"), ("b", "failed"), ("c", "segmented")]
    assert "b.nii.gz" in rows[1]["reason"]
    assert not list((tmp_path / "out").glob("*b*"))


def test_files_that_only_one_reader_takes_end_no_batch(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "b", "d"):
        write_volume(folder / f"{name}.nii.gz", head(4)[0])
    plain = gzip.decompress((folder / "b.nii.gz").read_bytes())
    (folder / "b.nii.gz").write_bytes(gzip.compress(_with_quaternion(plain)))
    (folder / "c.nii.gz").write_bytes(plain)
    shutil.copyfile(folder / "a.nii.gz", os.fsencode(folder) + b"/p\xe9.nii.gz")
    main(["segment", str(model_file), str(folder), "-o", str(tmp_path / "out")])
    with (tmp_path / "out" / "volumes.csv").open(encoding="utf-8") as stream:
        rows = [row["case"] for row in csv.DictReader(stream)]
    assert {"a", "d"} <= set(rows)
    assert "not valid UTF-8" in capsys.readouterr().err


def _with_quaternion(content: bytes) -> bytes:
    """A NIfTI-1 file with only a qform, whose quaternion is a little longer than 1: nibabel refuses it, ITK does not."""
    header = bytearray(content)
    header[252:256] = struct.pack("<hh", 1, 0)
    header[256:268] = struct.pack("<fff", 0, 0, 1.000001)
    return bytes(header)


@pytest.mark.parametrize("spacing", [0.05, 1.0])
def test_a_volume_smaller_than_the_networks_coarsest_voxel_is_segmented(spacing: float) -> None:
    voxels = np.random.default_rng(0).normal(100, 10, (8, 8, 8)).astype(np.float32)
    volume = Volume(voxels, Grid((8, 8, 8), np.diag([spacing, spacing, spacing, 1.0])))
    shipped = Path(__file__).resolve().parents[3] / "Resources" / "Models"
    for path in sorted(shipped.glob("*.safetensors")):
        model = load_model(path)
        labelmap = Predictor(model, torch.device("cpu")).predict([volume] * len(model.card.modalities)).labelmap
        assert labelmap.grid.shape == (8, 8, 8)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--device", "cuda:7"], "not available"), (["--min-component", "-1"], "--min-component is -1")],
)
def test_settings_that_cannot_be_met_write_nothing(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    write_volume(tmp_path / "a.nii.gz", head(4)[0])
    code = main(["segment", str(model_file), str(tmp_path / "a.nii.gz"), "-o", str(tmp_path / "out"), *arguments])
    assert code == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_is_a_file_is_refused(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_volume(tmp_path / "a.nii.gz", head(4)[0])
    (tmp_path / "out").touch()
    assert main(["segment", str(model_file), str(tmp_path / "a.nii.gz"), "-o", str(tmp_path / "out")]) == 2
    assert "output folder" in capsys.readouterr().err


def test_a_teacher_whose_modalities_are_missing_names_the_one(
    phantom: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from kdnet.model_file import save_model
    from kdnet.networks.factory import build_network

    spec = NetworkSpec("dynunet", 2, 3, {"filters": [4, 8, 16]})
    card = ModelCard(Role.TEACHER, "T", spec, ("t1", "pd"), brats_labels(), Preprocessing((4.0, 4.0, 4.0)))
    save_model(tmp_path / "t.safetensors", card, build_network(spec))
    case = sorted(phantom.iterdir())[0]
    assert main(["segment", str(tmp_path / "t.safetensors"), str(case), "-o", str(tmp_path / "out")]) == 1
    assert "is missing pd" in capsys.readouterr().err
