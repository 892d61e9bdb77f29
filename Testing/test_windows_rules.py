"""The rules themselves, and a study under them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from kdnet.cli import main
from kdnet.files import write_json
from kdnet.model_file import load_model, save_model
from kdnet.tensor_file import weights_hash
from windows_rules import WindowsRules

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the rules of Windows are applied on Linux")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    WindowsRules(tmp_path, monkeypatch).apply()
    return tmp_path


def test_what_is_open_for_reading_cannot_be_flushed(folder: Path) -> None:
    (folder / "a").write_text("1")
    with (folder / "a").open("rb") as stream, pytest.raises(OSError, match="Bad file descriptor"):
        os.fsync(stream.fileno())


def test_what_is_open_or_mapped_cannot_be_replaced_or_removed(folder: Path) -> None:
    np.save(folder / "a.npy", np.zeros(5000))
    (folder / "b").write_text("1")
    with (folder / "b").open(), pytest.raises(PermissionError):
        (folder / "b").unlink()
    mapped = np.load(folder / "a.npy", mmap_mode="r")
    with pytest.raises(PermissionError):
        (folder / "b").replace(folder / "a.npy")
    with pytest.raises(PermissionError):
        (folder / "a.npy").unlink()
    del mapped
    (folder / "b").replace(folder / "a.npy")


@pytest.mark.parametrize("name", ["a:b", "a?", "a.", "a ", "con", "NUL.txt", "a\tb", "a*b"])
def test_names_that_windows_refuses_are_refused(folder: Path, name: str) -> None:
    with pytest.raises(OSError, match="syntax"):
        (folder / name).write_text("1")
    with pytest.raises(OSError, match="syntax"):
        (folder / name).mkdir()


def test_names_that_differ_by_case_are_one_file(folder: Path) -> None:
    (folder / "Scan").write_text("first")
    (folder / "scan").write_text("second")
    assert os.listdir(folder) == ["Scan"]  # noqa: PTH208
    assert (folder / "SCAN").read_text() == "second"


def test_a_model_can_be_written_over_itself_while_it_is_in_memory(folder: Path, model_file: Path) -> None:
    save_model(folder / "m.safetensors", load_model(model_file).card, load_model(model_file).network)
    model = load_model(folder / "m.safetensors")
    save_model(folder / "m.safetensors", model.card, model.network)
    assert model_weights(folder / "m.safetensors") == model_weights(model_file)
    write_json(folder / "m.json", {"first": 1})
    write_json(folder / "m.json", {"second": 2})
    assert json.loads((folder / "m.json").read_text()) == {"second": 2}


def model_weights(path: Path) -> str:
    return weights_hash(load_model(path).network.state_dict())


def test_a_study_is_trained_paused_reported_and_exported(folder: Path, phantom: Path) -> None:
    run = folder / "run"
    small = ["--recipe", "demo", "--set", "steps=4", "--set", "validation_every=2", "--set", "checkpoint_seconds=0"]
    study = ["study", str(phantom), "--student", "t1ce", *small, "--folds", "0", "--threads", "1", "--device", "cpu"]
    assert main([*study, "--out", str(run)]) == 0
    student = run / "fold0/seed0/student-t1ce"
    (student / "model.safetensors").unlink()
    assert main(["resume", str(run)]) == 0
    assert main(["results", str(run)]) == 0
    scan = min(phantom.rglob("*_t1ce.nii.gz"))
    for _ in range(2):
        assert (
            main(["segment", str(student / "model.safetensors"), str(scan), "-o", str(folder / "out"), "--device", "cpu"])
            == 0
        )
