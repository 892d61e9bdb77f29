"""A run goes on with the images and references that it began with, or says which case has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
from kdnet.cli import main
from kdnet.data.formats.detect import read_dataset
from kdnet.data.preprocessing.case_cache import case_digests
from kdnet.errors import RunFolderError
from kdnet.runs.stop_request import StopRequest
from kdnet.schema.interruption import Interrupted, Stop, StopMode
from kdnet.study.contents import keep_contents, read_contents
from kdnet.training.distributed import ALONE
from made_runs import study


@pytest.fixture
def data(phantom: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(phantom, tmp_path / "data"))


def change(path: Path) -> None:
    image = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(np.asarray(image.dataobj)[::-1].copy(), image.affine), path)


@pytest.fixture
def paused(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was paused before its first step."""
    run = tmp_path / "run"

    def stop(*_arguments: object) -> None:
        raise Interrupted(Stop(StopMode.PAUSE))

    with monkeypatch.context() as patch:
        patch.setattr("kdnet.study.runner.raise_if_stop_requested", stop)
        assert main(study(data, run)) == 130
    return run


@pytest.mark.parametrize("kind", ["t2", "seg"])
@pytest.mark.parametrize("part", ["train", "test"])
def test_a_case_that_changed_in_a_pause_is_refused_by_name(
    data: Path, paused: Path, capsys: pytest.CaptureFixture[str], part: str, kind: str
) -> None:
    import json

    name = json.loads((paused / "splits.json").read_text())["fold0"][part][0]
    change(data / name / f"{name}_{kind}.nii.gz")
    assert main(["resume", str(paused)]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert f"case {name} has changed" in error
    assert ("reference" if kind == "seg" else kind) in error


def test_data_that_was_moved_has_not_changed(data: Path, paused: Path, tmp_path: Path) -> None:
    moved = data.rename(tmp_path / "moved")
    assert main(["resume", str(paused), "--data", str(moved)]) == 0


def test_a_run_of_a_version_that_kept_no_digests_continues(paused: Path) -> None:
    (paused / "contents.json").unlink()
    assert main(["resume", str(paused)]) == 0
    assert (paused / "contents.json").exists()


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "contents.json"
    path.write_text('{"case": ')
    with pytest.raises(RunFolderError, match=r"contents\.json"):
        keep_contents(path, {"case": {"t1": "0"}})


def test_a_case_that_comes_later_is_added(tmp_path: Path) -> None:
    path = tmp_path / "contents.json"
    keep_contents(path, {"a": {"t1": "0"}})
    keep_contents(path, {"b": {"t1": "1"}})
    keep_contents(path, {"a": {"t1": "0"}, "b": {"t1": "1"}})
    with pytest.raises(RunFolderError, match="case b has changed"):
        keep_contents(path, {"b": {"t1": "2"}})


def test_reading_them_can_be_stopped_and_says_how_far_it_is(phantom: Path) -> None:
    cases, told = read_dataset(phantom).cases[:2], []
    found = read_contents(cases, ALONE, progress=lambda done, total: told.append((done, total)))
    assert found == {case.name: case_digests(case) for case in cases}
    assert told == [(1, 2), (2, 2)]
    stop = StopRequest()
    stop.signal = "SIGTERM"
    with pytest.raises(Interrupted):
        read_contents(cases, ALONE, stop.check)
