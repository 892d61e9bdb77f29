"""Failures of the machine are sentences; anything else keeps its traceback."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

import pytest
import torch
from kdnet.cli import main
from kdnet.errors import SettingsError
from kdnet.training.failures import explain, explained
from kdnet.training.workers import check_sockets
from made_runs import study
from torch.utils.data import DataLoader

CPU = torch.device("cpu")
SENTENCES = [
    (MemoryError("Unable to allocate 14 GiB"), "not have enough free memory"),
    (torch.OutOfMemoryError("CUDA out of memory."), "smaller patch, batch or network"),
    (RuntimeError("[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory"), "memory"),
    (RuntimeError("CUDA error: no kernel image is available for execution on the device"), "--device cpu"),
    (RuntimeError("CUDA error: device-side assert triggered\nCompile with TORCH_USE_CUDA_DSA"), "--device cpu"),
    (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), "--device cpu"),
    (
        NotImplementedError("The operator 'aten::upsample_trilinear3d' is not implemented for the MPS device."),
        "--device cpu",
    ),
    (RuntimeError("DataLoader worker (pid 4711) is killed by signal: Bus error."), "set workers to 0"),
    (RuntimeError("unable to open shared memory object </torch_1> in read-write mode"), "set workers to 0"),
    (RuntimeError("DataLoader worker (pid 4711) is killed by signal: Killed."), "workers=0"),
    (RuntimeError("[gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1"), "another process"),
    (OSError("AF_UNIX path too long"), "TMPDIR"),
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/data/x"), "free some space"),
    (OSError(errno.EIO, os.strerror(errno.EIO), "/data/x"), "check the disk"),
]


@pytest.mark.parametrize(("error", "told"), SENTENCES, ids=lambda value: str(value)[:30])
def test_a_failure_of_the_machine_is_one_sentence(error: BaseException, told: str) -> None:
    sentence = explain(error, CPU, Path("run"))
    assert sentence is not None
    assert told in str(sentence)
    assert "\n" not in str(sentence)


def test_a_bug_keeps_its_traceback() -> None:
    for error in (RuntimeError("shapes differ"), KeyError("x"), ValueError("y")):
        assert explain(error, CPU) is None
    with pytest.raises(RuntimeError, match="shapes differ"), explained(CPU):
        raise RuntimeError("shapes differ")


@pytest.mark.parametrize("command", ["plan", "study"])
def test_a_device_that_lacks_an_operation_is_named(
    phantom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    def broken(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    monkeypatch.setattr(torch.nn.Conv3d, "forward", broken)
    assert main([command, *study(phantom, tmp_path / "run")[1:]]) == 2
    assert "choose another device, as in --device cpu" in capsys.readouterr().err


def test_workers_that_lack_shared_memory_are_named(
    phantom: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_loader: object) -> None:
        raise RuntimeError("DataLoader worker (pid 4711) is killed by signal: Bus error. Please raise shared memory.")

    monkeypatch.setattr(DataLoader, "__iter__", broken)
    assert main(study(phantom, tmp_path / "run", "--set", "workers=2")) == 2
    assert "--shm-size" in capsys.readouterr().err


def test_a_temporary_folder_too_long_for_sockets_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / ("a" * 100)
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    check_sockets(0)
    with pytest.raises(SettingsError, match="TMPDIR"):
        check_sockets(1)
