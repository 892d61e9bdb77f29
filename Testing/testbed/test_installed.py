"""The extension as it is installed: scripts and resources of both modules side by side in one folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import PATIENCE

SCRIPT = """
import sys
from pathlib import Path
folder = Path(sys.argv[1])
sys.path[:0] = [str(folder), sys.argv[2]]
from standin.application import Application
import slicer
application = Application(folder)
module = application.open_module("KDNetSegmentation", folder)
import kdnet, KDNetLib, KDNetSegmentationLib
assert all(Path(package.__file__).is_relative_to(folder) for package in (kdnet, KDNetLib, KDNetSegmentationLib))
volume = slicer.util.loadVolume(str(folder / "Resources/KDNet/SampleData/Phantom_002_t1ce.nii.gz"))
print("WT", module.logic.segment(volume, "Phantom demo").volumes["WT"])
training = application.open_module("KDNetTraining", folder)
import KDNetTrainingLib
assert Path(KDNetTrainingLib.__file__).is_relative_to(folder)
training.cleanup()
module.cleanup()
"""


@pytest.fixture
def installed(repository: Path, tmp_path: Path) -> Path:
    """What the lists of CMake install."""
    for module in ("KDNetSegmentation", "KDNetTraining"):
        lists = (repository / module / "CMakeLists.txt").read_text()
        for name in re.findall(r"^  (\S+\.\S+)$", lists, re.MULTILINE):
            target = tmp_path / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(repository / module / name, target)
    shared = re.search(r"set\(KDNET_SHARED_RESOURCES (.*)\)", (repository / "CMakeLists.txt").read_text())
    assert shared is not None
    for name in shared[1].split():
        source, target = repository / name, tmp_path / "Resources" / "KDNet" / Path(name).name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if source.is_dir() else shutil.copyfile)(source, target)
    return tmp_path


def test_a_first_click_works(installed: Path) -> None:
    here = str(Path(__file__).resolve().parent)
    command = [sys.executable, "-c", SCRIPT, str(installed), here]
    answer = subprocess.run(command, check=False, capture_output=True, encoding="utf-8", timeout=PATIENCE)
    assert answer.returncode == 0, answer.stderr
    assert float(re.search(r"WT (\S+)", answer.stdout)[1]) > 5  # type: ignore[index]


@pytest.mark.parametrize("module", ["KDNetSegmentation", "KDNetTraining"])
def test_a_source_tree_offers_the_shared_packages_to_each_module_alone(repository: Path, module: str) -> None:
    """Slicer adds the folder of a module when it loads it, in no particular order; -S hides the installed kdnet."""
    script = f"import sys; sys.path.insert(0, sys.argv[1]); import {module}Lib, KDNetLib, kdnet; print(KDNetLib.__file__)"
    command = [sys.executable, "-S", "-c", script, str(repository / module)]
    answer = subprocess.run(command, check=False, capture_output=True, encoding="utf-8", timeout=PATIENCE, cwd="/")
    assert answer.returncode == 0, answer.stderr
    assert Path(answer.stdout.strip()).is_relative_to(repository / "KDNetTraining")
