"""What starts without heavy libraries: help, version, the model card, the inspection of a data folder, a case for the viewer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from kdnet.cli.command import GROUPS
from kdnet.cli.parsers.evaluate import TASKS
from kdnet.evaluation.lesions import RULES
from waiting import PATIENCE

LIBRARIES = ("torch", "monai", "matplotlib", "safetensors")
ALL = (*LIBRARIES, "numpy", "scipy", "nibabel", "SimpleITK", "pydicom", "tqdm")
COMMANDS = [name for group in GROUPS.values() for name in group]


def run_without(libraries: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m kdnet`` in a process where the libraries cannot be imported."""
    code = (
        "import runpy, sys\n"
        f"for name in {libraries}: sys.modules[name] = None\n"
        f"sys.argv = ['kdnet', *{list(arguments)!r}]\n"
        "runpy.run_module('kdnet', run_name='__main__', alter_sys=True)\n"
    )
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["study", "--help"]], ids=" ".join)
def test_version_and_help_need_no_library(arguments: list[str]) -> None:
    done = run_without(ALL, *arguments)
    assert done.returncode == 0, done.stderr
    assert "kdnet" in done.stdout


def test_the_model_card_needs_no_library(model_file: Path) -> None:
    done = run_without(ALL, "model-info", str(model_file))
    assert done.returncode == 0, done.stderr
    assert "t1ce" in done.stdout


def test_an_inspection_needs_no_torch(phantom: Path) -> None:
    done = run_without(LIBRARIES, "inspect", str(phantom))
    assert done.returncode == 0, done.stderr
    assert "6 of 6 cases" in done.stdout


def test_a_case_for_the_viewer_needs_no_torch(phantom: Path, tmp_path: Path) -> None:
    done = run_without(LIBRARIES, "case-files", str(phantom), "Phantom_000", "-o", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "t1ce.npy").is_file()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from kdnet.cli import main

    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert not stopped.value.code
    assert f"example:\n  kdnet {command} " in capsys.readouterr().out


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    from kdnet.cli import main

    with pytest.raises(SystemExit):
        main(["--help"])
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert set(COMMANDS) <= set(listed)


def test_the_tasks_are_those_with_rules_for_lesions() -> None:
    assert set(TASKS) == RULES.keys()
