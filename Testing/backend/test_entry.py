"""However a command ends, it says so in one sentence and leaves the streams in order."""

from __future__ import annotations

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from kdnet.cli import command as cli
from kdnet.entry import carry_out
from kdnet.errors import SettingsError
from waiting import PATIENCE

HIDDEN = ("capabilities", "case-files")
"""Commands that serve the training panel."""

PIPES = pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of POSIX")


def raising(problem: BaseException) -> int:
    def run() -> int:
        raise problem

    return carry_out(run)


def test_a_problem_of_the_user_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert raising(SettingsError("--threads is -3: give 1 or more.")) == 2
    assert capsys.readouterr().err == "kdnet: --threads is -3: give 1 or more.\n"


def test_control_characters_of_a_name_reach_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert raising(SettingsError("scan\x1b[2J\nkdnet: forged")) == 2
    assert capsys.readouterr().err == "kdnet: scan?[2J kdnet: forged\n"


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (RuntimeError("CUDA error: no kernel image is available"), "--device cpu"),
        (NotImplementedError("The operator 'aten::x' is not currently implemented for the MPS device."), "--device cpu"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."), "out of memory"),
        (MemoryError(), "out of memory"),
        (ModuleNotFoundError("No module named 'torch'"), "package is missing"),
    ],
)
def test_what_is_known_of_foreign_problems_is_said(
    problem: Exception, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert raising(problem) == 2
    told = capsys.readouterr().err
    assert told.startswith("kdnet: ")
    assert words in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("problem", [KeyError("x"), RecursionError(), ZeroDivisionError("a\nb"), UnicodeError("odd")])
def test_anything_else_is_one_sentence_and_a_log_file(
    problem: Exception, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert raising(problem) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    (log,) = tmp_path.iterdir()
    assert str(log) in told
    assert "Traceback" in log.read_text(encoding="utf-8")
    assert type(problem).__name__ in log.read_text(encoding="utf-8")


def test_without_a_place_for_the_log_the_sentence_comes_all_the_same(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    assert raising(KeyError("x")) == 2
    assert "report it" in capsys.readouterr().err


def test_an_interrupt_and_an_exit_are_what_they_are() -> None:
    assert raising(KeyboardInterrupt()) == 130
    with pytest.raises(SystemExit):
        raising(SystemExit(0))


def test_each_command_is_found_in_its_module() -> None:
    listed = {command for commands in cli.GROUPS.values() for command in commands}
    parser = cli._parser(["--help"])
    every: dict[str, argparse.ArgumentParser] = parser._subparsers._group_actions[0].choices  # type: ignore[union-attr, assignment]
    assert set(every) == {*listed, *HIDDEN}
    for name, command in every.items():
        assert (f"\n  {name} " in parser.format_help()) is (name in listed)
        module, _, function = command.get_default("handler").partition(":")
        assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize(
    "arguments",
    [["segment", "", "scan.nii.gz", "-o", "out"], ["segment", "m", "", "-o", "out"], ["study", ""], ["resume", ""]],
)
def test_an_empty_name_is_not_the_working_folder(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr().err.startswith("kdnet: The name of a file or folder is empty: ")


def test_the_version_is_shown_without_torch() -> None:
    script = "import sys; from kdnet.cli import main\ntry: main(['--version'])\nfinally: assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=PATIENCE)


@PIPES
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [["model-info", "MODEL"], ["--version"]])
def test_a_closed_pipe_ends_it_quietly(
    model_file: Path, arguments: list[str], unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "kdnet", *(part.replace("MODEL", str(model_file)) for part in arguments)]
    ended = subprocess.run(command, check=False, stdout=writing, stderr=subprocess.PIPE, timeout=PATIENCE)
    os.close(writing)
    assert ended.stderr == b""


@PIPES
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_behind_stdout_is_reported(model_file: Path, unbuffered: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "kdnet", "model-info", str(model_file)]
        ended = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE)
    assert ended.returncode == 2
    assert ended.stderr.decode().startswith("kdnet: the output cannot be written (No space left on device)")
    assert ended.stderr.count(b"\n") == 1


@PIPES
@pytest.mark.parametrize("closed", ["2>&-", ">&- 2>&-", "<&- 2>&-"])
def test_files_get_no_messages_where_streams_are_closed(phantom: Path, closed: str) -> None:
    command = ["sh", "-c", f'exec "$0" -m kdnet inspect "$1" {closed}', sys.executable, str(phantom)]
    assert subprocess.run(command, check=False, stdout=subprocess.PIPE, timeout=PATIENCE).returncode == 0


def test_modules_of_the_working_folder_are_not_run(tmp_path: Path) -> None:
    for name in ("random", "torch", "json", "kdnet_none"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('foreign code')")
    ended = subprocess.run(
        [sys.executable, "-m", "kdnet", "model-info", "none.safetensors"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE,
    )
    assert "foreign code" not in ended.stderr
    assert "none.safetensors" in ended.stderr
