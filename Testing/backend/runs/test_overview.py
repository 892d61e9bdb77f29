"""What a list of runs shows of each, from whatever its folder holds so far."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from kdnet.runs.overview import RunOverview, read_overview


def test_an_overview_fills_as_the_run_proceeds(tmp_path: Path) -> None:
    assert read_overview(tmp_path) == RunOverview()
    (tmp_path / "study.json").write_text(json.dumps({"schema": 2, "data": "/data/brats", "command": ""}))
    assert read_overview(tmp_path) == RunOverview(None, Path("/data/brats"))
    (tmp_path / "events.jsonl").write_text('{"time": 5.5, "event": "started", "network": ""}\n{"time": 9}\n')
    assert read_overview(tmp_path).started == 5.5
    rows = [
        {"role": role, "modalities": key, "region": region, "dice": dice}
        for role, key, region, dice in (
            ("teacher", "t1+t1ce", "mean", 0.9),
            ("student", "t1ce", "ET", 0.5),
            ("student", "t1ce", "mean", 0.75),
            ("student", "t1", "mean", 0.25),
        )
    ]
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "results.json").write_text(json.dumps({"summary": {"networks": rows}}))
    assert read_overview(tmp_path) == RunOverview(5.5, Path("/data/brats"), (0.75, 0.25))


@pytest.mark.parametrize(
    "text", ["", "[]", '{"summary": 3}', '{"summary": {"networks": [{"role": "student"}]}}', "no JSON"]
)
def test_damaged_files_leave_out_what_they_hold(tmp_path: Path, text: str) -> None:
    (tmp_path / "report").mkdir()
    for name in ("study.json", "events.jsonl", "report/results.json"):
        (tmp_path / name).write_text(text)
    assert read_overview(tmp_path) == RunOverview()
