"""A run is deleted with its folder, and nothing else ever is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kdnet.errors import RunFolderError
from kdnet.runs.deletion import delete_run, folder_size
from kdnet.runs.lock import exclusive


@pytest.fixture
def run(tmp_path: Path) -> Path:
    root = tmp_path / "runs" / "first"
    (root / "cache" / "deep").mkdir(parents=True)
    (root / "cache" / "deep" / "case.npy").write_bytes(b"0" * 1000)
    (root / "study.json").write_text(json.dumps({"schema": 2, "data": "/data", "command": "kdnet study /data"}))
    return root


def test_a_run_is_deleted_with_everything_in_it(run: Path) -> None:
    assert folder_size(run) == 1000 + (run / "study.json").stat().st_size
    delete_run(run)
    assert not run.exists()
    assert run.parent.is_dir()


def test_what_a_link_in_a_run_points_to_stays(run: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "thesis.txt").write_text("x" * 5000)
    (run / "link").symlink_to(elsewhere)
    assert folder_size(run) < 2000
    delete_run(run)
    assert (elsewhere / "thesis.txt").exists()


def test_a_folder_that_is_no_run_a_link_or_in_use_stays(run: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(RunFolderError, match="is not a run folder"):
        delete_run(tmp_path / "other")
    (tmp_path / "link").symlink_to(run)
    with pytest.raises(RunFolderError, match="is a link"):
        delete_run(tmp_path / "link")
    with exclusive(run), pytest.raises(RunFolderError, match="another process"):
        delete_run(run)
    assert (run / "cache" / "deep" / "case.npy").exists()
