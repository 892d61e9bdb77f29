"""Commands and options of older versions still work, and are not in the help."""

from __future__ import annotations

from pathlib import Path

import pytest
from kdnet.cli import main
from kdnet.cli.former_names import COMMANDS, OPTIONS, current_arguments


@pytest.mark.parametrize(
    ("older", "current"),
    [
        (["describe", "m"], ["model-info", "m"]),
        (["preview", "run", "-o", "f"], ["predict-checkpoint", "run", "-o", "f"]),
        (["study", "d", "--leave-out", "a", "--leave-out=b"], ["study", "d", "--exclude", "a", "--exclude=b"]),
        (["resume", "r", "--after", "q"], ["resume", "r", "--wait-for", "q"]),
        (["segment", "m", "i", "--flips", "--islands", "5"], ["segment", "m", "i", "--tta", "--min-component", "5"]),
        (["export", "r", "--tested-in", "q"], ["export", "r", "--metrics-from", "q"]),
        (["segment", "m", "--", "--flips"], ["segment", "m", "--", "--flips"]),
        (["export", "r", "--after", "q"], ["export", "r", "--after", "q"]),
        ([], []),
    ],
)
def test_older_spellings_become_current_ones(older: list[str], current: list[str]) -> None:
    assert current_arguments(older) == current


def test_an_older_command_does_what_the_current_one_does(model_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["describe", str(model_file)]) == 0
    older = capsys.readouterr().out
    assert main(["model-info", str(model_file)]) == 0
    assert older == capsys.readouterr().out


@pytest.mark.parametrize("command", sorted(OPTIONS))
def test_the_help_names_current_options_only(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out
    for older, current in OPTIONS[command].items():
        assert older not in text
        assert current in text


def test_the_help_names_current_commands_only(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert set(COMMANDS.values()) <= set(listed)
    assert not COMMANDS.keys() & set(listed)
