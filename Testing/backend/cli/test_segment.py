"""What ``kdnet segment`` leaves behind when all, some or nothing could be segmented."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from kdnet.cli import main
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.model_file import save_model
from kdnet.networks.factory import build_network
from kdnet.schema.labels import exclusive_labels
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import Role
from kdnet.schema.networks import NetworkSpec
from kdnet.schema.preprocessing import Preprocessing

SHAPE = (24, 26, 22)


def scan(path: Path, affine: np.ndarray | None = None) -> Path:
    voxels = np.zeros(SHAPE, np.int16)
    voxels[3:-3, 3:-3, 3:-3] = np.random.default_rng(0).integers(50, 900, (18, 20, 16))
    write_volume(path, Volume(voxels, Grid(SHAPE, np.diag([3.0, 3.0, 3.0, 1.0]) if affine is None else affine)))
    return path


def bad_inputs(folder: Path) -> dict[str, Path]:
    folder.mkdir()
    arrays = {
        "2D": np.ones((30, 30), np.float32),
        "4D": np.ones((9, 9, 9, 9), np.float32),
        "everywhere": np.zeros((9, 9, 9), np.float32),
        "NaN": np.full((9, 9, 9), np.nan, np.float32),
    }
    for name, array in arrays.items():
        sitk.WriteImage(sitk.GetImageFromArray(array, isVector=False), str(folder / f"{name}.nrrd"))
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((9, 9, 9, 3), np.uint8), isVector=True), str(folder / "colours.nrrd"))
    scan(folder / "spacing.nrrd", np.diag([50.0, 50.0, 50.0, 1.0]))
    voxels = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    voxels[3, 4, 5] = np.nan  # ITK would read 0 here
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([3.0, 3.0, 3.0, 1.0])), folder / "infinite.nii.gz")
    cut = scan(folder / "truncated.nii.gz")
    cut.write_bytes(cut.read_bytes()[:-100])
    return {path.name.split(".")[0]: path for path in sorted(folder.iterdir())}


def test_every_bad_volume_is_refused_in_one_sentence_and_nothing_is_written(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inputs = bad_inputs(tmp_path / "in")
    code = main(["segment", str(model_file), *map(str, inputs.values()), "-o", str(tmp_path / "out")])
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("kdnet:")]
    assert code == 1
    assert len(told) == len(inputs)
    for (why, path), line in zip(inputs.items(), told, strict=True):
        assert why in line
        assert str(path) in line
    assert not (tmp_path / "out").exists()


def test_an_older_folder_is_kept_when_nothing_could_be_segmented(model_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    main(["segment", str(model_file), str(tmp_path / "gone.nii"), "-o", str(tmp_path / "out")])
    assert (tmp_path / "out").is_dir()


def test_a_disk_that_fills_leaves_no_result_of_the_case(model_file: Path, tmp_path: Path) -> None:
    script = """
import resource, sys
from kdnet.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
sys.exit(main(sys.argv[1:]))
"""
    arguments = ["segment", model_file, scan(tmp_path / "a.nii"), "-o", tmp_path / "out", "--probabilities"]
    answer = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], check=False, capture_output=True, encoding="utf-8"
    )
    assert answer.returncode == 1, answer.stderr
    assert "cannot be written (File too large)" in answer.stderr
    assert not (tmp_path / "out").exists()


def test_names_of_labels_become_parts_of_file_names(tmp_path: Path) -> None:
    spec = NetworkSpec("dynunet", 1, 3, {"filters": [4, 8, 16]})
    labels = exclusive_labels({1: "Lesion / core", 5: "Rim"})
    card = ModelCard(Role.STUDENT, "L", spec, ("t1",), labels, Preprocessing((4.0, 4.0, 4.0)))
    torch.manual_seed(0)
    save_model(tmp_path / "m.safetensors", card, build_network(spec))
    arguments = [str(tmp_path / "m.safetensors"), str(scan(tmp_path / "a.nii.gz")), "-o", str(tmp_path / "out")]
    assert main(["segment", *arguments, "--probabilities"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a_Lesion-core_percent.nii.gz",
        "a_Rim_percent.nii.gz",
        "a_seg.nii.gz",
        "volumes.csv",
    ]


def test_the_table_shows_the_milliliters_that_the_labelmap_holds(model_file: Path, tmp_path: Path) -> None:
    main(["segment", str(model_file), str(scan(tmp_path / "a.nii.gz")), "-o", str(tmp_path / "out")])
    labelmap = read_volume(tmp_path / "out" / "a_seg.nii.gz")
    with (tmp_path / "out" / "volumes.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    assert float(row["Edema (mL)"]) == pytest.approx((labelmap.voxels == 2).sum() * 0.027, abs=1e-3)
    assert float(row["WT (mL)"]) == pytest.approx((labelmap.voxels > 0).sum() * 0.027, abs=1e-3)


def test_a_labelmap_has_the_transform_codes_of_its_input(model_file: Path, tmp_path: Path) -> None:
    path = scan(tmp_path / "a.nii.gz")
    image = nibabel.load(path)
    image.set_sform(image.affine, 4)
    image.set_qform(np.diag([3.0, 3.0, 3.0, 1.0]), 0)
    nibabel.save(image, tmp_path / "b.nii.gz")
    main(["segment", str(model_file), str(tmp_path / "b.nii.gz"), "-o", str(tmp_path / "out")])
    header = nibabel.load(tmp_path / "out" / "b_seg.nii.gz").header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (0, 4)
