"""A whole raw folder, with everything that goes wrong in one."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kdnet.cli import main
from kdnet.curation.find_cases import FoundCases
from kdnet.curation.raw_case import RawCase
from kdnet.curation.run import Share
from kdnet.data.formats.detect import read_dataset
from kdnet.data.splits import read_folds
from kdnet.data.volumes.io import read_volume
from kdnet.errors import SettingsError
from kdnet.schema.raw_studies import CurationProgress
from made_raw import brats_case, dicom_study, labels, nifti_case, scan
from waiting import wait_until


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("raw")
    dicom_study(root / "P1", "MRN-77", "1.1")
    nifti_case(root / "P1", {"seg": labels()})
    brats_case(root / "P2", "P2")
    dicom_study(root / "no_t1ce", "MRN-78", "1.2", ("t1", "t2", "flair"))
    gap = dicom_study(root / "gap", "MRN-79", "1.3")
    (gap / "t2" / "010.dcm").unlink()
    brats_case(root / "torn", "torn")
    path = root / "torn" / "torn_t2.nii.gz"
    path.write_bytes(path.read_bytes()[:500])
    brats_case(root / "two", "two")
    nifti_case(root / "two", {"two_other_seg": labels()})
    (root / "lost.dcm").write_bytes(b"x")
    return root


def run(raw: Path, out: Path, *options: str) -> int:
    return main(["prepare", str(raw), str(out), "--brain", "none", "--device", "cpu", *options])


@pytest.fixture(scope="module")
def out(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "out"
    assert run(raw, folder) == 1
    return folder


def reasons(out: Path) -> dict[str, str]:
    with (out / "not_prepared.csv").open(encoding="utf-8") as stream:
        return {row["case"]: row["reason"] for row in csv.DictReader(stream)}


def test_a_study_reads_the_prepared_cases(out: Path) -> None:
    dataset = read_dataset(out)
    assert [case.name for case in dataset.cases] == ["P1", "P2"]
    assert not any(case.problems for case in dataset.cases)
    assert read_folds(out, ["P1", "P2"]).patients == {"P1": "P1", "P2": "P2"}
    assert (read_volume(out / "P1" / "P1_t2.nii.gz").voxels == scan(2).voxels).all()
    assert (read_volume(out / "P1" / "P1_seg.nii.gz").voxels == labels().voxels).all()


def test_what_could_not_be_prepared_is_listed_with_its_reason(out: Path) -> None:
    found = reasons(out)
    assert set(found) == {"no_t1ce", "gap", "torn", "two", "lost.dcm"}
    assert found["no_t1ce"].startswith("No usable T1ce among 3 series")
    assert "gap/t2 has missing slices" in found["gap"]
    assert "torn_t2.nii.gz" in found["torn"]
    assert "2 files may be the expert segmentation" in found["two"]
    assert "not a DICOM file" in found["lost.dcm"]


def test_the_page_shows_each_case_and_reason_and_opens_offline(out: Path) -> None:
    page = (out / "index.html").read_text(encoding="utf-8")
    for name in ("P1", "P2"):
        assert f'src="{name}/picture.jpg"' in page
        assert (out / name / "picture.jpg").is_file()
    assert all(reason.split(":")[0][:30] in page for reason in reasons(out).values())
    assert "http" not in page
    assert "2 cases prepared, 5 not prepared" in page


def test_nothing_of_the_dicom_headers_is_copied(out: Path) -> None:
    for path in out.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for secret in (b"MRN-7", b"nne", b"KD-0042", b"General Hospital", b"19610203"):
            assert secret not in content or path.suffix in (".gz", ".jpg"), f"{secret!r} in {path}"
    header = read_volume(out / "P1" / "P1_t1.nii.gz")
    assert header.grid.matches(scan().grid)


def test_done_cases_are_not_repeated_unless_files_or_settings_change(raw: Path, out: Path, tmp_path: Path) -> None:
    again, source = tmp_path / "out", tmp_path / "raw"
    shutil.copytree(out, again)
    shutil.copytree(raw, source)  # with the times of the files
    times = {name: (again / name / "prepared.json").stat().st_mtime_ns for name in ("P1", "P2")}
    (source / "P2" / "P2_seg.nii.gz").touch()
    assert run(source, again, "--jsonl") == 1
    assert (again / "P1" / "prepared.json").stat().st_mtime_ns == times["P1"]
    assert (again / "P2" / "prepared.json").stat().st_mtime_ns > times["P2"]


STUCK = """
import sys, time
from kdnet.cli import main
from kdnet.curation import workers
finished = workers._Worker._finished
def stuck(self, case):
    if case.name == "P3":
        time.sleep(3600)
    return finished(self, case)
workers._Worker._finished = stuck
main(sys.argv[1:])
"""


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_killed_command_continues(tmp_path: Path) -> None:
    raw, out = tmp_path / "raw", tmp_path / "out"
    for number in range(6):
        brats_case(raw, f"P{number}")
    command = [sys.executable, "-c", STUCK, "prepare", str(raw), str(out), "--brain", "none", "--jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if CurationProgress.from_json(json.loads(line)).done == 3:
                process.send_signal(signal.SIGKILL)
    assert {path.parent.name for path in out.glob("*/prepared.json")} == {"P0", "P1", "P2"}
    wait_until(lambda: main(["prepare", str(raw), str(out), "--brain", "none"]) == 0)
    assert len(read_dataset(out).cases) == 6


def test_shards_share_the_patients() -> None:
    cases = [RawCase(f"P{number}_ses-{session}", f"P{number}") for number in range(5) for session in (1, 2)]
    parts = [Share(index, 3).of(cases) for index in (1, 2, 3)]
    assert sorted(case.name for part in parts for case in part) == sorted(case.name for case in cases)
    patients = [{case.patient for case in part} for part in parts]
    assert all(not one & other for one in patients for other in patients if one is not other)
    for text in ("0/2", "3/2", "1", "a/b"):
        with pytest.raises(SettingsError, match="--shard"):
            Share.parse(text)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--modalities", "t1,pet"], '--modalities is "t1,pet"'),
        (["--reference", "t9"], '--reference is "t9"'),
        (["--spacing", "100"], "--spacing is 100 mm"),
        (["--jobs", "0"], "--jobs is 0"),
        (["--shard", "5/4"], "--shard is 5/4"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_written(
    raw: Path, tmp_path: Path, options: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(raw, tmp_path / "out", *options) == 2
    assert problem in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_output_around_the_raw_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    brats_case(tmp_path / "raw", "P1")
    assert run(tmp_path / "raw", tmp_path) == 2
    assert "contains the raw studies" in capsys.readouterr().err


def test_an_empty_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "raw").mkdir()
    assert run(tmp_path / "raw", tmp_path / "out") == 2
    assert "contains neither DICOM series nor" in capsys.readouterr().err
    assert FoundCases((), ()).cases == ()
