"""A copied command line does what it says, and nothing that a name in it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NAMES = ["my data", "a;touch x", "$(touch x)", "`touch x`", "a'b", "-x", "a&b", "a|b>c", "~", "*", "#"]


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
@pytest.mark.parametrize("name", NAMES)
def test_a_pasted_line_passes_every_name_as_it_is(training: Any, tmp_path: Path, name: str) -> None:
    from KDNetTrainingLib.Request import recorded_line, shell_line

    line = shell_line(["kdnet", "study", name], windows=False)
    script = f"kdnet() {{ printf '%s\\n' \"$2\"; }}\n{line}"
    told = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True, cwd=tmp_path).stdout
    assert told == name + "\n"
    assert list(tmp_path.iterdir()) == []
    assert recorded_line(line) == line


@pytest.mark.parametrize("name", ["a\ntouch x #", "a\rb", "a\x1b[2J", "a\x00b", "a\u2028b"])
@pytest.mark.parametrize("windows", [True, False])
def test_control_characters_are_refused(training: Any, name: str, windows: bool) -> None:
    from kdnet.errors import SettingsError
    from KDNetTrainingLib.Request import shell_line

    with pytest.raises(SettingsError, match="rename it"):
        shell_line(["kdnet", "study", name], windows=windows)


@pytest.mark.parametrize("name", ['a"b', "%PATH%", "$env:x", "a`b", "a!b", "C:\\data\\"])
def test_what_no_quotes_make_harmless_in_windows_is_refused(training: Any, name: str) -> None:
    from kdnet.errors import SettingsError
    from KDNetTrainingLib.Request import shell_line

    with pytest.raises(SettingsError, match="rename it"):
        shell_line(["kdnet", "study", name], windows=True)
    assert shell_line(["kdnet", "study", "C:\\my data\\a&b"], windows=True) == 'kdnet study "C:\\my data\\a&b"'


@pytest.mark.parametrize("line", ["rm -rf /", "kdnet", "kdnet resume x", "kdnet study 'open", "", "kdnet study 'a\nb'"])
def test_a_run_of_someone_else_offers_no_other_command(training: Any, line: str) -> None:
    from kdnet.errors import SettingsError
    from KDNetTrainingLib.Request import recorded_line

    with pytest.raises(SettingsError):
        recorded_line(line)


def test_what_a_run_of_someone_else_appends_is_quoted(training: Any) -> None:
    from KDNetTrainingLib.Request import recorded_line

    assert recorded_line("kdnet study data; touch x") in ("kdnet study 'data;' touch x", 'kdnet study "data;" touch x')
