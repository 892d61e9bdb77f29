"""What is no case for a brain model ends with one sentence, before the network is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from kdnet.cli import main
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import write_volume
from kdnet.inference.predictor import Predictor
from kdnet.preparation.brain import BrainExtractor
from made_heads import head

SHAPE = (60, 72, 60)


def written(path: Path, voxels: np.ndarray, spacing: float = 3.0) -> Path:
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    write_volume(path, Volume(voxels, Grid(shape, np.diag([spacing, spacing, spacing, 1.0]))))
    return path


def few_slices(folder: Path) -> Path:
    return written(folder / "few.nii.gz", head()[0].voxels[:, :, 20:29])


def tomogram(folder: Path) -> Path:
    volume, brain = head(noise=0)
    units = np.full(SHAPE, -1000, np.int16)
    units[volume.voxels > 20] = 30
    units[(volume.voxels > 40) & (volume.voxels < 80)] = 900
    units[brain] = 35
    return written(folder / "ct.nii.gz", units)


def lost_spacing(folder: Path) -> Path:
    return written(folder / "spacing.nii.gz", head()[0].voxels, 1.0)


def color_picture(folder: Path) -> Path:
    sitk.WriteImage(sitk.Image([20, 20, 20], sitk.sitkVectorUInt8, 3), str(folder / "color.nrrd"))
    return folder / "color.nrrd"


def half_a_brain(folder: Path) -> Path:
    return written(folder / "half.nii.gz", head()[0].voxels[:, :, 40:])


def other_body_part(folder: Path) -> Path:
    return written(folder / "knee.nii.gz", head()[0].voxels)


CASES = {
    few_slices: "has only 9 slices: choose a scan of the head with at least 10",
    tomogram: "looks like CT by its values",
    lost_spacing: "has probably lost its spacing",
    color_picture: "contains colors or vectors: choose a volume with one value per voxel",
    half_a_brain: "mL of brain, cut off at the edge of the scan, less than half of an adult's",
    other_body_part: "the brain could not be found in",
}


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_one_sentence_before_the_network_is_asked(
    make: Callable[[Path], Path],
    altered_model: Callable[..., Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(_self: object, volume: Volume) -> np.ndarray:
        """The student finds the brain of the synthetic head where there is one."""
        brain = head()[1]
        return {20: brain[:, :, 40:], 60: np.zeros(SHAPE, bool)}[volume.grid.shape[2]]

    def never(*_arguments: object, **_options: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(BrainExtractor, "available", True)
    monkeypatch.setattr(BrainExtractor, "mask", found)
    monkeypatch.setattr(Predictor, "predict", never)
    model = altered_model({"training_data": {"format": "BraTS"}})
    scan = make(tmp_path)
    assert main(["segment", str(model), str(scan), "-o", str(tmp_path / "out")]) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("kdnet: ")]
    assert len(told) == 1
    assert CASES[make] in told[0]
    assert scan.name in told[0]
    assert not list(tmp_path.rglob("*_seg*"))


def test_a_scan_of_the_trunk_has_no_brain(
    altered_model: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the student that ships: spine, liver and spleen in a trunk of 36 x 24 x 30 cm."""
    axes = np.meshgrid(*(np.arange(size) - (size - 1) / 2 for size in (80, 56, 60)), indexing="ij")

    def ellipsoid(center: tuple[float, ...], radii: tuple[float, ...]) -> np.ndarray:
        parts = zip(axes, center, radii, strict=True)
        return np.asarray(sum(((axis - middle) / radius) ** 2 for axis, middle, radius in parts) < 1)

    voxels = np.abs(np.random.default_rng(0).normal(0, 8, (80, 56, 60)))
    for center, radii, value in (
        ((0, 0, 0), (36, 24, 200), 500),
        ((0, 0, 0), (33, 21, 200), 180),
        ((15, 0, 5), (15, 13, 18), 320),
        ((-20, -5, 0), (8, 8, 10), 260),
        ((0, -14, 0), (5, 5, 200), 420),
    ):
        voxels[ellipsoid(center, radii)] = value
    scan = written(tmp_path / "trunk.nii.gz", voxels.astype(np.int16), 4.5)
    model = altered_model({"training_data": {"format": "BraTS"}})
    assert main(["segment", str(model), str(scan), "-o", str(tmp_path / "out")]) == 1
    assert "trunk.nii.gz" in capsys.readouterr().err
