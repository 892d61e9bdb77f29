"""Doubtful lesions are removed from what ``kdnet segment`` and the worker write, unless the user wants them."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from kdnet.cli import main
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.model_file import load_model, save_model
from kdnet.schema.lesion_confidence import LesionConfidence
from kdnet.schema.lesions import LesionTable
from kdnet.schema.model_card import describe, read_card
from kdnet.schema.model_header import read_header_text
from kdnet.segmentation.worker_tasks import Tasks

SHAPE = (24, 26, 22)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    voxels = np.zeros(SHAPE, np.int16)
    voxels[3:-3, 3:-3, 3:-3] = np.random.default_rng(0).integers(50, 900, (18, 20, 16))
    write_volume(tmp_path / "scan.nii.gz", Volume(voxels, Grid(SHAPE, np.diag([4.0, 4.0, 4.0, 1.0]))))
    return tmp_path / "scan.nii.gz"


def calibrated(model_file: Path, folder: Path, limit: float) -> Path:
    model = load_model(model_file)
    learned = LesionConfidence("WT", {"WT": 1.0, "TC": 0.0}, 0.0, limit, {"tumors": 42})
    save_model(folder / "calibrated.safetensors", replace(model.card, lesion_confidence=learned), model.network)
    return folder / "calibrated.safetensors"


def test_the_card_keeps_it_and_older_programs_refuse_the_file(model_file: Path, tmp_path: Path) -> None:
    path = calibrated(model_file, tmp_path, 0.4)
    learned = read_card(path).lesion_confidence
    assert learned == LesionConfidence("WT", {"WT": 1.0, "TC": 0.0}, 0.0, 0.4, {"tumors": 42})
    assert "confidence under 0.40" in describe(path)
    assert json.loads(read_header_text(path))["schema"] == 4
    assert json.loads(read_header_text(model_file))["schema"] == 3
    assert read_card(model_file).lesion_confidence is None


def test_doubtful_lesions_are_removed_and_the_user_is_told(
    model_file: Path, scan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["segment", str(calibrated(model_file, tmp_path, 1.0)), str(scan), "--brain", "none"]
    assert main(["segment", str(model_file), str(scan), "--brain", "none", "-o", str(tmp_path / "plain")]) == 0
    everything = read_volume(tmp_path / "plain" / "scan_seg.nii.gz").voxels
    assert everything.any()
    capsys.readouterr()
    assert main([*command, "-o", str(tmp_path / "out")]) == 0
    assert not read_volume(tmp_path / "out" / "scan_seg.nii.gz").voxels.any()
    told = capsys.readouterr().err
    assert "Nothing certain was found" in told
    assert "--keep-doubtful keeps them" in told
    row = next(csv.DictReader((tmp_path / "out" / "volumes.csv").open(encoding="utf-8")))
    assert "Nothing certain was found" in row["warnings"]
    report = tmp_path / "report.html"
    assert main([*command, "-o", str(tmp_path / "kept"), "--keep-doubtful", "--report", str(report)]) == 0
    assert np.array_equal(read_volume(tmp_path / "kept" / "scan_seg.nii.gz").voxels, everything)
    page = report.read_text(encoding="utf-8")
    assert "where half of all marked lesions were" in page
    assert not (tmp_path / "kept" / "scan_WT_percent.nii.gz").exists()


def test_the_worker_hands_doubtful_lesions_over_apart(model_file: Path, scan: Path, tmp_path: Path) -> None:
    volume = read_volume(scan)
    np.save(tmp_path / "scan.npy", np.asarray(volume.voxels).T)
    request = {
        "task": "segment",
        "volumes": [{"name": "scan", "file": str(tmp_path / "scan.npy"), "affine": volume.grid.affine.tolist()}],
        "folder": str(tmp_path),
        "brain": "none",
        "device": "cpu",
    }

    def segmented(model: Path) -> dict[str, object]:
        return Tasks().run({**request, "model": str(model)}, lambda **_progress: None)

    plain = segmented(model_file)
    everything = np.load(str(plain["labelmap"]))
    assert plain["dropped"] == ""
    answer = segmented(calibrated(model_file, tmp_path, 1.0))
    assert not np.load(str(answer["labelmap"])).any()
    assert np.array_equal(np.load(str(answer["dropped"])), everything)
    assert all(lesion.doubtful for lesion in LesionTable.from_json(answer["lesions"]).lesions)  # type: ignore[arg-type]
    assert "table of lesions" in " ".join(answer["warnings"])  # type: ignore[arg-type]
    assert {amount["milliliters"] for amount in answer["amounts"]} == {0.0}  # type: ignore[attr-defined]
