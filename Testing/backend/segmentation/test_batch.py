"""Batches: nothing that kdnet did not write is overwritten, nothing is done twice, nothing is skipped without a reason."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from itk_series import write_series
from kdnet.cli import main
from kdnet.data.volumes.grid import Grid, Volume
from kdnet.data.volumes.io import read_volume, write_volume
from kdnet.segmentation import results_folder, results_table

SHAPE = (24, 26, 22)


def scan(path: Path, seed: int = 0, spacing: float = 6.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.zeros(SHAPE, np.int16)
    voxels[3:-3, 3:-3, 3:-3] = np.random.default_rng(seed).integers(50, 900, (18, 20, 16))
    write_volume(path, Volume(voxels, Grid(SHAPE, np.diag([spacing, spacing, spacing, 1.0]))))
    return path


def segment(model: Path, *arguments: object) -> int:
    return main(["segment", str(model), *map(str, arguments), "--device", "cpu"])


def rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "volumes.csv").open(newline="", encoding="utf-8") as stream:
        return {row["case"]: row for row in csv.DictReader(stream)}


def corrected(path: Path) -> bytes:
    """Replace a labelmap as a person would who corrects it; return its content."""
    image = nibabel.load(path)
    voxels = np.asarray(image.dataobj).copy()
    voxels[4, 4, 4] = 3 - voxels[4, 4, 4]
    nibabel.save(nibabel.Nifti1Image(voxels, image.affine), path)
    return path.read_bytes()


def test_an_experts_segmentation_is_kept(model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = scan(tmp_path / "P1" / "P1_t1ce.nii.gz").parent
    expert = folder / "P1_seg.nii.gz"
    expert.write_bytes(b"of the expert")
    for _ in range(2):  # the second finds everything done
        assert segment(model_file, folder, "-o", folder) == 0
    assert expert.read_bytes() == b"of the expert"
    assert read_volume(folder / "P1_seg_kdnet.nii.gz").grid.shape == SHAPE
    assert "P1_seg.nii.gz was not written by kdnet" in capsys.readouterr().err
    assert list(rows(folder)) == ["P1"]


def test_where_people_have_all_names_the_case_is_refused(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = scan(tmp_path / "a.nii.gz").parent
    for name in ("a_seg.nii.gz", "a_seg_kdnet.nii.gz"):
        (folder / name).write_bytes(b"of a person")
    assert segment(model_file, folder / "a.nii.gz", "-o", folder) == 1
    assert "move it or choose another" in capsys.readouterr().err
    assert {path.read_bytes() for path in folder.glob("*_seg*")} == {b"of a person"}
    assert rows(folder)["a"]["state"] == "failed"


def test_what_is_done_is_skipped_and_what_was_corrected_is_kept(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        scan(tmp_path / "in" / f"{name}.nii.gz")
    out = tmp_path / "out"
    assert segment(model_file, tmp_path / "in", "-o", out) == 0
    correction = corrected(out / "a_seg.nii.gz")
    (out / "b_seg.nii.gz").unlink()
    scan(tmp_path / "in" / "c.nii.gz")
    capsys.readouterr()
    assert segment(model_file, tmp_path / "in", "-o", out) == 0
    said = capsys.readouterr()
    assert "Segmented 2 of 3 cases, 1 done before" in said.err
    assert "a_seg.nii.gz was edited since and is kept" in said.err
    assert "a_seg" not in said.out
    assert (out / "a_seg.nii.gz").read_bytes() == correction
    assert (out / "b_seg.nii.gz").exists()
    assert list(rows(out)) == ["a", "b", "c"]


def test_another_scan_or_setting_is_segmented_again_but_never_over_a_correction(model_file: Path, tmp_path: Path) -> None:
    out, file = tmp_path / "out", scan(tmp_path / "a.nii.gz")
    assert segment(model_file, file, "-o", out) == 0
    first = rows(out)["a"]
    scan(file, seed=1)
    assert segment(model_file, file, "-o", out) == 0
    assert rows(out)["a"]["input"] != first["input"]
    assert segment(model_file, file, "-o", out, "--min-component", "5") == 0
    assert "components below 5 mm3 removed" in rows(out)["a"]["settings"]
    assert sorted(path.name for path in out.iterdir()) == ["a_seg.nii.gz", "volumes.csv"]
    correction = corrected(out / "a_seg.nii.gz")
    for _ in range(2):
        assert segment(model_file, file, "-o", out, "--min-component", "5", "--overwrite") == 0
        assert (out / "a_seg.nii.gz").read_bytes() == correction
    assert rows(out)["a"]["labelmap"] == "a_seg_kdnet.nii.gz"


def test_patients_whose_files_have_one_name_stay_apart_over_several_commands(model_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for patient in ("P1", "P2"):
        assert segment(model_file, scan(tmp_path / patient / "scan.nii.gz", seed=len(patient)), "-o", out) == 0
    assert {case: Path(row["source"]).parent.name for case, row in rows(out).items()} == {"scan": "P1", "P2_scan": "P2"}
    assert segment(model_file, tmp_path / "P1", tmp_path / "P2", "-o", out) == 0
    assert len(rows(out)) == len(list(out.glob("*_seg.nii.gz"))) == 2


def test_failures_and_what_is_skipped_have_rows_with_reasons(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    scan(folder / "pat01.nii.gz")
    scan(folder / "pat03_t1ce.nii.gz")
    (folder / "pat02_t1ce.nii.gz").write_bytes(b"damaged")
    assert segment(model_file, folder, "-o", out) == 1
    found = rows(out)
    assert {case: row["state"] for case, row in found.items()} == {
        "pat01": "skipped",
        "pat02": "failed",
        "pat03": "segmented",
    }
    assert "does not state its modality" in found["pat01"]["reason"]
    assert "pat02_t1ce.nii.gz" in found["pat02"]["reason"]
    assert "Segmented 1 of 3 cases, 1 failed, 1 skipped" in capsys.readouterr().err


def test_a_failure_that_is_fixed_becomes_a_result(model_file: Path, tmp_path: Path) -> None:
    file = tmp_path / "in" / "a.nii.gz"
    scan(tmp_path / "in" / "b.nii.gz")
    file.write_bytes(b"damaged")
    assert segment(model_file, tmp_path / "in", "-o", tmp_path / "out") == 1
    scan(file)
    assert segment(model_file, tmp_path / "in", "-o", tmp_path / "out") == 0
    assert {row["state"] for row in rows(tmp_path / "out").values()} == {"segmented"}
    assert rows(tmp_path / "out")["a"]["reason"] == ""


def test_a_locked_table_ends_no_batch(model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    (out / "volumes.csv").mkdir(parents=True)
    for name in ("a", "b"):
        scan(tmp_path / "in" / f"{name}.nii.gz")
    assert segment(model_file, tmp_path / "in", "-o", out) == 1
    assert len(list(out.glob("*_seg.nii.gz"))) == 2
    assert "volumes.csv cannot be written" in capsys.readouterr().err
    (out / "volumes.csv").rmdir()
    assert segment(model_file, tmp_path / "in", "-o", out) == 0
    assert "2 done before" in capsys.readouterr().err
    assert list(rows(out)) == ["a", "b"]


def test_a_batch_that_was_killed_continues(model_file: Path, tmp_path: Path) -> None:
    """Killed at the worst instants: before and after a labelmap appears."""
    scan(tmp_path / "a.nii.gz")
    out = tmp_path / "out"
    script = """
import os, sys
from kdnet.segmentation import results_folder
from kdnet.cli import main
original = results_folder.rename_over
def rename(file, path):
    if sys.argv[1] == "after":
        original(file, path)
    os._exit(9)
results_folder.rename_over = rename
main(sys.argv[2:])
"""
    for when in ("before", "after"):
        arguments = ["segment", model_file, tmp_path / "a.nii.gz", "-o", out, "--overwrite"]
        done = subprocess.run([sys.executable, "-c", script, when, *map(str, arguments)], check=False, capture_output=True)
        assert done.returncode == 9, done.stderr
        assert (out / "a_seg.nii.gz").exists() == (when == "after")
    assert segment(model_file, tmp_path / "a.nii.gz", "-o", out, "--overwrite") == 0
    assert [path.name for path in out.glob("a_*")] == ["a_seg.nii.gz"]
    read_volume(out / "a_seg.nii.gz")


def test_what_a_killed_process_left_is_swept_away(
    model_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out" / ".partial-1-ab").mkdir(parents=True)
    monkeypatch.setattr(results_folder, "STALE_SECONDS", -1.0)
    assert segment(model_file, scan(tmp_path / "a.nii.gz"), "-o", tmp_path / "out") == 0
    assert not list((tmp_path / "out").glob(".partial*"))


def test_a_second_run_over_a_folder_that_holds_its_results_takes_none_of_them(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = scan(tmp_path / "data" / "P1" / "t1ce.nii.gz").parents[1]
    assert segment(model_file, data, "-o", data / "out", "--probabilities") == 0
    assert segment(model_file, data, "-o", tmp_path / "elsewhere") == 0
    assert list(rows(tmp_path / "elsewhere")) == ["P1"]
    assert "Passed over as labelmaps, masks or maps by their names: 4" in capsys.readouterr().err


def test_odd_names_of_files_reach_neither_terminal_nor_table_nor_windows(
    model_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    scan(tmp_path / "in" / "a\x1b[2J.nii.gz")
    scan(tmp_path / "in" / "=1+1.nii.gz")
    scan(tmp_path / "in" / "con.1:2.nii.gz")
    assert segment(model_file, tmp_path / "in", "-o", tmp_path / "out") == 0
    said = capfd.readouterr()
    assert "\x1b" not in said.out + said.err + (tmp_path / "out" / "volumes.csv").read_text(encoding="utf-8")
    names = sorted(path.name for path in (tmp_path / "out").glob("*_seg.nii.gz"))
    assert names == ["=1+1_seg.nii.gz", "_con.1_2_seg.nii.gz", "a_[2J_seg.nii.gz"]
    assert "'=1+1" in rows(tmp_path / "out")


def test_a_channel_of_a_file_of_several_volumes_can_be_chosen(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = (read_volume(scan(tmp_path / f"{seed}.nii.gz", seed)) for seed in (1, 2))
    both = np.stack([one.voxels, two.voxels], axis=-1)
    nibabel.save(nibabel.Nifti1Image(both, one.grid.affine), tmp_path / "BRATS_1.nii.gz")
    assert segment(model_file, tmp_path / "BRATS_1.nii.gz", "-o", tmp_path / "out", "--channel", "1") == 0
    assert segment(model_file, tmp_path / "2.nii.gz", "-o", tmp_path / "out") == 0
    labelmaps = [read_volume(tmp_path / "out" / f"{name}_seg.nii.gz").voxels for name in ("BRATS_1", "2")]
    assert np.array_equal(*labelmaps)
    capsys.readouterr()
    for wrong, code in (("7", 1), ("x", 2), ("0,1", 2), ("-1", 2)):
        assert segment(model_file, tmp_path / "BRATS_1.nii.gz", "-o", tmp_path / "o", f"--channel={wrong}") == code
        assert "channel" in capsys.readouterr().err


def test_components_of_any_size_can_be_cleared(model_file: Path, tmp_path: Path) -> None:
    assert segment(model_file, scan(tmp_path / "a.nii.gz"), "-o", tmp_path / "out", "--min-component", "1e30") == 0
    assert not read_volume(tmp_path / "out" / "a_seg.nii.gz").voxels.any()


def test_what_is_probably_wrong_is_said_and_written_down(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scan(tmp_path / "x_flair.nii.gz", spacing=1.0)
    image = nibabel.load(tmp_path / "x_flair.nii.gz")
    image.set_sform(image.affine, 0)
    image.set_qform(image.affine, 0)
    nibabel.save(image, tmp_path / "x_flair.nii.gz")
    assert segment(model_file, tmp_path / "x_flair.nii.gz", "-o", tmp_path / "out") == 0
    said, written = capsys.readouterr().err, rows(tmp_path / "out")["x_flair"]["warnings"]
    for words in ("x_flair looks like FLAIR, but the model needs T1ce", "too small for a head", "the patient orientation"):
        assert words in said
        assert words in written


def test_memory_that_runs_out_is_not_blamed_on_the_scan(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(*_arguments: object, **_options: object) -> None:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("kdnet.inference.predictor.prepare_image", short)
    assert segment(model_file, scan(tmp_path / "a.nii.gz"), "-o", tmp_path / "out") == 1
    said = capsys.readouterr().err
    assert "not enough memory" in said
    assert "export it again" not in said


def test_a_process_without_stdout_and_stderr_segments(model_file: Path, tmp_path: Path) -> None:
    command = 'exec "$0" -m kdnet segment "$1" "$2" -o "$3" >&- 2>&- <&-'
    arguments = [sys.executable, model_file, scan(tmp_path / "a.nii.gz"), tmp_path / "out"]
    assert subprocess.run(["sh", "-c", command, *map(str, arguments)], check=False).returncode == 0
    read_volume(tmp_path / "out" / "a_seg.nii.gz")
    assert results_table.ResultsTable(tmp_path / "out").names()


def test_a_scan_of_another_kind_of_scanner_is_remarked_upon(
    model_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voxels = np.random.default_rng(0).integers(0, 900, (24, 24, 12)).astype(np.int16)
    folder = write_series(tmp_path / "P1", voxels, (4.0, 4.0, 8.0), tags={"0008|0060": "CT"})
    assert segment(model_file, folder, "-o", tmp_path / "out") == 0
    assert "warning: P1 is a CT image, but the model was trained on MR" in capsys.readouterr().err
