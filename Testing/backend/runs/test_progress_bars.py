"""Progress on a terminal is a bar; in a file it is a line now and then."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from kdnet.runs import progress_bars
from kdnet.runs.events import EventKind, EventWriter
from kdnet.runs.progress_bars import ProgressBars

NETWORK = "fold0/seed0/teacher"


def shown(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    bars = ProgressBars(path)
    writer = EventWriter(path)
    for step in range(1, 101):
        values = {"losses": {"total": 0.5}, "seconds_left": 100.0 - step}
        writer.write(EventKind.STEP, NETWORK, step=step, steps=100, **values)
        bars.update()
    writer.close()
    bars.close()
    return capsys.readouterr().err


def test_a_file_gets_few_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(tmp_path / "events.jsonl", capsys) == f"{NETWORK} 100/100\n"


def test_a_file_gets_a_line_when_one_is_due(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress_bars, "LINE_SECONDS", 0.0)
    lines = shown(tmp_path / "events.jsonl", capsys).splitlines()
    assert len(lines) == 100
    assert lines[0] == f"{NETWORK} 1/100, loss 0.500, 1:39 left"


def test_a_terminal_gets_a_bar(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    told = shown(tmp_path / "events.jsonl", capsys)
    assert "\r" in told
    assert "100%" in told
    assert told.count("\n") == 1
