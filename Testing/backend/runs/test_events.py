"""Lines of a run's record that are damaged are passed over, and the others are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kdnet.errors import RunFolderError
from kdnet.runs.events import read_events

SOUND: dict[str, Any] = {
    **{"time": 1.0, "event": "step", "network": "fold0/seed0/teacher", "step": 3, "steps": 9},
    **{"losses": {"total": 1.5, "segmentation": 1.0}, "seconds_left": None, "study_seconds_left": 2.5},
}
DAMAGED: tuple[dict[str, Any], ...] = (
    *({"step": value} for value in ("3", [], None, 3.5, True, -1, 10**30)),
    *(
        {"losses": value}
        for value in (None, [], {"segmentation": "1"}, {"segmentation": None}, {"segmentation": float("nan")}, 1.0)
    ),
    *({"study_seconds_left": value} for value in ("soon", [], float("inf"), False)),
    *({"event": "study_started", "networks": value} for value in (True, "fold0", [1], {}, None)),
    *({"event": "excluded", "case": value} for value in (None, 1, [])),
    *({"time": value} for value in (None, "x", 10**400)),
)


@pytest.mark.parametrize("change", DAMAGED, ids=str)
def test_an_event_whose_values_are_damaged_is_passed_over(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (SOUND, {**SOUND, **change}, SOUND)), encoding="utf-8")
    events, offset = read_events(path)
    assert [event.values["step"] for event in events] == [3, 3]
    assert offset == path.stat().st_size


@pytest.mark.parametrize("line", [b"[" * 100_000, b"null", b"5", b"\xff\xfe", b'{"event": "step"}', b'{"event": []}'])
def test_a_line_that_is_not_an_event_is_passed_over(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(line + b"\n" + json.dumps(SOUND).encode() + b"\n")
    assert len(read_events(path)[0]) == 1


def test_a_record_that_cannot_be_opened_is_reported(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").mkdir()
    with pytest.raises(RunFolderError, match=r"events\.jsonl cannot be read"):
        read_events(tmp_path / "events.jsonl")
