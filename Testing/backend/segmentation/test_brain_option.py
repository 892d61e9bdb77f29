"""``--brain`` of ``kdnet segment``, and the same of the worker: what the model sees, what is written, what is said."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from kdnet.cli import main
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.preparation.brain import BrainExtractor
from kdnet.segmentation.worker_tasks import Tasks

SHAPE = (48, 60, 50)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    """A head of 3.9 L: noise in an ellipsoid."""
    random = np.random.default_rng(0)
    axes = np.meshgrid(*(np.arange(size) - (size - 1) / 2 for size in SHAPE), indexing="ij")
    inside = sum((axis / (size / 2 - 1)) ** 2 for axis, size in zip(axes, SHAPE, strict=True)) < 1
    voxels = np.where(inside, random.integers(50, 1000, SHAPE), 0).astype(np.int16)
    write_volume(tmp_path / "scan.nii.gz", Volume(voxels, Grid(SHAPE, np.diag([4.0, 4.0, 4.0, 1.0]))))
    return tmp_path / "scan.nii.gz"


@pytest.fixture
def brain() -> np.ndarray:
    axes = np.meshgrid(*(np.arange(size) for size in SHAPE), indexing="ij")
    sides = zip(axes, (12, 15, 15), (36, 45, 40), strict=True)
    return np.asarray(sum(((axis - (low + high - 1) / 2) / ((high - low) / 2 + 1)) ** 2 for axis, low, high in sides) < 1)


@pytest.fixture
def knowing(brain: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    """The student finds ``brain`` in any scan."""
    monkeypatch.setattr(BrainExtractor, "available", True)
    monkeypatch.setattr(BrainExtractor, "mask", lambda _self, _volume: brain)


def _row(folder: Path) -> dict[str, str]:
    with (folder / "volumes.csv").open(newline="", encoding="utf-8") as stream:
        return next(csv.DictReader(stream))


def _saw_only(brain: np.ndarray, labelmap: np.ndarray) -> bool:
    """Whether what is marked lies about where the brain is; scores are interpolated a little beyond."""
    grown = np.zeros_like(brain)
    grown[9:39, 12:48, 12:43] = True
    return not (labelmap[~grown] > 0).any()


@pytest.mark.usefixtures("knowing")
def test_a_head_loses_its_skull_and_the_mask_is_written(
    altered_model: Callable[..., Path], scan: Path, brain: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, out = altered_model({"training_data": {"format": "BraTS"}}), tmp_path / "out"
    assert main(["segment", str(model), str(scan), "-o", str(out), "--save-brain"]) == 0
    assert "The brain (756 mL) was extracted" in capsys.readouterr().err
    assert "was extracted" in _row(out)["brain"]
    assert "remove the skull" not in _row(out)["warnings"]
    saved = read_volume(out / "scan_brain_mask.nii.gz")
    assert np.array_equal(saved.voxels, brain)
    assert saved.grid.matches(read_volume(scan).grid)
    assert _saw_only(brain, read_volume(out / "scan_seg.nii.gz").voxels)


@pytest.mark.usefixtures("knowing")
def test_none_takes_the_head_as_it_is_and_warns(altered_model: Callable[..., Path], scan: Path, tmp_path: Path) -> None:
    model, out = altered_model({"training_data": {"format": "BraTS"}}), tmp_path / "out"
    assert main(["segment", str(model), str(scan), "-o", str(out), "--brain", "none", "--save-brain"]) == 0
    assert "turn on brain extraction" in _row(out)["warnings"]
    assert "brain none" in _row(out)["settings"]
    assert not (out / "scan_brain_mask.nii.gz").exists()


@pytest.mark.usefixtures("knowing")
def test_a_model_of_whole_heads_is_given_whole_heads(model_file: Path, scan: Path, tmp_path: Path) -> None:
    assert main(["segment", str(model_file), str(scan), "-o", str(tmp_path / "out")]) == 0
    assert "without brain extraction" in _row(tmp_path / "out")["brain"]


def test_a_mask_from_a_file_is_used(model_file: Path, scan: Path, brain: np.ndarray, tmp_path: Path) -> None:
    mask = tmp_path / "drawn.nii.gz"
    write_volume(mask, Volume(brain.astype(np.uint8), read_volume(scan).grid))
    assert main(["segment", str(model_file), str(scan), "-o", str(tmp_path / "out"), "--brain", str(mask)]) == 0
    assert "supplied brain mask" in _row(tmp_path / "out")["brain"]


def test_a_corrected_mask_is_used_and_an_unchanged_one_not_again(
    model_file: Path, scan: Path, brain: np.ndarray, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mask, grid = tmp_path / "drawn.nii.gz", read_volume(scan).grid
    arguments = ["segment", str(model_file), str(scan), "-o", str(tmp_path / "out"), "--brain", str(mask)]
    corrected = brain.copy()
    corrected[12:24] = False
    for drawn, segmented in ((brain, True), (brain, False), (corrected, True)):
        write_volume(mask, Volume(drawn.astype(np.uint8), grid))
        assert main(arguments) == 0
        assert ("supplied brain mask" in capsys.readouterr().err) == segmented


def test_one_mask_does_not_fit_two_cases(
    model_file: Path, scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.nii.gz"
    other.write_bytes(scan.read_bytes())
    arguments = ["segment", str(model_file), str(scan), str(other), "-o", str(tmp_path / "out"), "--brain", str(scan)]
    assert main(arguments) == 2
    assert "give one scan" in capsys.readouterr().err


@pytest.mark.usefixtures("knowing")
def test_the_worker_extracts_too(altered_model: Callable[..., Path], scan: Path, brain: np.ndarray, tmp_path: Path) -> None:
    volume = read_volume(scan)
    np.save(tmp_path / "input.npy", np.ascontiguousarray(volume.voxels.T))
    item = {"name": "scan", "file": str(tmp_path / "input.npy"), "affine": volume.grid.affine.tolist()}
    model = altered_model({"training_data": {"format": "BraTS"}})
    request = {"task": "segment", "model": str(model), "device": "cpu", "volumes": [item], "folder": str(tmp_path)}
    stages: list[str] = []
    tasks = Tasks()
    found = tasks.run(request, lambda **report: stages.append(report["stage"]))
    assert "brain" in stages
    assert np.array_equal(np.load(found["brain_mask"]).T, brain)
    corrected = brain.copy()
    corrected[12:20] = False
    np.save(tmp_path / "corrected.npy", corrected.T.astype(np.uint8))
    given = tasks.run({**request, "brain": "mask", "brain_mask": str(tmp_path / "corrected.npy")}, lambda **_report: None)
    assert np.array_equal(np.load(given["brain_mask"]).T, corrected)
    assert tasks.run({**request, "brain": "none"}, lambda **_report: None)["brain_mask"] == ""
