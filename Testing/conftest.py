"""Fixtures that all tests share."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock
from gate import Gate
from kdnet.cli import main
from kdnet.data.phantom import write_phantom
from kdnet.model_file import save_model
from kdnet.networks.factory import build_network
from kdnet.schema.labels import brats_labels
from kdnet.schema.model_card import ModelCard
from kdnet.schema.network_id import Role
from kdnet.schema.networks import NetworkSpec
from kdnet.schema.preprocessing import Preprocessing
from made_nnunet import write_nnunet
from made_runs import study
from windows_rules import WindowsRules

REPOSITORY = Path(__file__).resolve().parents[1]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files of a folder with the most slow tests first, so that no process is left with a long file at the end."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow") is not None)
    folders = [_folder(item) for item in items]
    order = {folder: folders.index(folder) for folder in set(folders)}
    items.sort(key=lambda item: (order[_folder(item)], -slow[item.path]))


def _folder(item: pytest.Item) -> str:
    """Return the folder of tests, ``backend``, ``slicer`` or ``testbed``: their order stays, because they replace modules."""
    return item.path.relative_to(REPOSITORY / "Testing").parts[0]


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
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Makes a folder once for all processes of a test session; tests must not change it."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder = root / name
        with FileLock(f"{folder}.lock"):
            if not (done := root / f"{name}.done").exists():
                fill(folder)
                done.touch()
        return folder

    return make


@pytest.fixture(scope="session")
def phantom(made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """Six small phantom cases."""
    return made_once("phantom", lambda folder: write_phantom(folder, cases=6, shape=(28, 33, 26), spacing=6.0))


@pytest.fixture(scope="session")
def finished_run(phantom: Path, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The run of a tiny study, undisturbed; tests copy what they change."""

    def train(folder: Path) -> None:
        assert main(study(phantom, folder)) == 0

    return made_once("finished-run", train)


@pytest.fixture(scope="session")
def hyphenated_run(phantom: Path, made_once: Callable[[str, Callable[[Path], object]], Path]) -> Path:
    """The run of a tiny study on nnU-Net data with the channels T1, T2-FLAIR and ASL-CBF."""
    data = made_once("nnunet-phantom", lambda folder: write_nnunet(phantom, folder))

    def train(folder: Path) -> None:
        learned = ("--set", "decoding_cases=1")
        assert main(study(data, folder, "--student", "flair,asl-cbf", "--set", "steps=3", *learned)) == 0

    return made_once("hyphenated-run", train)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny untrained student of T1ce."""
    torch.manual_seed(0)
    spec = NetworkSpec("dynunet", 1, 3, {"filters": [4, 8, 16]})
    card = ModelCard(Role.STUDENT, "Tiny", spec, ("t1ce",), brats_labels(), Preprocessing((4.0, 4.0, 4.0)))
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, card, build_network(spec))
    return path


@pytest.fixture(scope="session")
def session_gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    return Gate(tmp_path_factory.mktemp("gate") / "gate")


@pytest.fixture
def gate(session_gate: Gate) -> Iterator[Gate]:
    """Holds processes that were started with its ``module`` at a message, until the test has done something to them."""
    yield session_gate
    session_gate.open()


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
