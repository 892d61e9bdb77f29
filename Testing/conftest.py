"""Fixtures that all tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from kdnet.data.phantom import write_phantom
from kdnet.model_file import save_model
from kdnet.networks.factory import build_network
from kdnet.schema.labels import brats_labels
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import Role
from kdnet.schema.networks import NetworkSpec
from kdnet.schema.preprocessing import Preprocessing
from windows_rules import WindowsRules

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def real_cases() -> Path:
    """The folder of real cases; tests that need it are skipped where it is absent."""
    folder = REPOSITORY.parent / "shared" / "brats"
    if not folder.is_dir():
        pytest.skip("needs the folder of real cases")
    return folder


@pytest.fixture(scope="session")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six small phantom cases."""
    folder = tmp_path_factory.mktemp("phantom")
    write_phantom(folder, cases=6, shape=(28, 33, 26), spacing=6.0)
    return folder


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained student of T1ce."""
    torch.manual_seed(0)
    spec = NetworkSpec("dynunet", 1, 3, {"filters": [4, 8, 16]})
    card = ModelCard(Role.STUDENT, "Tiny", spec, ("t1ce",), brats_labels(), Preprocessing((4.0, 4.0, 4.0)))
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, card, build_network(spec))
    return path


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture(params=["own", "windows"])
def file_rules(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test twice: under the rules of this system, and in its temporary folder under those of Windows."""
    if request.param == "windows":
        if sys.platform != "linux":
            pytest.skip("the rules of Windows are applied on Linux")
        WindowsRules(tmp_path, monkeypatch).apply()
    return str(request.param)
