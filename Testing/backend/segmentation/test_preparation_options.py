"""``kdnet segment`` on what scanners give: other grids, shading, and scans that are not of a brain."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from kdnet.cli import main
from kdnet.data.volumes.grid import Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.model_file import save_model
from kdnet.networks import NetworkSpec, build_network
from kdnet.preparation import case
from kdnet.preparation.brain import BrainExtractor
from kdnet.preparation.registration import Alignment, matrix
from kdnet.schema.labels import brats_labels
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import Role
from kdnet.schema.preprocessing import Preprocessing
from made_heads import CENTER, SHAPE, detailed_head, head, position_of

POSITION = position_of((6, -4, 9), (8, -5, 10))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model of T1ce and FLAIR brains."""
    torch.manual_seed(0)
    spec = NetworkSpec("dynunet", 2, 3, {"filters": [4, 8, 16]})
    data = {"format": "BraTS"}
    preprocessing = Preprocessing((6.0, 6.0, 6.0))
    card = ModelCard(Role.TEACHER, "Two", spec, ("t1ce", "flair"), brats_labels(), preprocessing, training_data=data)
    path = tmp_path_factory.mktemp("model") / "two.safetensors"
    save_model(path, card, build_network(spec))
    return path


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """T1ce, and FLAIR in thick slices of the head turned and shifted; the student finds the brain."""
    _, brain = head()
    monkeypatch.setattr(BrainExtractor, "available", True)
    monkeypatch.setattr(BrainExtractor, "mask", lambda _self, _volume: brain)
    folder = tmp_path / "P1"
    folder.mkdir()
    write_volume(folder / "P1_t1ce.nii.gz", detailed_head(np.eye(4), SHAPE, (3, 3, 3), dark=False))
    write_volume(folder / "P1_flair.nii.gz", detailed_head(POSITION, (110, 125, 40), (2, 2, 5.5), dark=True))
    return folder


def test_scans_on_other_grids_are_registered_and_the_transform_is_written(model: Path, scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert main(["segment", str(model), str(scans), "-o", str(out), "--save-transforms"]) == 0
    labelmap = read_volume(out / "P1_seg.nii.gz")
    assert labelmap.grid.matches(read_volume(scans / "P1_t1ce.nii.gz").grid)
    found = matrix(sitk.ReadTransform(str(out / "P1_flair_transform.tfm")))
    corners = np.array([[*(CENTER + 60 * np.array(sign)), 1] for sign in np.ndindex(2, 2, 2)]).T
    assert np.linalg.norm(((found - POSITION) @ corners)[:3], axis=0).max() < 2
    with (out / "volumes.csv").open(newline="", encoding="utf-8") as stream:
        row = next(csv.DictReader(stream))
    assert "P1_flair.nii.gz was registered to" in row["brain"]
    assert row["settings"] == "transforms"


def test_a_failed_registration_writes_nothing_and_gives_one_sentence(
    model: Path, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(case, "align", lambda *_: Alignment(sitk.Euler3DTransform(), 0.1, 0.0, 1.0, 3.0))
    out = tmp_path / "out"
    assert main(["segment", str(model), str(scans), "-o", str(out), "--save-transforms"]) == 1
    assert "could not be registered" in capsys.readouterr().err
    assert not out.exists()


def test_a_scan_with_few_slices_is_refused_unless_forced(
    model: Path, scans: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("P1_t1ce", "P1_flair"):
        volume = detailed_head(np.eye(4), (60, 72, 9), (3, 3, 20), dark=False)
        write_volume(scans / f"{name}.nii.gz", Volume(volume.voxels, volume.grid))
    out = tmp_path / "out"
    command = ["segment", str(model), str(scans), "-o", str(out), "--brain", "none"]
    assert main(command) == 1
    assert "has only 9 slices" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert "has only 9 slices" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--shading", "strong"], ["--brain", "hd-bet"]])
def test_options_that_cannot_be_followed_are_refused_at_once(
    option: list[str], model: Path, scans: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    assert main(["segment", str(model), str(scans), "-o", str(tmp_path / "out"), *option]) == 2
    assert not (tmp_path / "out").exists()
