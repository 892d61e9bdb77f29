"""The list of runs: what it shows of each, how it is sorted, and how a run is deleted from disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import rows
from .test_run_settings import recorded


def finished(folder: Path, data: str, started: float | None, dice: float | None) -> Path:
    """A run folder with as much as a list of runs reads."""
    recorded(folder, [data, "--student", "t1ce"], data=data)
    if started is not None:
        event = {"time": started, "event": "started", "network": ""}
        (folder / "events.jsonl").write_text(json.dumps(event) + "\n")
    if dice is not None:
        row = {"role": "student", "modalities": "t1ce", "region": "mean", "dice": dice}
        (folder / "report").mkdir()
        (folder / "report" / "results.json").write_text(json.dumps({"summary": {"networks": [row]}}))
    return folder


@pytest.fixture
def listed(training: Any, tmp_path: Path, until: Any) -> Any:
    """Three runs, as they were opened."""
    day = 86400.0
    for name, data, started, dice in (
        ("b", "/data/brats", 20_002 * day, 0.55),
        ("a", "/data/Atlas", 20_001 * day, 0.75),
        ("c", "/data/clinic", None, None),
    ):
        training.logic.open(finished(tmp_path / name, data, started, dice))
    training.runs.refill()
    until(lambda: len(training.runs.queue.snapshots) == 3)
    return training


def names(panel: Any) -> list[str]:
    return [row[0] for row in rows(panel.ui.runsTable)]


def test_a_row_shows_state_dice_date_and_data(listed: Any) -> None:
    assert [row[2:] for row in rows(listed.ui.runsTable)] == [
        ["0.55", "2024-10-06", "brats"],
        ["0.75", "2024-10-05", "Atlas"],
        ["", "", "clinic"],
    ]
    assert listed.ui.runsTable.item(1, 4).toolTip() == str(Path("/data/Atlas"))


@pytest.mark.parametrize(
    ("column", "up", "down"),
    [(0, "abc", "cba"), (2, "bac", "abc"), (3, "abc", "bac"), (4, "abc", "cba")],
)
def test_a_click_on_a_header_sorts_and_those_without_a_value_come_last(
    listed: Any, column: int, up: str, down: str
) -> None:
    table, header = listed.ui.runsTable, listed.ui.runsTable.horizontalHeader()
    table.setCurrentCell(1, 0)
    for expected in (up, down, "bac"):  # the third click returns to the order in which they start
        header.sectionClicked.emit(column)
        assert "".join(names(listed)) == expected
        assert table.item(table.currentRow(), 0).text() == "a"
        assert listed.runs.run.name == "a"
    assert [row[4] for row in rows(table)] == ["brats", "Atlas", "clinic"]


def test_a_run_is_deleted_after_two_questions_that_name_its_size(
    listed: Any, until: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import slicer

    (tmp_path / "a" / "cache.npy").write_bytes(b"0" * 3_000_000)
    listed.ui.runsTable.setCurrentCell(1, 0)
    answers, questions = [True, False, True, True], []

    def confirm(text: str, *_arguments: Any, parent: Any = None, **_options: Any) -> bool:
        assert parent is listed.ui.runsTable
        questions.append(text)
        return answers.pop(0)

    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", confirm)
    listed.ui.deleteButton.click()
    assert not listed.ui.deleteButton.enabled
    until(lambda: not listed.runs.deletion.busy)
    assert listed.ui.runLabel.text == "a was not deleted."
    assert (tmp_path / "a" / "cache.npy").exists()
    listed.ui.deleteButton.click()
    until(lambda: "Deleted a" in listed.ui.runLabel.text)
    assert all("3.0 MB" in question for question in questions)
    assert len(questions) == 4
    assert not (tmp_path / "a").exists()
    assert names(listed) == ["b", "c"]


def test_choosing_a_run_makes_room_for_it(listed: Any) -> None:
    ui = listed.ui
    for section in (ui.dataSection, ui.experimentSection, ui.runSection):
        section.collapsed = False
    ui.runsTable.setCurrentCell(0, 0)
    assert ui.dataSection.collapsed
    assert ui.experimentSection.collapsed
    assert ui.runSection.collapsed
    assert not ui.runsSection.collapsed
