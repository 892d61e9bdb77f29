"""Temporary folders that a crashed Slicer has left behind are removed at the next start; no others are."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_folders_of_processes_that_have_ended_are_swept(module: Any, temporary: Path) -> None:
    from kdnet.temporary_names import HOST
    from KDNetLib.TemporaryFolders import abandoned_folders, make_temporary_folder, sweep_temporary_folders

    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    own = make_temporary_folder()
    left = temporary / f"kdnet-{HOST}-{ended.pid}-abc"
    others = [temporary / name for name in ("kdnet-plan-x", f"kdnet-elsewhere{HOST}-{ended.pid}-x", "kdnet-thesis", "x")]
    running = temporary / f"kdnet-{HOST}-{os.getppid()}-abc"
    for path in (left, running, *others):
        path.mkdir()
        (path / "case.npy").write_text("0")
    assert abandoned_folders() == [left]
    sweep_temporary_folders().join()
    assert not left.exists()
    assert all(path.exists() for path in (own, running, *others))
