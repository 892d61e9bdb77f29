"""The ``kdnet`` command itself."""

from __future__ import annotations

import pytest
from kdnet.cli import main


@pytest.mark.parametrize(
    ("command", "message"),
    [("frobnicate", "kdnet --help lists the commands"), ("studdy", "did you mean study?"), ("", "is not a command")],
)
def test_an_unknown_command_gets_one_sentence(command: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command]) == 2
    written = capsys.readouterr().err
    assert message in written
    assert "case-files" not in written
    assert len(written.splitlines()) == 1
